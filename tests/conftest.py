"""Fixtures for every test: real programs that a test may ask for."""

from tools.cluster import apiserver

__all__ = ["apiserver"]

"""The functions that Assay adds to the dialect, gathered from the parts that hold them."""

from __future__ import annotations

from assay.engine.cel import Extension

EXTENSIONS: tuple[Extension, ...] = ()

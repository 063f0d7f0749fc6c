"""What an expression may spend: rounds of nested loops, and the size of what it builds.

Expressions of a user's folder are input like any other. A loop over what a resource holds ends with
the resource; loops within loops multiply, and `+` in a chain of variables doubles, so both are
bounded.
"""

from __future__ import annotations

from assay.engine.cel.values import CelError

# Rounds of nested loops in one evaluation: at five units each what an API server allows a call.
MAX_STEPS = 200_000
MAX_SIZE = 4_000_000  # characters or elements of one value
SMALL = 4_096  # what is smaller is not counted: the loop that builds it is


class StepsError(CelError):
    """An evaluation that was given up."""


class _Meter:
    __slots__ = ("left",)
    left: int


_METER = _Meter()
_METER.left = MAX_STEPS


def begin() -> None:
    """Start the count of one evaluation."""
    _METER.left = MAX_STEPS


def spend(steps: int) -> None:
    """Count the rounds of an inner loop that starts. Raises StepsError."""
    _METER.left -= steps + 1
    if _METER.left < 0:
        raise StepsError(f"given up after {MAX_STEPS} steps of nested loops")


def builds(size: int) -> None:
    """Count the characters or elements of what is about to be built. Raises StepsError."""
    if size > MAX_SIZE:
        raise StepsError(f"given up: a value of {size} characters or elements")
    if size > SMALL:
        spend(size // 16)

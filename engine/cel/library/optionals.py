"""Optional values and lists: first, last, optional.unwrap, unwrapOpt."""

from __future__ import annotations

from typing import Any

from assay.engine.cel.functions import Overload
from assay.engine.cel.values import NONE, Optional


def first(values: list[Any]) -> Optional:
    """The first element, if there is one."""
    return Optional(True, values[0]) if values else NONE


def last(values: list[Any]) -> Optional:
    """The last element, if there is one."""
    return Optional(True, values[-1]) if values else NONE


def unwrap(values: list[Any]) -> list[Any]:
    """What the optionals of a list hold; those that hold nothing are left out."""
    for value in values:
        if not isinstance(value, Optional):
            raise TypeError("no such overload: unwrap of what is not optional")
    return [value.value for value in values if value.present]


# cel-go gives unwrap with the optionals, and first and last with their second version.
SINCE = (1, 29)
SINCE_FIRST = (1, 34)
OVERLOADS: tuple[Overload, ...] = (
    Overload("first", "list(A)", (), "optional_type(A)", first, SINCE_FIRST),
    Overload("last", "list(A)", (), "optional_type(A)", last, SINCE_FIRST),
    Overload("optional.unwrap", None, ("list(optional_type(A))",), "list(A)", unwrap, SINCE),
    Overload("unwrapOpt", "list(optional_type(A))", (), "list(A)", unwrap, SINCE),
)

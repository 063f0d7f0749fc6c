"""Kinds, equality and order of CEL values, as the list and set functions need them."""

from __future__ import annotations

from typing import Any

_PLAIN = {
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
}
NUMBERS = frozenset({"int", "uint", "double"})
_SCALARS = frozenset({bool, int, float, str, bytes})


def kind(value: Any) -> str:
    """The CEL type name of a value: `int`, `list`, `kubernetes.Quantity`."""
    name = _PLAIN.get(type(value))
    if name is not None:
        return name
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "map"
    return str(getattr(type(value), "cel_type", "dyn"))


def equal(one: Any, two: Any) -> bool:
    """CEL's `==`: numbers of any type by value, other types only with their own kind."""
    if type(one) is type(two) and type(one) in _SCALARS:
        return bool(one == two)
    if isinstance(one, list):
        return isinstance(two, list) and len(one) == len(two) and all(map(equal, one, two))
    if isinstance(one, dict):
        return _equal_maps(one, two)
    if kind(one) in NUMBERS:
        return kind(two) in NUMBERS and same_number(one, two)
    return kind(one) == kind(two) and bool(one == two)


def same_number(one: Any, two: Any) -> bool:
    """Whether two numbers are equal: beside a double an integer is taken for one, as in Go."""
    if isinstance(one, float) or isinstance(two, float):
        return float(one) == float(two)
    return bool(one == two)


def _equal_maps(one: dict[Any, Any], two: Any) -> bool:
    if not isinstance(two, dict) or len(one) != len(two):
        return False
    return all(key in two and equal(value, two[key]) for key, value in one.items())


def compare(one: Any, two: Any) -> int | None:
    """-1, 0 or 1; None where the two have no order (NaN, or kinds that differ)."""
    if kind(one) != kind(two) and not (kind(one) in NUMBERS and kind(two) in NUMBERS):
        return None
    if one != one or two != two:  # NaN, the only value that is not itself
        return None
    return int(one > two) - int(one < two)

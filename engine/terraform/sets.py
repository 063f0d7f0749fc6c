"""Sets: which elements are the same, and the order in which Terraform shows them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cmp_to_key
from typing import Any

from assay.engine.terraform import numbers
from assay.engine.terraform.types import BOOL, NUMBER, STRING, Type, set_of
from assay.engine.terraform.values import (
    EPHEMERAL,
    NO_MARKS,
    SENSITIVE,
    Unknown,
    Value,
    deep_marks,
    sorted_items,
    wholly_known,
)

_HOISTED = frozenset({SENSITIVE, EPHEMERAL})
_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def set_value(element: Type, elements: Iterable[Value], marks: frozenset[str] = NO_MARKS) -> Value:
    """A set: doubles are dropped, and an element's sensitivity is that of the whole set."""
    given = list(elements)
    kept = set_elements(given)
    for value in given:
        if value.marks or value.v.__class__ in (list, dict):
            hoisted = deep_marks(value) & _HOISTED
            if hoisted:
                marks = marks | hoisted
    return Value(set_of(element), kept, marks)


def set_elements(elements: list[Value]) -> list[Value]:
    """The elements without doubles, in Terraform's order. Unknown ones are never doubles."""
    kept: dict[Any, Value] = {}
    for at, value in enumerate(elements):
        key = set_key(value) if wholly_known(value) else ("?", at)
        before = kept.get(key)
        kept[key] = value if before is None else before.marked(value.marks)
    found = list(kept.values())
    if len(found) > 1:
        found.sort(key=_order)
    return found


def set_key(value: Value) -> Any:
    """A hashable key that is the same exactly for equal, wholly known values of one type."""
    v = value.v
    if v.__class__ is list:
        return tuple([set_key(element) for element in v])
    if v.__class__ is dict:
        return tuple([(name, set_key(element)) for name, element in sorted_items(value)])
    if v.__class__ is numbers.Real:
        return v.value
    return (v,) if v.__class__ is bool else v


def _compare(a: Value, b: Value) -> int:
    if a.v is None or b.v is None:
        return (a.v is None) - (b.v is None)
    unknown = (a.v.__class__ is Unknown, b.v.__class__ is Unknown)
    if any(unknown):
        return unknown[0] - unknown[1]
    if a._type is STRING or a._type is BOOL:
        return int(a.v > b.v) - int(a.v < b.v)
    if a._type is NUMBER:
        x, y = _comparable(a.v), _comparable(b.v)
        return int(x > y) - int(x < y)
    first, second = hash_text(a), hash_text(b)
    return (first > second) - (first < second)


_order = cmp_to_key(_compare)


def _comparable(number: Any) -> Any:
    return number.value if number.__class__ is numbers.Real else number


def hash_text(value: Value) -> str:
    """The text by which Terraform orders the elements of sets of anything but primitives."""
    v = value.v
    if v.__class__ is Unknown:
        return "?"
    if v is None:
        return "~"
    if v.__class__ is bool:
        return "T" if v else "F"
    if v.__class__ is str:
        return quoted(v)
    if v.__class__ is list:
        inner = ";".join([*map(hash_text, v), ""])
        return f"<{inner}>" if value.kind == "tuple" else f"[{inner}]"
    if v.__class__ is dict:
        items = sorted_items(value)
        if value.kind == "map":
            return "{" + "".join([f"{quoted(k)}:{hash_text(e)};" for k, e in items]) + "}"
        return "<" + "".join([f"{hash_text(e)};" for _, e in items]) + ">"
    return f"{numbers.to_float(v):.10g}"


def quoted(text: str) -> str:
    """The text in quotes as Go's %q writes it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    known = _ESCAPES.get(char)
    if known or char.isprintable():
        return known or char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

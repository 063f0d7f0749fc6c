"""Terraform's values → what controls read, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assay.engine import model
from assay.engine.terraform import numbers
from assay.engine.terraform.sets import set_key
from assay.engine.terraform.types import NUMBER, Type
from assay.engine.terraform.values import (
    EPHEMERAL,
    NULL,
    SENSITIVE,
    Unknown,
    Value,
    boolean,
    string,
)

_CEL_TYPES = {
    "string": "string",
    "bool": "bool",
    "list": "list",
    "set": "list",
    "tuple": "list",
    "map": "map",
    "object": "map",
}
_OWN_MARKS = frozenset({SENSITIVE, EPHEMERAL})


class Exported:
    """A value as controls read it, and what is to be known of its parts by path.

    value      None for null; maps and objects drop their nulls, sets are lists
    unknown    paths of what is not known
    sensitive  paths of what must never be shown
    refs       path → addresses that the value there depends on, sorted
    """

    __slots__ = ("refs", "sensitive", "unknown", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.unknown: list[model.Path] = []
        self.sensitive: list[model.Path] = []
        self.refs: dict[model.Path, tuple[str, ...]] = {}


def export(value: Value, path: model.Path = ()) -> Exported:
    """The value with all that is known of its parts; paths begin with `path`."""
    found = Exported()
    found.value = _export(value, path, found)
    return found


def _export(value: Value, path: model.Path, found: Exported) -> Any:
    v = value.v
    if value.marks:
        if SENSITIVE in value.marks:
            found.sensitive.append(path)
        addresses = value.marks - _OWN_MARKS
        if addresses:
            found.refs[path] = tuple(sorted(addresses))
    if v.__class__ is str or v is None or v.__class__ is bool:
        return v
    if v.__class__ is list:
        return [_export(element, (*path, at), found) for at, element in enumerate(v)]
    if v.__class__ is dict:
        made: dict[str, Any] = {}
        for name in sorted(v):
            inner = _export(v[name], (*path, name), found)
            if inner is not None:
                made[name] = inner
        return made
    if v.__class__ is Unknown:
        found.unknown.append(path)
        return to_unknown(value)
    return plain_number(v)


def plain_number(number: Any) -> int | float:
    """A number as controls see it: int when whole and within 64 bits, else float."""
    if isinstance(number, int):
        return int(number) if -(1 << 63) <= number < 1 << 63 else numbers.to_float(number)
    return numbers.to_float(number)


def to_unknown(value: Value) -> model.Unknown:
    """What controls may know of an unknown value."""
    info: Unknown = value.v
    kind = value.kind
    structure = None
    if info.structure is not None:
        encoding, inner = info.structure
        structure = (encoding, to_python(inner))
    least = info.low if isinstance(info.low, int) and kind != "number" else 0
    if kind == "string":
        least = max(least, len(info.begins), len(info.suffix))
    return model.Unknown(
        info.cause,
        info.origin,
        identity=info.identity,
        family=info.family,
        not_null=info.exists,
        type=_CEL_TYPES.get(kind),
        prefix=info.begins,
        suffix=info.suffix,
        structure=structure,
        least=least,
        refs=tuple(sorted(value.marks - _OWN_MARKS)),
    )


def to_python(value: Value) -> Any:
    """The value as controls read it, without the paths."""
    return _export(value, (), Exported())


def from_python(document: Any) -> Value:
    """A document of None, bool, int, float, str, list and dict as objects and tuples."""
    if document is None:
        return NULL
    if isinstance(document, bool):
        return boolean(document)
    if isinstance(document, int):
        return Value(NUMBER, numbers.rounded(document))
    if isinstance(document, float):
        # The decimal that a person reads is meant, not the nearest double.
        parsed = numbers.parse(repr(document))
        return Value(NUMBER, numbers.from_float(document) if parsed is None else parsed)
    if isinstance(document, str):
        return string(document)
    if isinstance(document, list):
        return Value(None, [from_python(element) for element in document])
    return Value(None, {string(k).v: from_python(v) for k, v in document.items()})


def same(values: Iterable[Value]) -> bool:
    """Whether wholly known values of one type are all equal."""
    return len({set_key(value) for value in values}) <= 1


__all__ = [
    "Exported",
    "Type",
    "export",
    "from_python",
    "plain_number",
    "same",
    "to_python",
    "to_unknown",
]

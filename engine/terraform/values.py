"""Terraform's values: a type, what is in it, and the marks that follow it everywhere.

Value.v holds
  str, bool             strings (NFC) and booleans
  int, numbers.Real     numbers (numbers.py)
  list[Value]           lists and tuples, and sets in their fixed order
  dict[str, Value]      maps and objects, in no particular order: `sorted_items` gives Terraform's
  None                  null
  Unknown               not known in this evaluation

Marks are text. SENSITIVE and EPHEMERAL are Terraform's own; every other mark is the address of a
resource, data source or module output that the value depends on (`aws_s3_bucket.a`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    Type,
    list_of,
    map_of,
    object_of,
    tuple_of,
)

SENSITIVE = "(sensitive)"
EPHEMERAL = "(ephemeral)"
NO_MARKS: frozenset[str] = frozenset()


class Unknown:
    """What is known of an unknown value; the first five are model.Unknown's.

    cause     one of model.CAUSES
    origin    what it comes from, as a person would name it
    identity  equal identities are equal values
    family    two identities of one family differ
    not_null  certainly not null, as Terraform itself knows and uses it
    exists    certainly not null, as far as can be told: the id of a resource
    prefix    what a text begins with, as far as Terraform itself knows and uses it
    begins, suffix   what a text begins and ends with, as far as it can be told
    structure        ("json", Value): the text encodes this value, which is known in part
    low, high        inclusive bounds of a number, or of a collection's length; None: no bound
    """

    __slots__ = (
        "begins",
        "cause",
        "exists",
        "family",
        "high",
        "identity",
        "low",
        "not_null",
        "origin",
        "prefix",
        "structure",
        "suffix",
    )

    def __init__(
        self,
        cause: str = "apply",
        origin: str = "",
        *,
        identity: str | None = None,
        family: str | None = None,
        not_null: bool = False,
        exists: bool = False,
        prefix: str = "",
        begins: str = "",
        suffix: str = "",
        structure: tuple[str, Any] | None = None,
        low: Any = None,
        high: Any = None,
    ) -> None:
        self.cause = cause
        self.origin = origin
        self.identity = identity
        self.family = family
        self.not_null = not_null
        self.exists = exists or not_null
        self.prefix = prefix
        self.begins = begins or prefix
        self.suffix = suffix
        self.structure = structure
        self.low = low
        self.high = high


class Value:
    """One value. `type` of a tuple or object is worked out from its elements when asked for."""

    __slots__ = ("_type", "marks", "v")

    def __init__(self, type: Type | None, v: Any, marks: frozenset[str] = NO_MARKS) -> None:
        self._type = type
        self.v = v
        self.marks = marks

    @property
    def type(self) -> Type:
        found = self._type
        if found is None:
            if self.v.__class__ is list:
                found = tuple_of([element.type for element in self.v])
            else:
                found = object_of({name: element.type for name, element in self.v.items()})
            self._type = found
        return found

    @property
    def kind(self) -> str:
        """The kind of the type, without working out the types of the elements."""
        if self._type is None:
            return "tuple" if self.v.__class__ is list else "object"
        return self._type.kind

    @property
    def known(self) -> bool:
        """Whether the value itself is known; parts of it may not be."""
        return self.v.__class__ is not Unknown

    @property
    def sensitive(self) -> bool:
        return SENSITIVE in self.marks

    def marked(self, marks: frozenset[str]) -> Value:
        """The value with more marks."""
        if marks <= self.marks:
            return self
        return Value(self._type, self.v, self.marks | marks)

    def unmarked(self) -> Value:
        """The value without its own marks; those of its elements stay."""
        return Value(self._type, self.v) if self.marks else self

    def __repr__(self) -> str:
        inner = f"unknown({self.v.origin})" if isinstance(self.v, Unknown) else repr(self.v)
        return f"<{self.kind} {inner}{' ' + ' '.join(sorted(self.marks)) if self.marks else ''}>"


TRUE = Value(BOOL, True)
FALSE = Value(BOOL, False)
NULL = Value(DYNAMIC, None)
EMPTY_STRING = Value(STRING, "")


def string(text: str) -> Value:
    """A string value; Terraform's strings are always in normal form C."""
    return Value(STRING, text if text.isascii() else unicodedata.normalize("NFC", text))


def number(value: Any) -> Value:
    """A number value from an int or a numbers.Real."""
    return Value(NUMBER, value)


def boolean(value: bool) -> Value:
    """A bool value."""
    return TRUE if value else FALSE


def null(type: Type = DYNAMIC) -> Value:
    """The null of a type."""
    return NULL if type is DYNAMIC else Value(type, None)


def tuple_value(elements: Iterable[Value]) -> Value:
    """A tuple."""
    return Value(None, list(elements))


def object_value(attributes: Mapping[str, Value]) -> Value:
    """An object."""
    return Value(None, dict(attributes))


def list_value(element: Type, elements: Iterable[Value]) -> Value:
    """A list; the elements must have exactly the element type."""
    return Value(list_of(element), list(elements))


def map_value(element: Type, elements: Mapping[str, Value]) -> Value:
    """A map; the elements must have exactly the element type."""
    return Value(map_of(element), dict(elements))


def unknown(
    type: Type = DYNAMIC,
    cause: str = "apply",
    origin: str = "",
    *,
    marks: frozenset[str] = NO_MARKS,
    **known: Any,
) -> Value:
    """An unknown value; `known` are the keyword arguments of Unknown."""
    return Value(type, Unknown(cause, origin, **known), marks)


def sorted_items(value: Value) -> list[tuple[str, Value]]:
    """The elements of a known map or object in Terraform's order, that of the keys' bytes."""
    items: list[tuple[str, Value]] = sorted(value.v.items(), key=_key_bytes)
    return items


def _key_bytes(item: tuple[str, Value]) -> Any:
    # Code points and UTF-8 bytes sort alike, so the text itself is the key.
    return item[0]


def deep_marks(value: Value) -> frozenset[str]:
    """The marks of the value and of everything inside it."""
    v = value.v
    marks = value.marks
    if v.__class__ is list:
        for element in v:
            if element.marks or element.v.__class__ in (list, dict):
                marks = marks | deep_marks(element)
    elif v.__class__ is dict:
        for element in v.values():
            if element.marks or element.v.__class__ in (list, dict):
                marks = marks | deep_marks(element)
    return marks


def strip(value: Value, marks: frozenset[str]) -> Value:
    """The value without these marks, on itself and on everything inside it."""
    v = value.v
    if v.__class__ is list:
        v = [strip(element, marks) for element in v]
    elif v.__class__ is dict:
        v = {name: strip(element, marks) for name, element in v.items()}
    elif not value.marks & marks:
        return value
    return Value(value._type, v, value.marks - marks)


def wholly_known(value: Value) -> bool:
    """Whether neither the value nor anything inside it is unknown."""
    v = value.v
    if v.__class__ is list:
        return all(map(wholly_known, v))
    if v.__class__ is dict:
        return all(map(wholly_known, v.values()))
    return v.__class__ is not Unknown


def first_unknown(value: Value) -> Unknown | None:
    """The first unknown inside the value: it names the reason of what depends on it."""
    v = value.v
    if v.__class__ is Unknown:
        return v
    if v.__class__ is list or v.__class__ is dict:
        elements: Iterable[Value] = v if isinstance(v, list) else v.values()
        for element in elements:
            found = first_unknown(element)
            if found is not None:
                return found
    return None


def unknown_like(
    type: Type, reasons: Iterable[Value], marks: frozenset[str] = NO_MARKS, **known: Any
) -> Value:
    """An unknown value whose cause and origin are those of the first unknown among `reasons`."""
    for reason in reasons:
        found = first_unknown(reason)
        if found is not None:
            return Value(type, Unknown(found.cause, found.origin, **known), marks)
    return Value(type, Unknown(**known), marks)

"""Functions that combine several collections: products, set algebra, joined and split text."""

from __future__ import annotations

from itertools import product

from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.functions.sequences import set_size
from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    LimitError,
    Parameter,
    text_parameter,
)
from assay.engine.terraform.sets import set_key, set_value
from assay.engine.terraform.types import DYNAMIC, STRING, Type, list_of, set_of, tuple_of
from assay.engine.terraform.unification import unify
from assay.engine.terraform.values import (
    NO_MARKS,
    Unknown,
    Value,
    first_unknown,
    list_value,
    string,
    unknown_like,
    wholly_known,
)

MAX_PRODUCT = 100_000  # elements of one setproduct


def _product_type(values: list[Value]) -> Type:
    if len(values) < 2:
        raise FunctionError("at least two arguments are required")
    parts: list[Type] = []
    for value in values:
        kind = value.kind
        if kind in ("list", "set"):
            parts.append(value.type.element)
        elif kind == "tuple":
            types = value.type.elements
            found = unify(types) if types else DYNAMIC
            if found is None:
                raise FunctionError("all elements must be of the same type")
            parts.append(found)
        else:
            raise FunctionError("a set or a list is required")
    made = tuple_of(parts)
    return set_of(made) if any(value.kind == "set" for value in values) else list_of(made)


def setproduct(values: list[Value]) -> Value:
    type = _product_type(values)
    marks = NO_MARKS.union(*[value.marks for value in values])
    doubtful = [
        value
        for value in values
        if not value.known or (value.kind == "set" and set_size(value) is None)
    ]
    if doubtful:
        return unknown_like(type, doubtful, marks, not_null=True)
    total = 1
    for value in values:
        total *= len(value.v)
    if total > MAX_PRODUCT:
        raise LimitError(f"more than {MAX_PRODUCT} elements")
    types = type.element.elements
    columns = [
        [convert(element, part) for element in value.v]
        for value, part in zip(values, types, strict=True)
    ]
    rows = [Value(None, list(row)) for row in product(*columns)]
    if type.kind == "set":
        return set_value(type.element, rows, marks)
    return Value(type, rows, marks)


def _set_type(values: list[Value]) -> Type:
    types = [
        value.type.element
        for value in values
        if value.type is not DYNAMIC
        and not (value.known and not value.v and value.type.element is DYNAMIC)
    ]
    if any(value.type is DYNAMIC for value in values):
        return set_of(DYNAMIC)
    if not types:
        return set_of(DYNAMIC)
    found = unify(types)
    if found is None:
        raise FunctionError("given sets must all have compatible element types")
    return set_of(found)


def _set_operation(values: list[Value], name: str) -> Value:
    type = _set_type(values)
    sets: list[Value] = []
    for value in values:
        try:
            made = convert(value, type)
        except ConversionError as error:
            raise FunctionError(str(error)) from None
        if name != "union" and not wholly_known(made):
            return unknown_like(type, [made], not_null=True)
        sets.append(made)
    found: list[Value] = list(sets[0].v)
    for other in sets[1:]:
        if name == "union":
            found.extend(other.v)
            continue
        keys = {set_key(element) for element in other.v}
        inside = name == "intersection"
        found = [element for element in found if (set_key(element) in keys) is inside]
    return set_value(type.element, found)


def join(values: list[Value]) -> Value:
    if len(values) < 2:
        raise FunctionError("at least one list is required")
    separator: str = values[0].v
    elements = [found for value in values[1:] for found in value.v]
    doubt = next((value for value in values[1:] if first_unknown(value)), None)
    if doubt is not None:
        return _joined_unknown(separator, elements, doubt)
    if any(found.v is None for found in elements):
        raise FunctionError("an element is null; cannot concatenate null values")
    return string(separator.join([found.v for found in elements]))


def _joined_unknown(separator: str, elements: list[Value], doubt: Value) -> Value:
    """Terraform knows nothing of such a text; what begins and ends it is for the controls."""
    result = unknown_like(STRING, [doubt], not_null=True)
    first, last = elements[0].v, elements[-1].v
    if isinstance(last, str) and len(elements) > 1:
        result.v.suffix = separator + last
    elif isinstance(last, Unknown):
        result.v.suffix = last.suffix
    if isinstance(first, str) and len(elements) > 1:
        result.v.begins = first + separator
    return result


def split(values: list[Value]) -> Value:
    separator, text = values[0].v, values[1].v
    parts = text.split(separator) if separator else clusters_of_characters(text)
    return list_value(STRING, [string(part) for part in parts])


def clusters_of_characters(text: str) -> list[str]:
    """What Go's strings.Split does for an empty separator: one part for each character."""
    return list(text)


_SET = set_of(DYNAMIC)

FUNCTIONS: dict[str, Function] = {
    "setproduct": Function(setproduct, [], _product_type, Parameter("sets", DYNAMIC, "um")),
    "setunion": Function(
        lambda values: _set_operation(values, "union"),
        [Parameter("first_set", _SET, "d")],
        _set_type,
        Parameter("other_sets", _SET, "d"),
        moves=True,
    ),
    "setintersection": Function(
        lambda values: _set_operation(values, "intersection"),
        [Parameter("first_set", _SET, "d")],
        _set_type,
        Parameter("other_sets", _SET, "d"),
        moves=True,
    ),
    "setsubtract": Function(
        lambda values: _set_operation(values, "subtract"),
        [Parameter("a", _SET, "d"), Parameter("b", _SET, "d")],
        _set_type,
        moves=True,
    ),
    "join": Function(
        join, [text_parameter("separator")], STRING, Parameter("lists", list_of(STRING))
    ),
    "split": Function(split, [text_parameter("separator"), text_parameter("str")], list_of(STRING)),
}

"""Functions that look through the elements of a collection or the arguments for an answer."""

from __future__ import annotations

from typing import Any

from assay.engine.terraform import operations
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.functions.signature import Function, FunctionError, Parameter
from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    Type,
    friendly,
    list_of,
)
from assay.engine.terraform.unification import unify
from assay.engine.terraform.values import FALSE, TRUE, Value, unknown_like, wholly_known

_SEQUENCES = ("list", "tuple", "set")


def contains(values: list[Value]) -> Value:
    sequence, wanted = values
    if sequence.kind not in _SEQUENCES:
        raise FunctionError("argument must be list, tuple, or set")
    doubt: Value | None = None
    for found in sequence.v:
        answer = operations.equals(wanted, found)
        if answer:
            return TRUE
        if answer is None:
            doubt = found
    if doubt is not None:
        return unknown_like(BOOL, [doubt, wanted], not_null=True)
    return FALSE


def alltrue(values: list[Value]) -> Value:
    for found in values[0].v:
        if not found.known:
            return unknown_like(BOOL, [found], not_null=True)
        if not found.v:
            return FALSE
    return TRUE


def anytrue(values: list[Value]) -> Value:
    doubt: Value | None = None
    for found in values[0].v:
        if not found.known:
            doubt = found
        elif found.v:
            return TRUE
    return FALSE if doubt is None else unknown_like(BOOL, [doubt], not_null=True)


def _coalesce_type(values: list[Value]) -> Type:
    type = unify([value.type for value in values])
    if type is None:
        raise FunctionError("all arguments must have the same type")
    return type


def coalesce(values: list[Value]) -> Value:
    type = _coalesce_type(values)
    for given in values:
        try:
            value = convert(given, type)
        except ConversionError:
            # Terraform goes on with no value at all here, which ends its evaluation.
            raise FunctionError("all arguments must have the same type") from None
        if not value.known:
            return unknown_like(type, [value], not_null=True)
        if value.v is not None and not (type is STRING and value.v == ""):
            return value
    raise FunctionError("no non-null, non-empty-string arguments")


def index(values: list[Value]) -> Value:
    sequence, wanted = values
    if sequence.kind not in ("list", "tuple"):
        raise FunctionError("argument must be a list or tuple")
    if not sequence.v:
        raise FunctionError("cannot search an empty list")
    for at, found in enumerate(sequence.v):
        answer = operations.equals(found, wanted)
        if answer is None:
            return unknown_like(NUMBER, [found, wanted], not_null=True)
        if answer:
            return Value(NUMBER, at)
    raise FunctionError("item not found")


def matchkeys(values: list[Value]) -> Value:
    sequence, keys, searched = values
    type = unify([keys.type, searched.type])
    if type is None:
        raise FunctionError("keys and searchset must be of the same type")
    if len(sequence.v) != len(keys.v):
        raise FunctionError("length of keys and values should be equal")
    if not searched.v:
        return Value(sequence.type, [])
    if not wholly_known(sequence) or not wholly_known(keys):
        return unknown_like(sequence.type, [sequence, keys], not_null=True)
    keys, searched = convert(keys, type), convert(searched, type)
    found: list[Value] = []
    for value, key in zip(sequence.v, keys.v, strict=True):
        for wanted in searched.v:
            answer = operations.equals(key, wanted)
            if answer is None:
                return Value(sequence.type, [])
            if answer:
                found.append(value)
                break
    return Value(sequence.type, found)


def sum_(values: list[Value]) -> Value:
    (sequence,) = values
    if sequence.kind not in ("list", "tuple", "set"):
        raise FunctionError(f"argument must be list, set, or tuple: {friendly(sequence.type)}")
    if not sequence.v:
        raise FunctionError("cannot sum an empty list")
    if not wholly_known(sequence):
        return unknown_like(NUMBER, [sequence], not_null=True)
    total: Any = None
    for found in sequence.v:
        try:
            number = convert(found, NUMBER)
        except ConversionError:
            number = Value(NUMBER, None)
        if number.v is None:
            raise FunctionError("argument must be list, set, or tuple of number values")
        total = number.v if total is None else operations.calculate("+", total, number.v)
    return Value(NUMBER, total)


_LIST = list_of(DYNAMIC)
_ANY = Parameter("list", DYNAMIC)

FUNCTIONS: dict[str, Function] = {
    "contains": Function(contains, [_ANY, Parameter("value")], BOOL),
    "alltrue": Function(alltrue, [Parameter("list", list_of(BOOL))], BOOL),
    "anytrue": Function(anytrue, [Parameter("list", list_of(BOOL))], BOOL),
    "coalesce": Function(
        coalesce, [], _coalesce_type, Parameter("vals", DYNAMIC, "nud"), moves=True
    ),
    "index": Function(index, [_ANY, Parameter("value")], NUMBER),
    "matchkeys": Function(
        matchkeys,
        [Parameter("values", _LIST), Parameter("keys", _LIST), Parameter("searchset", _LIST)],
        lambda values: values[0].type,
        moves=True,
    ),
    "sum": Function(sum_, [_ANY], NUMBER),
}

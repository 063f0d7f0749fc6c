"""Functions of lists, tuples and sets."""

from __future__ import annotations

from typing import Any

from assay.engine.terraform import operations
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    LimitError,
    Parameter,
    number_parameter,
    whole,
)
from assay.engine.terraform.graphemes import clusters
from assay.engine.terraform.numbers import Counted
from assay.engine.terraform.sets import set_key
from assay.engine.terraform.types import (
    DYNAMIC,
    NUMBER,
    STRING,
    Type,
    friendly,
    list_of,
    set_of,
    tuple_of,
)
from assay.engine.terraform.unification import unify
from assay.engine.terraform.values import (
    NO_MARKS,
    Unknown,
    Value,
    deep_marks,
    list_value,
    unknown_like,
    wholly_known,
)

_SEQUENCES = ("list", "tuple", "set")


def _count(number: int, marks: frozenset[str] = NO_MARKS) -> Value:
    return Value(NUMBER, Counted(number), marks)


def set_size(value: Value) -> int | None:
    """How many elements a known set has, None where unknown ones may fall together."""
    return len(value.v) if len(value.v) == 1 or wholly_known(value) else None


def length(values: list[Value]) -> Value:
    (value,) = values
    marks, v, kind = value.marks, value.v, value.kind
    if kind == "dynamic":
        return unknown_like(NUMBER, values, marks, not_null=True)
    if kind in ("number", "bool"):
        raise FunctionError("argument must be a string, a collection type, or a structural type")
    if kind == "tuple":
        return _count(len(value.type.elements if v.__class__ is Unknown else v), marks)
    if kind == "object":
        return _count(len(value.type.attributes if v.__class__ is Unknown else v), marks)
    if v.__class__ is Unknown:
        low = v.low or 0
        if kind == "string":
            low = len(clusters(v.prefix))
        if low == v.high:
            return _count(low, marks)
        return unknown_like(NUMBER, values, marks, not_null=True, low=low, high=v.high)
    if kind == "string":
        return _count(len(clusters(v)), marks)
    if kind == "set" and set_size(value) is None:
        return unknown_like(NUMBER, values, marks, not_null=True, low=1, high=len(v))
    return _count(len(v), marks)


def _element_type(values: list[Value]) -> Type:
    sequence, index = values
    kind = sequence.kind
    if kind == "list":
        return sequence.type.element
    if kind != "tuple":
        raise FunctionError(f"cannot read elements from {friendly(sequence.type)}")
    if not index.known:
        return DYNAMIC
    types = sequence.type.elements
    if not types:
        raise FunctionError("cannot use element function with an empty list")
    return types[whole(index, "index") % len(types)]


def element(values: list[Value]) -> Value:
    sequence, index = values
    _element_type(values)
    if not sequence.v:
        raise FunctionError("cannot use element function with an empty list")
    if whole(index, "index") < 0:
        raise FunctionError("cannot use element function with a negative index")
    found: Value = sequence.v[whole(index, "index") % len(sequence.v)]
    return found.marked(sequence.marks)


def _coalescelist_type(values: list[Value]) -> Type:
    types = [value.type for value in values if value.known]
    same = len(types) == len(values) and all(type == types[0] for type in types)
    return types[0] if same else DYNAMIC


def coalescelist(values: list[Value]) -> Value:
    if not values:
        raise FunctionError("at least one argument is required")
    for value in values:
        if not value.known:
            break
        if value.kind not in ("list", "tuple"):
            raise FunctionError("coalescelist arguments must be lists or tuples")
    for value in values:
        if not value.known:
            return unknown_like(_coalescelist_type(values), [value], value.marks, not_null=True)
        if value.v:
            return value
    raise FunctionError("no non-null arguments")


def compact(values: list[Value]) -> Value:
    if not wholly_known(values[0]):
        return _unknown_list(values[0], list_of(STRING))
    return list_value(STRING, [element for element in values[0].v if element.v])


def _unknown_list(value: Value, type: Type, **known: Any) -> Value:
    """A result that is wholly unknown because a part of the argument is."""
    return unknown_like(type, [value], deep_marks(value), not_null=True, **known)


def distinct(values: list[Value]) -> Value:
    (sequence,) = values
    if not wholly_known(sequence):
        return _unknown_list(sequence, sequence.type)
    kept: dict[Any, Value] = {}
    for found in sequence.v:
        kept.setdefault(set_key(found), found)
    return Value(sequence.type, list(kept.values()))


def chunklist(values: list[Value]) -> Value:
    sequence, size_value = values
    marks = sequence.marks | size_value.marks
    size = whole(size_value, "size")
    if size < 0:
        raise FunctionError("the size argument must be positive")
    elements = sequence.v
    step = size or len(elements) or 1
    chunks = [
        Value(sequence.type, elements[at : at + step]) for at in range(0, len(elements), step)
    ]
    return Value(list_of(sequence.type), chunks, marks)


def _flatten_type(values: list[Value]) -> Type:  # noqa: ARG001
    return DYNAMIC


def flatten(values: list[Value]) -> Value:
    (sequence,) = values
    if sequence.kind not in _SEQUENCES:
        raise FunctionError("can only flatten lists, sets and tuples")
    found: list[Value] = []
    marks: list[frozenset[str]] = []
    doubts: list[Value] = []
    _flatten(sequence, found, marks, doubts, 0)
    joined = NO_MARKS.union(*marks)
    if doubts:
        return unknown_like(DYNAMIC, doubts, joined, not_null=True)
    return Value(None, found, joined)


def _flatten(
    sequence: Value,
    found: list[Value],
    marks: list[frozenset[str]],
    doubts: list[Value],
    depth: int,
) -> None:
    marks.append(sequence.marks)
    if depth > 200:
        raise LimitError("lists are nested too deep")
    if sequence.kind == "set" and set_size(sequence) is None:
        doubts.append(sequence)
        return
    for inner in sequence.v:
        kind = inner.kind
        if kind == "dynamic" and not inner.known:
            doubts.append(inner)
            marks.append(inner.marks)
        elif kind in _SEQUENCES and inner.v is not None:
            if inner.known:
                _flatten(inner, found, marks, doubts, depth + 1)
            else:
                doubts.append(inner)
                marks.append(inner.marks)
        else:
            found.append(inner)


def _concat_type(values: list[Value]) -> Type:
    if not values:
        raise FunctionError("at least one argument is required")
    if all(value.kind == "list" for value in values):
        common = unify([value.type for value in values])
        if common:
            return common
    parts: list[Type] = []
    for value in values:
        if value.kind == "tuple":
            parts.extend(value.type.elements)
        elif value.kind == "list":
            if not value.known:
                return DYNAMIC
            parts.extend([value.type.element] * len(value.v))
        else:
            raise FunctionError(
                f"all arguments must be lists or tuples; got {friendly(value.type)}"
            )
    return tuple_of(parts)


def concat(values: list[Value]) -> Value:
    if not values:
        raise FunctionError("at least one argument is required")
    marks = NO_MARKS.union(*[value.marks for value in values])
    found: list[Value] = []
    kinds = {value.kind for value in values}
    if not kinds <= {"list", "tuple"}:
        _concat_type(values)
    common = unify([value.type for value in values]) if kinds == {"list"} else None
    for value in values:
        part = value
        if common:
            try:
                part = convert(value, common)
            except ConversionError as error:
                raise FunctionError(str(error)) from None
        found.extend(part.v)
    return Value(common, found, marks)


def _reverse_type(values: list[Value]) -> Type:
    kind = values[0].kind
    if kind == "tuple":
        return tuple_of(reversed(values[0].type.elements))
    if kind in ("list", "set"):
        return list_of(values[0].type.element)
    raise FunctionError(f"can only reverse list or tuple values, not {friendly(values[0].type)}")


def reverse(values: list[Value]) -> Value:
    (sequence,) = values
    if sequence.kind == "tuple":
        return Value(None, sequence.v[::-1], sequence.marks)
    return Value(_reverse_type(values), sequence.v[::-1], sequence.marks)


def _slice_bounds(values: list[Value]) -> tuple[int, int]:
    sequence = values[0]
    if sequence.kind == "set":
        raise FunctionError("cannot slice a set, because its elements do not have indices")
    if sequence.kind not in ("list", "tuple"):
        raise FunctionError("must be a list or tuple value")
    start, end = whole(values[1], "start index"), whole(values[2], "end index")
    size = (
        len(sequence.v)
        if sequence.known
        else len(sequence.type.elements)
        if sequence.kind == "tuple"
        else None
    )
    for name, value in (("start", start), ("end", end)):
        if value < 0:
            raise FunctionError(f"{name} index must not be less than zero")
        if size is not None and value > size:
            raise FunctionError(f"{name} index must not be greater than the length of the list")
    if start > end:
        raise FunctionError("start index must not be greater than end index")
    return start, end


def _slice_type(values: list[Value]) -> Type:
    sequence = values[0]
    if sequence.kind == "tuple":
        if not (values[1].known and values[2].known):
            return DYNAMIC
        start, end = _slice_bounds(values)
        return tuple_of(sequence.type.elements[start:end])
    if values[1].known and values[2].known:
        _slice_bounds(values)
    return sequence.type


def slice_(values: list[Value]) -> Value:
    sequence = values[0]
    start, end = _slice_bounds(values)
    type = None if sequence.kind == "tuple" else sequence.type
    return Value(type, sequence.v[start:end], sequence.marks)


def range_(values: list[Value]) -> Value:
    numbers = [value.v for value in values]
    exact = operations.exact
    if len(numbers) == 1:
        start, end = 0, numbers[0]
    elif len(numbers) in (2, 3):
        start, end = numbers[0], numbers[1]
    else:
        raise FunctionError("must have one, two, or three arguments")
    down = exact(end) < exact(start)
    step = numbers[2] if len(numbers) == 3 else -1 if down else 1
    if exact(step) == 0:
        raise FunctionError("step must not be zero")
    if exact(step) < 0 and exact(end) > exact(start):
        raise FunctionError("end must be less than start when step is negative")
    if exact(step) > 0 and down:
        raise FunctionError("end must be greater than start when step is positive")
    found: list[Value] = []
    at: Any = start
    while exact(at) > exact(end) if exact(step) < 0 else exact(at) < exact(end):
        if len(found) >= 1024:
            raise FunctionError("more than 1024 values were generated")
        found.append(Value(NUMBER, at))
        at = operations.calculate("+", at, step)
    return list_value(NUMBER, found)


def _one_type(values: list[Value]) -> Type:
    (sequence,) = values
    if sequence.kind in ("list", "set"):
        return sequence.type.element
    if sequence.kind == "tuple" and len(sequence.type.elements) < 2:
        return sequence.type.elements[0] if sequence.type.elements else DYNAMIC
    raise FunctionError("must be a list, set, or tuple value with either zero or one elements")


def one(values: list[Value]) -> Value:
    (sequence,) = values
    type = _one_type(values)
    if sequence.kind == "set" and set_size(sequence) is None:
        return unknown_like(type, [sequence])
    if len(sequence.v) > 1:
        raise FunctionError("must be a list, set, or tuple value with either zero or one elements")
    return sequence.v[0] if sequence.v else Value(type, None)


def sort(values: list[Value]) -> Value:
    (sequence,) = values
    if not wholly_known(sequence):
        low = high = None
        if sequence.known:
            low = high = len(sequence.v)
        else:
            low, high = sequence.v.low, sequence.v.high
        if low is not None and low == high and low < 1000:
            # The length is certain, so there is a list, of which no element is.
            each = _unknown_list(sequence, STRING)
            return list_value(STRING, [each] * int(low)).marked(sequence.marks)
        return _unknown_list(sequence, list_of(STRING), low=low, high=high)
    if any(found.v is None for found in sequence.v):
        raise FunctionError("a null string cannot be sorted")
    return list_value(STRING, sorted(sequence.v, key=lambda value: str(value.v)))


_LIST = list_of(DYNAMIC)
_SET = set_of(DYNAMIC)
_ANY = Parameter("list", DYNAMIC)

FUNCTIONS: dict[str, Function] = {
    "length": Function(length, [Parameter("value", DYNAMIC, "udm")], NUMBER),
    "element": Function(
        element,
        [Parameter("list", DYNAMIC, "m"), number_parameter("index")],
        _element_type,
        not_null=False,
    ),
    "coalescelist": Function(
        coalescelist, [], _coalescelist_type, Parameter("vals", DYNAMIC, "nud"), moves=True
    ),
    "compact": Function(compact, [Parameter("list", list_of(STRING))], list_of(STRING), moves=True),
    "distinct": Function(
        distinct, [Parameter("list", _LIST)], lambda values: values[0].type, moves=True
    ),
    "chunklist": Function(
        chunklist,
        [Parameter("list", _LIST, "m"), number_parameter("size", "m")],
        lambda values: list_of(values[0].type),
    ),
    "flatten": Function(flatten, [Parameter("list", DYNAMIC, "m")], _flatten_type),
    "concat": Function(concat, [], _concat_type, Parameter("seqs", DYNAMIC, "m")),
    "reverse": Function(reverse, [Parameter("list", DYNAMIC, "m")], _reverse_type),
    "slice": Function(
        slice_,
        [
            Parameter("list", DYNAMIC, "m"),
            number_parameter("start_index"),
            number_parameter("end_index"),
        ],
        _slice_type,
    ),
    "range": Function(range_, [], list_of(NUMBER), number_parameter("params")),
    "one": Function(one, [_ANY], _one_type, moves=True, not_null=False),
    "sort": Function(sort, [Parameter("list", list_of(STRING), "u")], list_of(STRING), moves=True),
}

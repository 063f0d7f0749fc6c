"""What expressions do with values: attributes and indexes, equality, logic, arithmetic.

Every operation takes marked and unknown values and gives back a value with the marks of what it
read. What Terraform refuses raises OperationError; the evaluator adds the place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from assay.engine.terraform import numbers
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.sets import set_key
from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    conforms,
    friendly,
    has_dynamic,
)
from assay.engine.terraform.values import (
    FALSE,
    TRUE,
    Unknown,
    Value,
    boolean,
    deep_marks,
    unknown_like,
    wholly_known,
)


class OperationError(ValueError):
    """What Terraform refuses to do with these values."""


# ---- attributes and indexes -----------------------------------------------------------------


def get_attr(value: Value, name: str) -> Value:
    """`value.name`."""
    v = value.v
    if v.__class__ is dict:
        found = v.get(name)
        if found is not None:
            return found.marked(value.marks) if value.marks else found  # type: ignore[no-any-return]
        if value.kind == "map":
            raise OperationError(f'this map does not have an element with the key "{name}"')
        raise OperationError(f'this object does not have an attribute named "{name}"')
    if v is None:
        raise OperationError("this value is null, so it does not have any attributes")
    type = value.type
    if type is DYNAMIC:
        return _part(value, DYNAMIC, f".{name}")
    if type.kind == "object":
        if name not in type.attributes:
            raise OperationError(f'this object does not have an attribute named "{name}"')
        return _part(value, type.attributes[name], f".{name}")
    if type.kind == "map":
        return _part(value, type.element, f".{name}")
    if type.kind in ("list", "set"):
        raise OperationError(f"can't access attributes on a {friendly(type)}")
    raise OperationError(f"a value of type {friendly(type)} does not have any attributes")


def _part(value: Value, type: Any, step: str) -> Value:
    """A part of an unknown value: unknown too, and one with an identity of its own."""
    info: Unknown = value.v
    identity = f"{info.identity}{step}" if info.identity else None
    return Value(
        type,
        Unknown(info.cause, f"{info.origin}{step}" if info.origin else "", identity=identity),
        value.marks,
    )


def get_index(value: Value, key: Value) -> Value:
    """`value[key]`."""
    if value.v is None:
        raise OperationError("this value is null, so it does not have any indices")
    if key.v is None:
        raise OperationError("can't use a null value as an indexing key")
    kind = value.kind
    if kind == "dynamic":
        return _part(value, DYNAMIC, _step_text(key)).marked(key.marks)
    if key.v.__class__ is Unknown and key.type is DYNAMIC:
        return unknown_like(DYNAMIC, [key], value.marks | key.marks)
    if kind == "list" or kind == "tuple":
        return _sequence_index(value, key)
    if kind == "map" or kind == "object":
        return _mapping_index(value, key)
    if kind == "set":
        raise OperationError("elements of a set have no index: only all of them can be used")
    raise OperationError("this value does not have any indices")


_NO_ELEMENT = "the given key does not identify an element in this collection value"


def _converted_key(key: Value, type: Any) -> Value:
    try:
        return convert(key, type)
    except ConversionError as error:
        raise OperationError(f"{_NO_ELEMENT}: {error}") from None


def _step_text(key: Value) -> str:
    if not key.known or key.kind not in ("string", "number", "bool"):
        return "[?]"
    return f"[{convert(key, STRING).v}]" if key.kind == "number" else f'["{key.v}"]'


def _sequence_index(value: Value, key: Value) -> Value:
    key = _converted_key(key, NUMBER)
    marks = value.marks | key.marks
    v, type = value.v, value._type
    if not key.known:
        element = DYNAMIC if type is None or type.kind == "tuple" else type.element
        return unknown_like(element, [key], marks)
    index = key.v
    if not isinstance(index, int):
        raise OperationError(f"{_NO_ELEMENT}: indexing a sequence requires a whole number")
    if index < 0:
        raise OperationError(
            f"{_NO_ELEMENT}: a negative number is not a valid index for a sequence"
        )
    if v.__class__ is Unknown:
        type = value.type
        if type.kind == "list":
            if v.high is not None and index >= v.high:
                raise OperationError(f"{_NO_ELEMENT}: the list is shorter")
            return _part(value, type.element, f"[{index}]").marked(key.marks)
        if index < len(type.elements):
            return _part(value, type.elements[index], f"[{index}]").marked(key.marks)
        raise OperationError(_NO_ELEMENT)
    if index >= len(v):
        reason = (
            "the given index is greater than or equal to the length of the collection"
            if v
            else "the collection has no elements"
        )
        raise OperationError(f"{_NO_ELEMENT}: {reason}")
    return v[index].marked(marks) if marks else v[index]  # type: ignore[no-any-return]


def _mapping_index(value: Value, key: Value) -> Value:
    was_number = key.kind == "number"
    key = _converted_key(key, STRING)
    marks = value.marks | key.marks
    v = value.v
    is_map = value.kind == "map"
    if not key.known:
        return unknown_like(value.type.element if is_map else DYNAMIC, [key], marks)
    if v.__class__ is Unknown:
        if is_map:
            return _part(value, value.type.element, f'["{key.v}"]').marked(key.marks)
        if key.v not in value.type.attributes:
            raise OperationError(_NO_ELEMENT)
        return _part(value, DYNAMIC, f'["{key.v}"]').marked(key.marks)
    found = v.get(key.v)
    if found is None:
        hint = ": an object has attributes by name, not by number" if was_number else ""
        raise OperationError(_NO_ELEMENT + hint)
    return found.marked(marks) if marks else found  # type: ignore[no-any-return]


# ---- equality -------------------------------------------------------------------------------


def equal(a: Value, b: Value) -> Value:
    """`a == b`: types must agree, and unknown parts leave it open unless others decide."""
    marks = deep_marks(a) | deep_marks(b)
    answer = equals(a, b)
    if answer is None:
        return unknown_like(BOOL, [a, b], marks, not_null=True)
    return boolean(answer).marked(marks) if marks else boolean(answer)


def not_equal(a: Value, b: Value) -> Value:
    """`a != b`."""
    return negate(equal(a, b))


def equals(a: Value, b: Value) -> bool | None:  # noqa: C901 - one case a kind
    """Whether two values are equal; None where that is not known."""
    a_unknown, b_unknown = a.v.__class__ is Unknown, b.v.__class__ is Unknown
    if a_unknown and b_unknown:
        return None
    if a_unknown or b_unknown:
        return _half_known(a, b) if a_unknown else _half_known(b, a)
    if a.v is None or b.v is None:
        return a.v is b.v
    kind = a.kind
    if kind == b.kind and kind in ("string", "number", "bool"):
        return bool(a.v == b.v)
    a_type, b_type = a.type, b.type
    if not (_type_known(a) and _type_known(b)):
        if not conforms(a_type, b_type) and not conforms(b_type, a_type):
            return False
        return None
    if a_type != b_type:
        return False
    if kind == "set":
        if not (wholly_known(a) and wholly_known(b)):
            return None
        return bool(set_key(a) == set_key(b))
    if a.v.__class__ is dict:
        if a.v.keys() != b.v.keys():
            return False
        pairs = [(a.v[name], b.v[name]) for name in a.v]
    else:
        if len(a.v) != len(b.v):
            return False
        pairs = list(zip(a.v, b.v, strict=True))
    for x, y in pairs:
        answer = equals(x, y)
        if answer is not True:
            return answer
    return True


def _type_known(value: Value) -> bool:
    """Whether no unknown part of the value could still take another type."""
    v = value.v
    if v is None:
        return True
    if v.__class__ is Unknown:
        return not has_dynamic(value.type)
    if v.__class__ is list:
        return all(map(_type_known, v))
    return all(map(_type_known, v.values())) if v.__class__ is dict else True


def _half_known(unknown: Value, known: Value) -> bool | None:
    """Equality of an unknown value and a known one: False where its type or range excludes it."""
    info: Unknown = unknown.v
    if known.v is None:
        return False if info.not_null else None
    if known.v.__class__ is str and unknown._type is STRING and info.prefix:
        return None if known.v.startswith(info.prefix) else False
    if known._type is NUMBER and unknown._type is NUMBER:
        value = exact(known.v)
        if (info.low is not None and value < info.low) or (
            info.high is not None and value > info.high
        ):
            return False
        return None
    unknown_type = unknown.type
    if has_dynamic(unknown_type):
        return None if conforms(known.type, unknown_type) or has_dynamic(known.type) else False
    if known.type != unknown_type:
        return None if has_dynamic(known.type) else False
    if unknown_type.kind in ("list", "set", "map"):
        size = len(known.v)
        if (info.low or 0) > size or (info.high is not None and info.high < size):
            return False
    return None


# ---- logic ----------------------------------------------------------------------------------


def negate(value: Value) -> Value:
    """`!value`."""
    value = _operand(value, BOOL)
    if not value.known:
        return unknown_like(BOOL, [value], value.marks, not_null=True)
    answer = FALSE if value.v else TRUE
    return answer.marked(value.marks) if value.marks else answer


def both(a: Value, b: Value) -> Value:
    """`a && b`: unknown as soon as one is, as in Terraform 1.11."""
    return _logic(a, b, lambda x, y: x and y)


def either(a: Value, b: Value) -> Value:
    """`a || b`."""
    return _logic(a, b, lambda x, y: x or y)


def _logic(a: Value, b: Value, decide: Callable[[bool, bool], bool]) -> Value:
    a, b = _operand(a, BOOL), _operand(b, BOOL)
    marks = a.marks | b.marks
    if not (a.known and b.known):
        return unknown_like(BOOL, [a, b], marks, not_null=True)
    answer = boolean(decide(a.v, b.v))
    return answer.marked(marks) if marks else answer


# ---- numbers --------------------------------------------------------------------------------


def _operand(value: Value, type: Any) -> Value:
    if value._type is not type:
        try:
            value = convert(value, type)
        except ConversionError as error:
            raise OperationError(f"unsuitable value for operand: {error}") from None
    if value.v is None:
        raise OperationError("argument must not be null")
    return value


def exact(number: Any) -> Any:
    """The number as something that Python compares exactly."""
    return number.value if number.__class__ is numbers.Real else number


def compare(operator: str, a: Value, b: Value) -> Value:
    """`<`, `<=`, `>`, `>=`; bounds of unknown numbers may decide."""
    a, b = _operand(a, NUMBER), _operand(b, NUMBER)
    marks = a.marks | b.marks
    decide = _ORDER[operator]
    if a.known and b.known:
        answer: bool | None = decide(exact(a.v), exact(b.v))
    else:
        (a_low, a_high), (b_low, b_high) = _bounds(a), _bounds(b)
        answer = None
        if a_high is not None and b_low is not None and a_high < b_low:
            answer = operator[0] == "<"
        elif a_low is not None and b_high is not None and a_low > b_high:
            answer = operator[0] == ">"
        # `x >= y` is `x > y || x == y`, and a bound equal to the other side decides neither.
    if answer is None:
        return unknown_like(BOOL, [a, b], marks, not_null=True)
    return boolean(answer).marked(marks) if marks else boolean(answer)


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}


def _bounds(value: Value) -> tuple[Any, Any]:
    if value.known:
        number = exact(value.v)
        return number, number
    return value.v.low, value.v.high


def arithmetic(operator: str, a: Value, b: Value) -> Value:
    """`+`, `-`, `*`, `/`, `%`."""
    a, b = _operand(a, NUMBER), _operand(b, NUMBER)
    marks = a.marks | b.marks
    if not (a.known and b.known):
        return unknown_like(NUMBER, [a, b], marks, not_null=True)
    result = calculate(operator, a.v, b.v)
    return Value(NUMBER, result, marks)


def calculate(operator: str, x: Any, y: Any) -> Any:
    """The operation on two numbers."""
    if x.__class__ is int and y.__class__ is int and operator in "+-*":
        whole = x + y if operator == "+" else x - y if operator == "-" else x * y
        if not whole and operator == "*" and (x < 0 or y < 0):
            return numbers.NEGATIVE_ZERO
        return whole if -(1 << 500) < whole < 1 << 500 else numbers.rounded(whole)
    if numbers.is_infinite(x) or numbers.is_infinite(y):
        return _infinite(operator, x, y)
    left, right = numbers.fraction(x), numbers.fraction(y)
    bits = max(numbers.bits_of(x), numbers.bits_of(y))
    zero = (operator == "*" and not (left and right)) or (operator == "/" and not left and right)
    if zero and _negative(x) is not _negative(y):
        return numbers.NEGATIVE_ZERO
    if operator == "+" and x.__class__ is y.__class__ is numbers.NegativeZero:
        return numbers.NEGATIVE_ZERO
    if operator == "+":
        return numbers.rounded(left + right, bits)
    if operator == "-":
        return numbers.rounded(left - right, bits)
    if operator == "*":
        return numbers.rounded(left * right)
    if right == 0:
        if operator == "%":
            return x  # the quotient is infinite, and Go takes nothing of it
        if not left:
            raise OperationError("can't divide zero by zero or infinity by infinity")
        return float("inf") if left > 0 else float("-inf")
    if operator == "/":
        return numbers.rounded(left / right, bits)
    quotient = numbers.truncated(numbers.rounded(left / right, bits))
    product = numbers.fraction(numbers.rounded(right * Fraction(quotient)))
    return numbers.rounded(left - product, bits)


def _negative(number: Any) -> bool:
    return bool(exact(number) < 0) or number.__class__ is numbers.NegativeZero


def _infinite(operator: str, x: Any, y: Any) -> Any:
    a, b = numbers.to_float(x), numbers.to_float(y)
    if operator == "%":
        raise OperationError("cannot calculate with infinity")
    if operator == "/":
        result = math.nan if math.isinf(a) and math.isinf(b) else a / b if b else a
    else:
        result = a + b if operator == "+" else a - b if operator == "-" else a * b
    if math.isnan(result):
        raise OperationError("the result is not a number")
    return numbers.from_float(result)


def minus(value: Value) -> Value:
    """`-value`."""
    value = _operand(value, NUMBER)
    if not value.known:
        return unknown_like(NUMBER, [value], value.marks, not_null=True)
    v = value.v
    result = numbers.Real(-v.value, v.bits) if v.__class__ is numbers.Real else -v
    if not v and v.__class__ is not numbers.NegativeZero and v.__class__ is not numbers.Real:
        result = numbers.NEGATIVE_ZERO
    return Value(NUMBER, result, value.marks)

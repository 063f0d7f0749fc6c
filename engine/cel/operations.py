"""What expressions do with values: selection, equality, order, arithmetic, with unknowns."""

from __future__ import annotations

import math
from typing import Any

from assay.engine.cel import bounds
from assay.engine.cel.library.values import kind as type_name
from assay.engine.cel.library.values import same_number
from assay.engine.cel.values import NONE, CelError, Optional, UInt
from assay.engine.model import Incomplete, Unknown

# Values that compare with their own kind alone: on the left of `==` another kind is an error.
MISSING = object()
OPAQUE = ("kubernetes.", "net.")


def number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equal(a: Any, b: Any) -> Any:
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return equal_unknown(a, b)
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    if number(a) and number(b):
        return same_number(a, b)
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return equal_lists(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return False
        doubt = None
        for key in a:
            same = inner_equal(a[key], b[key])
            if same is False:
                return False
            if same is not True:
                doubt = same
        return True if doubt is None else doubt
    if isinstance(a, Optional) and isinstance(b, Optional):
        return a.present == b.present and (not a.present or equal(a.value, b.value))
    if type(a) is not type(b):
        if type_name(a).startswith(OPAQUE):
            raise CelError(f"no such overload: {type_name(a)} == {type_name(b)}")
        return False
    return bool(a == b)


def inner_equal(a: Any, b: Any) -> Any:
    """`==` inside a list or map, where two that cannot be compared are two that differ."""
    try:
        return equal(a, b)
    except CelError:
        return False


def held_key(value: dict[Any, Any], key: Any) -> Any:
    """The key of the map that equals the given one, else MISSING; to Python, true is 1."""
    if type(key) is str:
        return key if key in value else MISSING
    if isinstance(key, (list, dict)) or key not in value:
        return MISSING
    truth = isinstance(key, bool)
    return next(
        (held for held in value if held == key and isinstance(held, bool) is truth), MISSING
    )


def equal_lists(a: list[Any], b: list[Any]) -> Any:
    """`==` of lists; one that may hold more equals nothing for sure."""
    for part, whole in ((a, b), (b, a)):
        if isinstance(part, Incomplete):
            shorter = not isinstance(whole, Incomplete) and len(whole) < len(part)
            return False if shorter else part.rest
    if len(a) != len(b):
        return False
    doubt = None
    for x, y in zip(a, b, strict=True):
        same = inner_equal(x, y)
        if same is False:
            return False
        if same is not True:
            doubt = same
    return True if doubt is None else doubt


def equal_unknown(a: Any, b: Any) -> Any:
    if isinstance(a, Unknown) and isinstance(b, Unknown):
        if a.identity is not None and a.identity == b.identity:
            return True
        if a.family is not None and a.family == b.family and a.identity != b.identity:
            return False
        if not _fit(a.prefix, b.prefix) or not _fit(a.suffix[::-1], b.suffix[::-1]):
            return False
        return a
    unknown, known = (a, b) if isinstance(a, Unknown) else (b, a)
    if known is None:
        return False if unknown.not_null else unknown
    return False if _excludes(unknown, known) else unknown


def _excludes(unknown: Unknown, known: Any) -> bool:
    """Whether what is known of an unknown value tells it from a known one."""
    if isinstance(known, str):
        ends = known.startswith(unknown.prefix) and known.endswith(unknown.suffix)
        if not ends or len(known) < unknown.least:
            return True
    if unknown.type is None or not unknown.not_null or unknown.type == type_name(known):
        return False
    return not (unknown.type in ("int", "double", "uint") and number(known))


def _fit(a: str, b: str) -> bool:
    return a.startswith(b) or b.startswith(a)


def compare(word: str, a: Any, b: Any) -> bool:
    if number(a) and number(b):
        if math.isnan(a) or math.isnan(b):
            raise CelError("NaN has no order")
        if isinstance(a, float) or isinstance(b, float):
            a, b = float(a), float(b)
    elif isinstance(a, bool) and isinstance(b, bool):
        pass
    elif (
        type(a) is not type(b)
        or isinstance(a, (list, dict, type(None)))
        or not hasattr(type(a), "__lt__")
    ):
        raise CelError(f"no such overload: {type_name(a)} {word} {type_name(b)}")
    if word == "<":
        return bool(a < b)
    if word == "<=":
        return bool(a <= b)
    if word == ">":
        return bool(a > b)
    return bool(a >= b)


def whole(value: int, like: Any) -> Any:
    if isinstance(like, UInt):
        if not 0 <= value < 2**64:
            raise CelError("unsigned integer overflow")
        return UInt(value)
    if not -(2**63) <= value < 2**63:
        raise CelError("integer overflow")
    return value


def arithmetic(word: str, a: Any, b: Any) -> Any:
    """`+ - * / %` of two known values."""
    if number(a) and number(b) and type_name(a) == type_name(b):
        found = _doubles(word, a, b) if isinstance(a, float) else _wholes(word, a, b)
    elif word == "+" and isinstance(a, (str, bytes)) and type(a) is type(b):
        bounds.builds(len(a) + len(b))
        found = a + b  # type: ignore[operator]
    elif word == "+" and isinstance(a, list) and isinstance(b, list):
        bounds.builds(len(a) + len(b))
        rest = next((each.rest for each in (a, b) if isinstance(each, Incomplete)), None)
        found = [*a, *b] if rest is None else Incomplete([*a, *b], rest)
    elif word in "+-" and type_name(a).startswith("google.protobuf."):
        found = a + b if word == "+" else a - b
    else:
        found = NotImplemented
    if found is NotImplemented:
        raise CelError(f"no such overload: {type_name(a)} {word} {type_name(b)}")
    return found


def _doubles(word: str, a: float, b: float) -> Any:
    if word == "/":
        if b != 0:
            return a / b
        if a == 0 or math.isnan(a):
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1, b)
    if word == "%":
        return NotImplemented
    return a + b if word == "+" else a - b if word == "-" else a * b


def _wholes(word: str, a: int, b: int) -> Any:
    x, y = int(a), int(b)
    if word in "+-*":
        return whole(x + y if word == "+" else x - y if word == "-" else x * y, a)
    if y == 0:
        raise CelError("division by zero" if word == "/" else "modulus by zero")
    quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    # The quotient must fit for both: the smallest int has none by -1.
    return whole(quotient if word == "/" else x - y * quotient, a)


def select(value: Any, field: str) -> Any:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Optional):
        return maybe(value.value, field) if value.present else NONE
    if isinstance(value, dict):
        try:
            return value[field]
        except KeyError:
            raise CelError(f"no such key: {field}") from None
    raise CelError(f"no such overload: {type_name(value)}.{field}")


def maybe(value: Any, key: Any) -> Any:
    """value.?key or value[?key]"""
    if isinstance(value, Optional):
        if not value.present:
            return NONE
        value = value.value
    if isinstance(value, Unknown):
        return value
    if isinstance(key, Unknown):
        return key
    if isinstance(value, dict):
        if type(key) is not str and value and all(type(held) is str for held in value):
            raise CelError(f"no such overload: a map with texts for keys [{type_name(key)}]")
        held = held_key(value, key)
        return NONE if held is MISSING else Optional(True, value[held])
    if value is None or isinstance(value, (str, bytes, bool, int, float)):
        return NONE  # as cel-go has it: a scalar has no fields, optional or not
    if isinstance(value, list) and isinstance(key, int):
        if 0 <= key < len(value):
            return Optional(True, value[key])
        return value.rest if isinstance(value, Incomplete) else NONE
    raise CelError(f"no such overload: {type_name(value)}[?]")


def has(value: Any, field: str) -> Any:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Optional):
        if not value.present:
            return False
        value = value.value
    if isinstance(value, dict):
        if field not in value:
            return False
        found = value[field]
        if isinstance(found, Unknown):
            return True if found.not_null else found
        return True
    if isinstance(value, list):
        raise CelError("no such overload: has() of a field of a list")
    return False


def index(value: Any, key: Any) -> Any:
    for each in (value, key):
        if isinstance(each, Unknown):
            return each
    if isinstance(value, Optional):
        return maybe(value, key)
    if isinstance(value, dict):
        held = held_key(value, key)
        if held is MISSING:
            raise CelError(f"no such key: {key}")
        return value[held]
    if isinstance(value, list):
        if isinstance(key, bool) or not isinstance(key, (int, float)) or key != int(key):
            raise CelError(f"no such overload: list[{type_name(key)}]")
        if 0 <= key < len(value):
            return value[int(key)]
        if isinstance(value, Incomplete):
            return value.rest
        raise CelError(f"index out of bounds: {key}")
    raise CelError(f"no such overload: {type_name(value)}[{type_name(key)}]")


def contains(key: Any, value: Any) -> Any:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, dict):
        if isinstance(key, Unknown):
            return key
        return held_key(value, key) is not MISSING
    if isinstance(value, list):
        doubt = None
        for element in value:
            same = inner_equal(key, element)
            if same is True:
                return True
            if same is not False:
                doubt = same
        if doubt is None and isinstance(value, Incomplete):
            doubt = value.rest
        return False if doubt is None else doubt
    raise CelError(f"no such overload: {type_name(key)} in {type_name(value)}")


def negate(value: Any) -> bool:
    """`!`"""
    if not isinstance(value, bool):
        raise CelError(f"no such overload: !{type_name(value)}")
    return not value


def minus(value: Any) -> Any:
    """Unary `-`"""
    if number(value) and not isinstance(value, UInt):
        return -value if isinstance(value, float) else whole(-value, value)
    if type_name(value) == "google.protobuf.Duration":
        return -value
    raise CelError(f"no such overload: -{type_name(value)}")


def arithmetic_of(word: str) -> Any:
    """The arithmetic of one operator as a function of two values."""

    def calculate(a: Any, b: Any) -> Any:
        return arithmetic(word, a, b)

    return calculate

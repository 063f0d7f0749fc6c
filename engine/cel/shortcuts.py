"""What the short way calls: each does the common case fast and raises for everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.engine.cel import operations as op
from assay.engine.cel.bounds import SMALL, begin, spend
from assay.engine.cel.values import CelError, Optional
from assay.engine.model import Incomplete, Unknown

ABSENT = object()
LIMIT = 2**63


class LongWayError(Exception):
    """The short way cannot tell: ask the long way."""


def has(value: Any, field: str) -> bool:
    """has(value.field) of complete data."""
    if value.__class__ is dict:
        return field in value
    return bool(_sure(op.has(value, field)))


def truth(value: Any) -> bool:
    """A bool, or an error."""
    if value is True or value is False:
        return value
    raise LongWayError


def range_(value: Any) -> Any:
    """What a comprehension runs over."""
    if value.__class__ is list or value.__class__ is dict:
        return value
    if isinstance(value, (list, dict)) and not isinstance(value, Incomplete):
        return value
    raise LongWayError


def inner_range(value: Any) -> Any:
    """What a comprehension within another runs over: its rounds are counted."""
    found = range_(value)
    spend(len(found))
    return found


def get(value: Any, field: str, default: Any) -> Any:
    """value.?field.orValue(default)"""
    if value.__class__ is dict:
        return value.get(field, default)
    return or_value(op.maybe(value, field), default)


def get_late(value: Any, field: str, default: Callable[[], Any]) -> Any:
    """value.?field.orValue(default()), the default asked for only where it is needed."""
    if value.__class__ is dict:
        return value[field] if field in value else default()
    return or_value_late(op.maybe(value, field), default)


def chain(value: Any, fields: tuple[str, ...], default: Any) -> Any:
    """value.?a.?b.orValue(default)"""
    for field in fields:
        if value.__class__ is not dict:
            raise LongWayError
        if field not in value:
            return default
        value = value[field]
    return value


def chain_late(value: Any, fields: tuple[str, ...], default: Callable[[], Any]) -> Any:
    """value.?a.?b.orValue(default())"""
    found = chain(value, fields, ABSENT)
    return default() if found is ABSENT else found


def or_value_late(value: Any, default: Callable[[], Any]) -> Any:
    """value.orValue(default())"""
    if value.__class__ is Optional:
        return value.value if value.present else default()
    raise LongWayError


def or_value(value: Any, default: Any) -> Any:
    """value.orValue(default)"""
    if value.__class__ is Optional:
        return value.value if value.present else default
    raise LongWayError


def _sure(value: Any) -> Any:
    if value.__class__ is Unknown:
        raise LongWayError
    return value


def equal(a: Any, b: Any) -> bool:
    """`==`"""
    if a.__class__ is str and b.__class__ is str:
        return bool(a == b)
    return bool(_sure(op.equal(a, b)))


def member(key: Any, whole: Any) -> bool:
    """`key in whole`"""
    if key.__class__ is str:
        if whole.__class__ is dict:
            return key in whole
        if whole.__class__ is list and all(each.__class__ is str for each in whole):
            return key in whole
    return bool(_sure(op.contains(key, whole)))


def size(value: Any) -> int:
    """size()"""
    kind = value.__class__
    if kind is list or kind is dict or kind is str or kind is bytes:
        return len(value)
    raise LongWayError


def lt(a: Any, b: Any) -> bool:
    """`<`"""
    if a.__class__ is int and b.__class__ is int:
        return bool(a < b)
    return op.compare("<", _sure(a), _sure(b))


def le(a: Any, b: Any) -> bool:
    """`<=`"""
    if a.__class__ is int and b.__class__ is int:
        return bool(a <= b)
    return op.compare("<=", _sure(a), _sure(b))


def gt(a: Any, b: Any) -> bool:
    """`>`"""
    if a.__class__ is int and b.__class__ is int:
        return bool(a > b)
    return op.compare(">", _sure(a), _sure(b))


def ge(a: Any, b: Any) -> bool:
    """`>=`"""
    if a.__class__ is int and b.__class__ is int:
        return bool(a >= b)
    return op.compare(">=", _sure(a), _sure(b))


def _calculation(word: str) -> Any:
    def calculate(a: Any, b: Any) -> Any:
        return op.arithmetic(word, _sure(a), _sure(b))

    return calculate


def add(a: Any, b: Any) -> Any:
    """`+`"""
    if a.__class__ is int and b.__class__ is int:
        found = a + b
        if -LIMIT <= found < LIMIT:
            return found
    elif a.__class__ is str and b.__class__ is str and len(a) + len(b) < SMALL:
        return a + b
    elif a.__class__ is list and b.__class__ is list and len(a) + len(b) < SMALL:
        return [*a, *b]
    return op.arithmetic("+", _sure(a), _sure(b))


def sub(a: Any, b: Any) -> Any:
    """`-`"""
    if a.__class__ is int and b.__class__ is int:
        found = a - b
        if -LIMIT <= found < LIMIT:
            return found
    return op.arithmetic("-", _sure(a), _sure(b))


def starts(text: Any, part: Any) -> bool:
    """startsWith()"""
    if text.__class__ is str and part.__class__ is str:
        return bool(text.startswith(part))
    raise LongWayError


def ends(text: Any, part: Any) -> bool:
    """endsWith()"""
    if text.__class__ is str and part.__class__ is str:
        return bool(text.endswith(part))
    raise LongWayError


def within(text: Any, part: Any) -> bool:
    """contains()"""
    if text.__class__ is str and part.__class__ is str:
        return part in text
    raise LongWayError


TEXTS = {"startsWith": "starts", "endsWith": "ends", "contains": "within"}
GLOBALS: dict[str, Any] = {
    "__builtins__": {},
    "add": add,
    "all_": all,
    "any_": any,
    "begin_": begin,
    "chain": chain,
    "chain_late": chain_late,
    "div": _calculation("/"),
    "ends": ends,
    "equal": equal,
    "ge": ge,
    "get": get,
    "get_late": get_late,
    "gt": gt,
    "has": has,
    "index": op.index,
    "inner_range": inner_range,
    "le": le,
    "len_": len,
    "lt": lt,
    "maybe": op.maybe,
    "member": member,
    "mod": _calculation("%"),
    "mul": _calculation("*"),
    "or_value": or_value,
    "or_value_late": or_value_late,
    "range_": range_,
    "size": size,
    "starts": starts,
    "sub": sub,
    "truth": truth,
    "within": within,
}
FAILURES = (
    CelError,
    LongWayError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    ValueError,
    RecursionError,
)

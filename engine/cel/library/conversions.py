"""Conversions between types, sizes, and the text functions of the language itself."""

from __future__ import annotations

import math
import re
from typing import Any

from assay.engine.cel.functions import Overload
from assay.engine.cel.library.formatting import double_text
from assay.engine.cel.library.time import (
    Duration,
    Timestamp,
    from_unix,
    parse_duration,
    parse_timestamp,
)
from assay.engine.cel.values import NONE, Optional, UInt

DURATION, TIMESTAMP = "google.protobuf.Duration", "google.protobuf.Timestamp"
_INT = re.compile(r"[+-]?[0-9]+")
_DOUBLE = re.compile(
    r"[+-]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?"
    r"|inf(?:inity)?|nan)",
    re.IGNORECASE,
)
_HEXADECIMAL = re.compile(r"[+-]?0x[0-9a-f_]*\.?[0-9a-f_]*p[+-]?[0-9]+", re.IGNORECASE)
TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def to_int(value: Any) -> int:
    """int(): Go's rules for text, truncation for doubles, range checked."""
    if isinstance(value, str):
        if not _INT.fullmatch(value):
            raise ValueError(f"cannot convert {value!r} to int")
        number = int(value)
    elif isinstance(value, float):
        if math.isnan(value) or not -(2.0**63) < value < 2.0**63:
            raise ValueError("integer overflow")
        number = int(value)
    elif isinstance(value, Duration):
        number = value.nanoseconds
    elif isinstance(value, Timestamp):
        number = value.nanoseconds // 1_000_000_000
    else:
        number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError("integer overflow")
    return number


def to_uint(value: Any) -> UInt:
    """uint()"""
    if isinstance(value, str) and not value.isascii() | value.isdigit():
        raise ValueError(f"cannot convert {value!r} to uint")
    if isinstance(value, float) and (math.isnan(value) or not 0 <= value < 2.0**64):
        raise ValueError("unsigned integer overflow")
    if isinstance(value, str) and not value.isdigit():
        raise ValueError(f"cannot convert {value!r} to uint")
    number = int(value)
    if not 0 <= number < 2**64:
        raise ValueError("unsigned integer overflow")
    return UInt(number)


def to_double(value: Any) -> float:
    """double()"""
    if isinstance(value, str):
        return _parsed(value)
    return float(value)


def _parsed(text: str) -> float:
    """A text as Go's ParseFloat reads it: hexadecimal too, and never out of range."""
    if _HEXADECIMAL.fullmatch(text):
        number = float.fromhex(text.replace("_", ""))
    elif _DOUBLE.fullmatch(text):
        number = float(text)
    else:
        raise ValueError(f"cannot convert {text!r} to double")
    if math.isinf(number) and "n" not in text.lower():
        raise ValueError("the number is too large for a double")
    return number


def to_bool(value: str) -> bool:
    """bool() of a text."""
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ValueError(f"cannot convert {value!r} to bool")


def to_string(value: Any) -> str:
    """string()"""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, bytes):
        return value.decode()
    return str(int(value)) if isinstance(value, int) else str(value)


def same(value: Any) -> Any:
    """A conversion to the type that the value has."""
    return value


def optional_of(value: Any) -> Optional:
    """optional.of()"""
    return Optional(True, value)


def optional_none() -> Optional:
    """optional.none()"""
    return NONE


def optional_of_non_zero(value: Any) -> Optional:
    """optional.ofNonZeroValue(): absent for null, false, zero and what is empty."""
    return Optional(True, value) if value else NONE


def starts_with(text: str, part: str) -> bool:
    """startsWith()"""
    return text.startswith(part)


def ends_with(text: str, part: str) -> bool:
    """endsWith()"""
    return text.endswith(part)


def contains(text: str, part: str) -> bool:
    """contains()"""
    return part in text


_SIZED = ("string", "bytes", "list(A)", "map(A, B)")
_TEXTS = ("string", "int", "uint", "double", "bool", "bytes", TIMESTAMP, DURATION)


OVERLOADS: tuple[Overload, ...] = (
    *(Overload("int", None, (of,), "int", to_int) for of in ("string", "uint", "double")),
    Overload("int", None, ("int",), "int", same),
    Overload("int", None, (TIMESTAMP,), "int", to_int),
    Overload("int", None, (DURATION,), "int", to_int),
    *(Overload("uint", None, (of,), "uint", to_uint) for of in ("string", "int", "double")),
    Overload("uint", None, ("uint",), "uint", same),
    *(Overload("double", None, (of,), "double", to_double) for of in ("string", "int", "uint")),
    Overload("double", None, ("double",), "double", same),
    Overload("bool", None, ("string",), "bool", to_bool),
    Overload("bool", None, ("bool",), "bool", same),
    *(Overload("string", None, (of,), "string", to_string) for of in _TEXTS),
    Overload("bytes", None, ("string",), "bytes", str.encode),
    Overload("bytes", None, ("bytes",), "bytes", same),
    Overload("duration", None, ("string",), DURATION, parse_duration),
    Overload("duration", None, (DURATION,), DURATION, same),
    Overload("timestamp", None, ("string",), TIMESTAMP, parse_timestamp),
    Overload("timestamp", None, ("int",), TIMESTAMP, from_unix),
    Overload("timestamp", None, (TIMESTAMP,), TIMESTAMP, same),
    *(Overload("size", None, (of,), "int", len) for of in _SIZED),
    *(Overload("size", of, (), "int", len) for of in _SIZED),
    Overload("startsWith", "string", ("string",), "bool", starts_with),
    Overload("endsWith", "string", ("string",), "bool", ends_with),
    Overload("contains", "string", ("string",), "bool", contains),
    Overload("optional.of", None, ("A",), "optional_type(A)", optional_of, (1, 29)),
    Overload("optional.none", None, (), "optional_type(A)", optional_none, (1, 29)),
    Overload(
        "optional.ofNonZeroValue", None, ("A",), "optional_type(A)", optional_of_non_zero, (1, 29)
    ),
)

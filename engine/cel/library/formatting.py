"""`"%s has %d".format([...])` as the dialect has it (cel-go's first version of it, en_US).

%s any value, %d integers, %f and %e doubles, %b %o %x %X integers and more. Numbers of %f are
grouped by commas; %e takes its precision for a width and always writes six decimals: so does the
API server.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from assay.engine.cel.library.values import kind

DEFAULT_PRECISION = 6
MAX_PRECISION = 10_000  # more would be refused by the budget of the API server
DURATION, TIMESTAMP = "google.protobuf.Duration", "google.protobuf.Timestamp"
_CLAUSE = re.compile(r"%(?:%|(?:\.([0-9]*))?([sdfebxXo])|)", re.ASCII)
_SUPERSCRIPT = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
_SPECIAL = ("NaN", "Infinity", "-Infinity")
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
# What each clause takes, by static type; used at load and at run time alike.
TAKES = {
    "d": frozenset({"int", "uint"}),
    "f": frozenset({"double", "string"}),
    "e": frozenset({"double", "string"}),
    "b": frozenset({"int", "uint", "bool"}),
    "o": frozenset({"int", "uint"}),
    "x": frozenset({"int", "uint", "string", "bytes"}),
    "X": frozenset({"int", "uint", "string", "bytes"}),
    "s": frozenset(
        {"list", "map", "int", "uint", "double", "bool", "string", "bytes", "type", "null_type"}
        | {DURATION, TIMESTAMP}
    ),
}


def format_text(template: str, values: list[Any]) -> str:
    """The template with its clauses filled in. Raises ValueError; surplus values are ignored."""
    parts: list[str] = []
    end, used = 0, 0
    for found in _CLAUSE.finditer(template):
        parts.append(template[end : found.start()])
        end = found.end()
        if found[0] == "%%":
            parts.append("%")
            continue
        if used >= len(values):
            raise ValueError(f"index {used} out of range")
        clause, precision = _read(template, found)
        parts.append(_formatted(clause, precision, values[used]))
        used += 1
    parts.append(template[end:])
    return "".join(parts)


def check(template: str, types: Sequence[str]) -> str | None:
    """What is wrong with a literal call, by the static types of its arguments; None if nothing.

    A type is a CEL type name without its parameters; `dyn` fits everywhere.
    """
    used = 0
    for found in _CLAUSE.finditer(template):
        if found[0] == "%%":
            continue
        if used >= len(types):
            return f"index {used} out of range"
        try:
            clause, _ = _read(template, found)
        except ValueError as error:
            return str(error)
        if types[used] != "dyn" and types[used] not in TAKES[clause]:
            return f"%{clause} does not take {types[used]}"
        used += 1
    if used < len(types):
        return f"too many arguments for format: {used} are used, {len(types)} given"
    return None


def double_text(value: float) -> str:
    """`string(double)`: the shortest digits, with an exponent below 1e-4 and from 1e6 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "-Inf" if value < 0 else "+Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) + int(exponent) - 1
    if value == 0 or -4 <= power < 6:
        return format(Decimal(repr(value)), "f").rstrip("0").rstrip(".")
    texts = "".join(map(str, digits))
    mantissa = texts[0] + (f".{texts[1:]}" if len(texts) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def quoted(text: str) -> str:
    """The text as Go's %q writes it."""
    return f'"{"".join(map(_escaped, text))}"'


def _read(template: str, found: re.Match[str]) -> tuple[str, int]:
    """The clause and its precision. Raises ValueError."""
    clause, digits = found[2], found[1]
    if clause is None:
        rest = template[found.start() + 1 :][:16]
        raise ValueError(f"unknown formatting clause %{rest}" if rest else "a lone % at the end")
    if digits == "" or (digits and int(digits[:9]) > MAX_PRECISION):
        raise ValueError("the precision of a formatting clause is no number, or too large")
    return clause, DEFAULT_PRECISION if digits is None else int(digits)


def _formatted(clause: str, precision: int, value: Any) -> str:
    found = kind(value)
    if clause == "s":
        return _text(value)
    if found not in TAKES[clause] or (
        clause in "fe" and found == "string" and value not in _SPECIAL
    ):
        raise ValueError(f"%{clause} does not take {found}")
    if clause in "fe":
        number = float(value)
        return _fixed(number, precision) if clause == "f" else _scientific(number, precision)
    if clause in "xX" and found in ("string", "bytes"):
        raw = value.encode("utf-8", "surrogateescape") if found == "string" else value
        text: str = raw.hex()
        return text.upper() if clause == "X" else text
    return format(int(value), clause)


def _fixed(number: float, precision: int) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "-∞" if number < 0 else "∞"
    return f"{number or 0.0:,.{precision}f}"


def _scientific(number: float, width: int) -> str:
    if math.isnan(number) or math.isinf(number):
        text = _fixed(number, 0)
    else:
        mantissa, _, exponent = f"{number or 0.0:.6e}".partition("e")
        text = f"{mantissa}×10{exponent.lstrip('+').translate(_SUPERSCRIPT)}"
    return text.rjust(width)


def _text(value: Any) -> str:
    """A value outside of any list: texts stand without quotes, moments as string() has them."""
    found = kind(value)
    if found not in TAKES["s"]:
        raise ValueError(f"%s does not take {found}")
    if found in ("list", "map"):
        return _nested(value)
    if found == "double":
        return double_text(value)
    if found == "bytes":
        return _bytes_text(value)
    return _plain(value, found)


def _plain(value: Any, found: str) -> str:
    if found == "null_type":
        return "null"
    if found == "bool":
        return "true" if value else "false"
    if found in ("int", "uint"):
        return str(int(value))
    return str(value)


def _nested(value: Any) -> str:
    """A value inside a list or map: as a literal of CEL would be written."""
    found = kind(value)
    if found == "list":
        return f"[{', '.join(map(_nested, value))}]"
    if found == "map":
        return f"{{{', '.join(_entries(value))}}}"
    if found == "string":
        return quoted(value)
    if found == "bytes":
        return f"b{quoted(_bytes_text(value))}"
    if found == "double":
        if math.isnan(value) or math.isinf(value):
            return quoted(double_text(value))
        return f"{value:.6f}"
    if found in (DURATION, TIMESTAMP):
        return f"{'duration' if found == DURATION else 'timestamp'}({quoted(str(value))})"
    if found not in TAKES["s"]:
        raise ValueError(f"no formatting function for {found}")
    return _plain(value, found)


def _entries(value: dict[Any, Any]) -> list[str]:
    """The entries of a map, sorted by their keys as written."""
    entries: list[tuple[str, str]] = []
    for key, inner in value.items():
        if kind(key) not in ("string", "bool", "int", "uint"):
            raise ValueError(f"no formatting function for a key of type {kind(key)}")
        entries.append((_nested(key), _nested(inner)))
    return [f"{key}:{text}" for key, text in sorted(entries)]


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("invalid UTF-8 in bytes") from error


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

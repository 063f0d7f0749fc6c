"""format and formatlist: Go's verbs on Terraform's values."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from assay.engine.terraform import numbers
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.functions.json_text import json_text
from assay.engine.terraform.functions.sequences import set_size
from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    LimitError,
    Parameter,
    text_parameter,
)
from assay.engine.terraform.graphemes import clusters, safe_prefix
from assay.engine.terraform.types import BOOL, DYNAMIC, NUMBER, STRING, Type, list_of
from assay.engine.terraform.values import (
    NO_MARKS,
    Unknown,
    Value,
    deep_marks,
    list_value,
    string,
    unknown_like,
    wholly_known,
)

MAX_WIDTH = 100_000
_VERB = re.compile(
    r"%(?P<flags>[0#\-+ ]*)(?P<width>[1-9][0-9]*)?(?:\.(?P<precision>[0-9]*))?"
    r"(?:\[(?P<index>[1-9][0-9]*)\])?(?P<mode>[a-zA-Z])"
)
_INTEGERS = {"b": "b", "d": "d", "o": "o", "x": "x", "X": "X"}


class Verb(NamedTuple):
    """One `%…` of a format."""

    raw: str
    flags: str
    width: int
    precision: int
    mode: str


def format_(values: list[Value]) -> Value:
    pattern: str = values[0].v
    arguments = values[1:]
    for value in arguments:
        if not wholly_known(value):
            return _unknown_text(pattern, arguments, value)
    return string(formatted(pattern, arguments))


def _unknown_text(pattern: str, arguments: list[Value], doubt: Value) -> Value:
    """Terraform keeps the text before the first `%`; both ends may be told more exactly."""
    result = unknown_like(STRING, [doubt], not_null=True)
    info: Unknown = result.v
    first = pattern.find("%")
    if first > 0:
        info.prefix = safe_prefix(pattern[:first])
    pieces: list[str | Value] = _pieces(pattern, arguments)
    info.begins = _end(pieces, ends=False)
    info.suffix = _end(pieces[::-1], ends=True)
    return result


def _pieces(pattern: str, arguments: list[Value]) -> list[str | Value]:
    """The format cut into known text and the arguments that are not known."""
    pieces: list[str | Value] = []
    at = 0
    following = 1
    while at < len(pattern):
        verb = pattern.find("%", at)
        if verb < 0:
            pieces.append(pattern[at:])
            break
        pieces.append(pattern[at:verb])
        if pattern.startswith("%%", verb):
            pieces.append("%")
            at = verb + 2
            continue
        found = _VERB.match(pattern, verb)
        if not found:
            return [*pieces, Value(STRING, Unknown())]
        number = int(found["index"]) if found["index"] else following
        following = number + 1
        if number > len(arguments):
            return [*pieces, Value(STRING, Unknown())]
        value = arguments[number - 1]
        plain = found["mode"] in "sv" and not found["flags"] and not found["width"]
        if wholly_known(value):
            pieces.append(_append(_verb(found), value))
        else:
            pieces.append(value if plain else Value(STRING, Unknown()))
        at = found.end()
    return pieces


def _end(pieces: list[str | Value], ends: bool) -> str:
    found: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            found.append(piece)
            continue
        info = piece.v
        if isinstance(info, Unknown):
            found.append(info.suffix if ends else info.begins)
        break
    return "".join(reversed(found) if ends else found)


def formatlist(values: list[Value]) -> Value:
    pattern: str = values[0].v
    arguments = values[1:]
    if not arguments:
        return list_value(STRING, [string(formatted(pattern, []))])
    size: int | None = None
    doubts: list[Value] = []
    columns: list[list[Value] | None] = []
    for at, value in enumerate(arguments):
        columns.append(None)
        kind = value.kind
        if kind in ("list", "set", "tuple") and value.v is not None:
            if not value.known and kind != "tuple":
                doubts.append(value)
                continue
            if kind == "set" and set_size(value) is None:
                doubts.append(value)
                continue
            this = len(value.v) if value.known else len(value.type.elements)
            if size is not None and this != size:
                raise FunctionError(
                    f"argument {at + 1} has length {this}, which is inconsistent with {size}"
                )
            size = this
            if value.known:
                columns[at] = value.v
            else:
                doubts.append(value)
        elif kind == "dynamic" and not value.known:
            doubts.append(value)
    if doubts:
        return unknown_like(list_of(STRING), doubts, not_null=True)
    made: list[Value] = []
    for row in range(1 if size is None else size):
        items = [
            column[row] if column is not None else value
            for column, value in zip(columns, arguments, strict=True)
        ]
        marks = NO_MARKS.union(*[deep_marks(item) for item in items])
        doubt = next((item for item in items if not wholly_known(item)), None)
        if doubt is not None:
            made.append(_unknown_text(pattern, items, doubt).marked(marks))
        else:
            made.append(string(formatted(pattern, items)).marked(marks))
    return list_value(STRING, made)


def formatted(pattern: str, arguments: list[Value]) -> str:
    """The format with all its verbs filled in. Raises FunctionError."""
    found: list[str] = []
    at = 0
    following = 1
    highest = 0
    while at < len(pattern):
        start = pattern.find("%", at)
        if start < 0:
            found.append(pattern[at:])
            break
        found.append(pattern[at:start])
        if pattern.startswith("%%", start):
            found.append("%")
            at = start + 2
            continue
        match = _VERB.match(pattern, start)
        if not match:
            raise FunctionError(f"unrecognized format character at offset {start + 1}")
        number = int(match["index"]) if match["index"] else following
        highest = max(highest, number)
        if number > len(arguments):
            raise FunctionError(
                f'not enough arguments for "{match[0]}" at {start}: need index {number} '
                f"but have {len(arguments)} total"
            )
        following = number + 1
        found.append(_append(_verb(match), arguments[number - 1]))
        at = match.end()
    if highest < len(arguments):
        raise FunctionError(
            "too many arguments; no verbs in format string"
            if not highest
            else f"too many arguments; only {highest} used by format string"
        )
    return "".join(found)


def _verb(found: re.Match[str]) -> Verb:
    width = int(found["width"]) if found["width"] else -1
    precision = -1
    if found["precision"] is not None:
        precision = int(found["precision"] or "0")
    if max(width, precision) > MAX_WIDTH:
        raise LimitError("the width or precision is too large")
    return Verb(found[0], found["flags"], width, precision, found["mode"])


def _append(verb: Verb, value: Value) -> str:
    mode = verb.mode
    if mode != "v" and value.v is None:
        raise FunctionError(f'null value cannot be formatted by "{verb.raw}"')
    if mode == "v":
        return _padded(verb, _as_is(verb, value))
    try:
        if mode == "t":
            return "true" if convert(value, BOOL).v else "false"
        if mode in "bdoxXeEfgG":
            number = convert(value, NUMBER).v
            return _integer(verb, number) if mode in _INTEGERS else _real(verb, number)
        if mode in "sq":
            text: str = convert(value, STRING).v
            if verb.precision > 0:
                text = "".join(clusters(text)[: verb.precision])
            return _padded(verb, json_text(string(text)) if mode == "q" else text)
    except ConversionError as error:
        raise FunctionError(f'unsupported value for "{verb.raw}": {error}') from None
    raise FunctionError(f'unsupported format verb "{mode}" in "{verb.raw}"')


def _as_is(verb: Verb, value: Value) -> str:
    if "#" not in verb.flags and value.v is not None:
        if value.kind == "string":
            return str(value.v)
        if value.kind == "number":
            return general(value.v, -1)
    return json_text(value)


def _padded(verb: Verb, text: str) -> str:
    if verb.width < 0:
        return text
    missing = verb.width - len(clusters(text))
    if missing <= 0:
        return text
    pad = ("0" if "0" in verb.flags else " ") * missing
    return text + pad if "-" in verb.flags else pad + text


def _integer(verb: Verb, number: Any) -> str:
    if not isinstance(number, int):
        raise FunctionError(f'unsupported value for "{verb.raw}": an integer is required')
    digits = format(abs(number), _INTEGERS[verb.mode])
    if verb.precision >= 0:
        digits = "" if verb.precision == 0 and number == 0 else digits.zfill(verb.precision)
    prefix = ""
    if "#" in verb.flags:
        prefix = {"o": "0", "x": "0x", "X": "0X", "b": "0b"}.get(verb.mode, "")
    sign = "-" if number < 0 else "+" if "+" in verb.flags else " " if " " in verb.flags else ""
    if "0" in verb.flags and "-" not in verb.flags and verb.precision < 0:
        digits = digits.zfill(verb.width - len(sign) - len(prefix))
    return _aligned(verb, sign + prefix + digits)


def _real(verb: Verb, number: Any) -> str:
    mode = verb.mode
    upper = mode in "EG"
    precision = verb.precision
    if mode in "gG":
        text = general(number, precision, upper)
    else:
        precision = 6 if precision < 0 else precision
        text = _fixed(number, precision) if mode == "f" else _scientific(number, precision, upper)
    negative = text.startswith("-")
    body = text.removeprefix("-")
    sign = "-" if negative else "+" if "+" in verb.flags else " " if " " in verb.flags else ""
    if "0" in verb.flags and "-" not in verb.flags:
        body = body.zfill(verb.width - len(sign))
    return _aligned(verb, sign + body)


def _aligned(verb: Verb, text: str) -> str:
    return text.ljust(verb.width) if "-" in verb.flags else text.rjust(verb.width)


def _fixed(number: Any, precision: int) -> str:
    value = numbers.fraction(number)
    scaled = abs(value) * 10**precision
    digits = str(_half_even(scaled.numerator, scaled.denominator)).zfill(precision + 1)
    text = f"{digits[:-precision]}.{digits[-precision:]}" if precision else digits
    return f"-{text}" if value < 0 else text


def _half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient & 1):
        quotient += 1
    return quotient


def _digits(number: Any, count: int) -> tuple[str, int]:
    """`count` significant digits, rounded (-1: the shortest ones), and the decimal exponent."""
    if count < 0:
        text = numbers.to_text(number).removeprefix("-")
        whole, _, part = text.partition(".")
        digits = (whole + part).lstrip("0")
        point = len(whole.lstrip("0")) if whole.strip("0") else -(len(part) - len(part.lstrip("0")))
        return digits.rstrip("0") or "0", point - 1 if digits else 0
    value = abs(numbers.fraction(number))
    if not value:
        return "0" * max(1, count), 0
    exponent = len(str(value.numerator)) - len(str(value.denominator))
    while 10**exponent > value if exponent >= 0 else value * 10**-exponent < 1:
        exponent -= 1
    scale = count - 1 - exponent
    scaled = value * 10**scale if scale >= 0 else value / 10**-scale
    digits = str(_half_even(scaled.numerator, scaled.denominator))
    if len(digits) > count:
        return digits[:count], exponent + 1
    return digits, exponent


def _scientific(number: Any, precision: int, upper: bool) -> str:
    digits, exponent = _digits(number, precision + 1)
    return _mantissa(number, digits, exponent, upper)


def _mantissa(number: Any, digits: str, exponent: int, upper: bool) -> str:
    sign = "-" if numbers.fraction(number) < 0 else ""
    part = f".{digits[1:]}" if len(digits) > 1 else ""
    letter = "E" if upper else "e"
    return f"{sign}{digits[0]}{part}{letter}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def general(number: Any, precision: int, upper: bool = False) -> str:
    """Go's %g of a big.Float: an exponent when it is below -4 or not below the precision."""
    if numbers.is_infinite(number):
        return numbers.to_text(number)
    if precision == 0:
        precision = 1
    digits, exponent = _digits(number, precision)
    if precision >= 0:
        digits = digits.rstrip("0") or "0"
    limit = 21 if precision < 0 else precision
    if precision > len(digits) >= exponent + 1:
        limit = len(digits)
    if precision < 0:
        limit = 6
    if exponent < -4 or exponent >= limit:
        return _mantissa(number, digits, exponent, upper)
    sign = "-" if numbers.to_text(number).startswith("-") else ""
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    if len(digits) <= exponent + 1:
        return sign + digits + "0" * (exponent + 1 - len(digits))
    return f"{sign}{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def _list_type(values: list[Value]) -> Type:  # noqa: ARG001
    return list_of(STRING)


FUNCTIONS: dict[str, Function] = {
    "format": Function(
        format_, [text_parameter("format")], STRING, Parameter("args", DYNAMIC, "nu")
    ),
    "formatlist": Function(
        formatlist,
        [text_parameter("format")],
        _list_type,
        Parameter("args", DYNAMIC, "nu"),
        moves=True,
    ),
}

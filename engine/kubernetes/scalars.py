"""A YAML scalar's text → the value that Kubernetes reads.

Kubernetes reads YAML with sigs.k8s.io/yaml v1.6 over go.yaml.in/yaml v2.4: the rules here are those
of its `resolve.go`, `decode.go` and `yaml.go`. They are YAML 1.1 with exceptions: `y` and `n` are
booleans, sexagesimal numbers are text, timestamps stay text, and every key becomes text.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from typing import Any

TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE"), False),
    **dict.fromkeys(("off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
# A text that begins otherwise is text. The empty text is null.
HINTS = frozenset("+-0123456789.yYnNtTfFoO~")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z", re.ASCII)
_POINT = re.compile(r"\.[0-9]+([eE][-+]?[0-9]+)?\Z", re.ASCII)
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))\Z", re.ASCII
)
_RESOLVED = frozenset({"str", "bool", "int", "float", "null", "timestamp"})


class ScalarError(ValueError):
    """A scalar that Kubernetes refuses; the message says why."""


def plain(text: str) -> Any:
    """The value of an unquoted scalar without a tag."""
    if text and text[0] not in HINTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first == ".":
        return _finite(text, text) if _POINT.match(text) else text
    if first in "+-0123456789":
        return _number(text)
    return text


def tagged(tag: str, text: str) -> Any:
    """The value of a scalar with an explicit tag. Raises ScalarError where it does not fit."""
    name = tag.removeprefix(TAG) if tag.startswith(TAG) else ""
    if name == "binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
        except binascii.Error as error:
            raise ScalarError("this !!binary value is no base64") from error
    if name not in _RESOLVED or name in ("str", "timestamp"):
        return text  # a tag of one's own says nothing to Kubernetes
    value = plain(text)
    if name == "float" and type(value) is int:
        return float(value)
    wanted = {"bool": bool, "int": int, "float": float, "null": type(None)}[name]
    if type(value) is not wanted:
        raise ScalarError(f"`{text[:40]}` is no {name}")
    return value


def key(value: Any) -> str:
    """A key as text, as sigs.k8s.io/yaml turns it into JSON. Raises ScalarError for null."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return _key_of_float(value)
    raise ScalarError("null is no key")


def _number(text: str) -> Any:
    digits = text.replace("_", "") if "_" in text else text
    found = _INTEGER.match(digits)
    if found and len(digits) < 80:
        sign, hexadecimal, binary, octal, decimal = found.groups()
        if decimal is not None:
            value = int(decimal)
        elif hexadecimal is not None:
            value = int(hexadecimal, 16)
        else:
            value = int(octal, 8) if octal is not None else int(binary, 2)
        value = -value if sign == "-" else value
        if -(2**63) <= value < 2**63:
            return value
        if not sign and value < 2**64:
            return float(value)  # what JSON, and so Kubernetes, makes of an unsigned number
    return _finite(digits, text) if _FLOAT.match(digits) else text


def _finite(digits: str, text: str) -> Any:
    value = float(digits)
    return text if math.isinf(value) else value  # out of range is text to go-yaml


def _key_of_float(value: float) -> str:
    """Go's FormatFloat(value, 'g', -1, 32): the shortest digits that a 32-bit float keeps."""
    if math.isnan(value):
        return ".nan"
    try:
        single = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    digits = next(
        text
        for text in (f"{single:.{precision}e}" for precision in range(17))
        if struct.pack("f", float(text)) == struct.pack("f", single)
    )
    mantissa, exponent = digits.split("e")
    power = int(exponent)
    length = len(mantissa.replace("-", "").replace(".", ""))
    if power < -4 or power >= 6:
        return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return f"{float(digits):.{max(0, length - 1 - power)}f}"

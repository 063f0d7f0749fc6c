"""base64, other character sets, URLs and CSV."""

from __future__ import annotations

import base64
import codecs
import csv
import io
from urllib.parse import quote_plus

from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    LimitError,
    of_strings,
    text_parameter,
)
from assay.engine.terraform.sets import quoted
from assay.engine.terraform.types import DYNAMIC, STRING, Type, object_of
from assay.engine.terraform.values import Value, list_value, string, unknown

# Names of the IANA registry that Python knows otherwise, or means otherwise.
_CHARSETS = {"utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
_REFUSED = frozenset({"base64", "hex", "rot13", "zlib", "bz2", "uu", "quopri", "idna", "punycode"})


def _decoded(text: str) -> bytes:
    # Go's decoder passes over line breaks, and over nothing else.
    stripped = text.replace("\n", "").replace("\r", "")
    try:
        return base64.b64decode(stripped, validate=True)
    except ValueError:
        raise FunctionError("failed to decode base64 data") from None


def base64decode(text: str) -> str:
    try:
        return _decoded(text).decode()
    except UnicodeDecodeError:
        raise FunctionError(
            "the result of decoding the provided string is not valid UTF-8"
        ) from None


def _codec(name: str) -> str:
    folded = name.lower()
    if folded not in _REFUSED and folded.isascii():
        try:
            found = codecs.lookup(_CHARSETS.get(folded, folded))
        except (LookupError, ValueError):
            found = None
        if found is not None and found.name not in _REFUSED and folded != "utf_8_sig":
            return found.name
    raise FunctionError(f"{quoted(name)} is not a supported IANA encoding name or alias")


def textencodebase64(text: str, encoding: str) -> str:
    name = _codec(encoding)
    try:
        # The bare name UTF-16 means big-endian with a mark to Go, the machine's order to Python.
        data = b"\xfe\xff" + text.encode("utf-16-be") if name == "utf-16" else text.encode(name)
    except UnicodeEncodeError:
        raise FunctionError(
            f"the given string contains characters that cannot be represented in {encoding}"
        ) from None
    return base64.b64encode(data).decode()


def textdecodebase64(text: str, encoding: str) -> str:
    name = _codec(encoding)
    data = _decoded(text)
    if name == "utf-16" and data[:2] not in (b"\xfe\xff", b"\xff\xfe"):
        name = "utf-16-be"
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        raise FunctionError(
            f"the given string contains symbols that are not defined for {encoding}"
        ) from None


def urlencode(text: str) -> str:
    return quote_plus(text, safe="~")


def base64gzip(values: list[Value]) -> Value:  # noqa: ARG001
    """Compressed bytes differ from one implementation to the next: only their head is certain."""
    return unknown(STRING, "apply", "base64gzip()", not_null=True, begins="H4sIAAAAAAA")


def _csv_type(values: list[Value]) -> Type:  # noqa: ARG001
    return DYNAMIC


def csvdecode(values: list[Value]) -> Value:
    text: str = values[0].v
    if len(text) > 16 * 1024 * 1024:
        raise LimitError("the document is too large")
    lines = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    if not lines:
        raise FunctionError("missing header line")
    names, rows = lines[0], lines[1:]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise FunctionError(f"duplicate column name {quoted(name)}")
    found: list[Value] = []
    for row in rows:
        if len(row) != len(names):
            raise FunctionError("CSV parse error: wrong number of fields")
        found.append(
            Value(None, {name: string(cell) for name, cell in zip(names, row, strict=True)})
        )
    return list_value(object_of(dict.fromkeys(names, STRING)), found)


def _guarded(values: list[Value]) -> Value:
    try:
        return csvdecode(values)
    except csv.Error as error:
        raise FunctionError(f"CSV parse error: {error}") from None


FUNCTIONS: dict[str, Function] = {
    "base64encode": of_strings(lambda text: base64.b64encode(text.encode()).decode(), "str"),
    "base64decode": of_strings(base64decode, "str"),
    "base64gzip": Function(base64gzip, [text_parameter("str")], STRING),
    "textencodebase64": of_strings(textencodebase64, "string", "encoding"),
    "textdecodebase64": of_strings(textdecodebase64, "source", "encoding"),
    "urlencode": of_strings(urlencode, "str"),
    "csvdecode": Function(_guarded, [text_parameter("str")], _csv_type),
}

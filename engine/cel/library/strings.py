"""The string functions of the dialect (cel-go's strings extension, version 2).

Positions count characters (code points) from 0. Out of range raises ValueError.
"""

from __future__ import annotations

from typing import Any

from assay.engine.cel.bounds import builds
from assay.engine.cel.functions import Overload
from assay.engine.cel.library.formatting import format_text

# What Go's unicode.IsSpace takes for white space; Python's own strip() takes more.
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_QUOTES = str.maketrans(
    {
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
)


def char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise ValueError(f"index out of range: {index}")
    return text[index : index + 1]


def index_of(text: str, part: str, start: int = 0) -> int:
    if start < 0:
        raise ValueError(f"index out of range: {start}")
    if not part:
        return min(start, len(text))
    return text.find(part, start)


def last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(part)
    if start < 0:
        raise ValueError(f"index out of range: {start}")
    if not part:
        return min(start, len(text))
    # A start beyond the text finds nothing, as in cel-go: it is not taken for its end.
    return text.rfind(part, 0, start + len(part)) if start < len(text) else -1


def join(texts: list[Any], separator: str = "") -> str:
    for text in texts:
        if not isinstance(text, str):
            raise TypeError("join: a list element is not a string")
    builds(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def lower_ascii(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_LOWER)


def upper_ascii(text: str) -> str:
    return text.upper() if text.isascii() else text.translate(_UPPER)


def replace(text: str, old: str, new: str, limit: int = -1) -> str:
    if len(new) > len(old):
        times = text.count(old) if limit < 0 else min(text.count(old), limit)
        builds(len(text) + times * len(new))
    return text.replace(old, new, limit) if limit >= 0 else text.replace(old, new)


def split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if separator:
        return text.split(separator, limit - 1) if limit > 0 else text.split(separator)
    if limit < 0 or limit >= len(text):
        return list(text)
    return [*text[: limit - 1], text[limit - 1 :]]


def substring(text: str, start: int, end: int | None = None) -> str:
    if end is None:
        end = len(text)
    elif start > end:
        raise ValueError(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, end):
        if not 0 <= index <= len(text):
            raise ValueError(f"index out of range: {index}")
    return text[start:end]


def trim(text: str) -> str:
    return text.strip(SPACE)


def quote(text: str) -> str:
    """The text as a CEL literal in double quotes."""
    return f'"{text.translate(_QUOTES)}"'


EPOCH = (1, 23)
OVERLOADS: tuple[Overload, ...] = (
    Overload("charAt", "string", ("int",), "string", char_at, EPOCH),
    Overload("indexOf", "string", ("string",), "int", index_of, EPOCH),
    Overload("indexOf", "string", ("string", "int"), "int", index_of, EPOCH),
    Overload("lastIndexOf", "string", ("string",), "int", last_index_of, EPOCH),
    Overload("lastIndexOf", "string", ("string", "int"), "int", last_index_of, EPOCH),
    Overload("join", "list(string)", (), "string", join, EPOCH),
    Overload("join", "list(string)", ("string",), "string", join, EPOCH),
    Overload("lowerAscii", "string", (), "string", lower_ascii, EPOCH),
    Overload("upperAscii", "string", (), "string", upper_ascii, EPOCH),
    Overload("replace", "string", ("string", "string"), "string", replace, EPOCH),
    Overload("replace", "string", ("string", "string", "int"), "string", replace, EPOCH),
    Overload("split", "string", ("string",), "list(string)", split, EPOCH),
    Overload("split", "string", ("string", "int"), "list(string)", split, EPOCH),
    Overload("substring", "string", ("int",), "string", substring, EPOCH),
    Overload("substring", "string", ("int", "int"), "string", substring, EPOCH),
    Overload("trim", "string", (), "string", trim, EPOCH),
    Overload("strings.quote", None, ("string",), "string", quote, (1, 30)),
    Overload("format", "string", ("list(dyn)",), "string", format_text, (1, 30)),
)

"""JSON text → values, as the API server reads it. Several values may stand one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from assay.engine.kubernetes.yamltext import MAX_DEPTH, Document, YamlError, documents

_SPACE = re.compile(r"[ \t\r\n]*")


class _RefusedError(ValueError):
    """A value that is JSON to Python and none to Kubernetes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read(text: str) -> Iterator[Document]:
    """The values of a text, in order. Raises YamlError at the first fault."""
    at = _skip(text, 0)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise YamlError("json-syntax", error.msg, error.pos) from error
        except _RefusedError as error:
            raise YamlError(error.code, str(error), _offset_of(error.code, text, at)) from error
        except RecursionError as error:
            raise _deep(at) from error
        if not _shallow(value):
            raise _deep(at)
        yield Document(value, at, "null" in text)
        at = _skip(text, end)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _deep(at: int) -> YamlError:
    return YamlError("json-depth", f"nested over {MAX_DEPTH} levels deep", at)


def _offset_of(code: str, text: str, at: int) -> int:
    """Where a duplicate stands: JSON is YAML to the reader that keeps positions."""
    if code == "json-duplicate-key":
        try:
            list(documents(text[at:]))
        except YamlError as error:
            return at + error.offset
    return at


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for at, key in enumerate(names) if key in names[:at])
        message = f"the key `{twice[:80]}` stands twice in this map"
        raise _RefusedError("json-duplicate-key", message)
    return found


def _integer(text: str) -> int | float:
    if len(text) <= 20:
        value = int(text)
        if -(2**63) <= value < 2**63:
            return value
    return _number(text)


def _number(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise _RefusedError("json-value", f"the number {text[:40]} is out of range")
    return value


def _constant(text: str) -> Any:
    raise _RefusedError("json-value", f"{text} is no JSON")


def _shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        containers = [inner for inner in level if isinstance(inner, (dict, list))]
        if not containers:
            return True
        level = [
            inner
            for outer in containers
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return False


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
)

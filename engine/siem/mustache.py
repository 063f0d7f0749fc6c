"""Queries inside a monitor: the server reads their text as a mustache template first.

A rule's own `{{` would be taken for a tag. In patterns and expressions a backslash stands between
the braces; a plain text becomes a pattern. What cannot be said so is refused.
"""

from __future__ import annotations

from typing import Any

from assay.engine.siem.tree import RefusedError

TAG = "{{"
SPECIAL = "\\*?"


def escaped(query: Any) -> Any:
    """The query without any tag of a template: it finds the same. Raises RefusedError."""
    if isinstance(query, list):
        return [escaped(item) for item in query]
    if not isinstance(query, dict):
        if isinstance(query, str) and TAG in query:
            raise RefusedError("it holds {{, which a monitor would take for a tag of a template")
        return query
    if len(query) == 1:
        ((kind, body),) = query.items()
        if kind in WRITERS and isinstance(body, dict) and len(body) == 1:
            ((field, given),) = body.items()
            made = WRITERS[kind](field, given)
            if made is not None:
                return made
    if any(TAG in str(key) for key in query):
        raise RefusedError("a field's name holds {{, which a monitor would take for a tag")
    return {key: escaped(value) for key, value in query.items()}


def _value(given: Any) -> Any:
    return given.get("value") if isinstance(given, dict) else given


def _term(field: str, given: Any) -> Any:
    value = _value(given)
    if not isinstance(value, str) or TAG not in value:
        return None
    return _wildcard(field, _literal(value))


def _prefix(field: str, given: Any) -> Any:
    value = _value(given)
    if not isinstance(value, str) or TAG not in value:
        return None
    return _wildcard(field, f"{_literal(value)}*")


def _terms(field: str, given: Any) -> Any:
    if not isinstance(given, list) or not any(TAG in str(value) for value in given):
        return None
    plain = [value for value in given if TAG not in str(value)]
    should = [_wildcard(field, _literal(str(value))) for value in given if TAG in str(value)]
    return {"bool": {"should": [*([{"terms": {field: plain}}] if plain else []), *should],
                     "minimum_should_match": 1}}  # fmt: skip


def _pattern(field: str, given: Any) -> Any:
    value = _value(given)
    if not isinstance(value, str) or TAG not in value:
        return None
    return _wildcard(field, _braces(value))


def _wildcard(field: str, pattern: str) -> dict[str, Any]:
    if TAG in field or TAG in pattern:
        raise RefusedError("it holds {{, which a monitor would take for a tag of a template")
    return {"wildcard": {field: {"value": pattern}}}


def _literal(text: str) -> str:
    return _braces("".join(f"\\{char}" if char in SPECIAL else char for char in text))


def _braces(pattern: str) -> str:
    """The pattern with a backslash before each brace that has none."""
    made: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            made.append(pattern[at : at + 2])
            at += 2
            continue
        made.append("\\{" if pattern[at] == "{" else pattern[at])
        at += 1
    return "".join(made)


WRITERS = {"prefix": _prefix, "term": _term, "terms": _terms, "wildcard": _pattern}

"""Regular expressions by RE2, so that none can run away: matches, find, findAll."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from assay.engine.cel.functions import Overload

# RE2's \C, a single byte, outside of \Q...\E: Go's syntax, the dialect's, does not have it.
_BYTE = re.compile(r"\A(?:[^\\]|\\Q(?:(?!\\E).)*(?:\\E|\Z)|\\[^CQ])*\\C", re.DOTALL)
CACHED = 512  # compiled expressions kept; texts of data may be patterns too


@lru_cache(maxsize=CACHED)
def compiled(pattern: str) -> Any:
    """A compiled RE2 pattern. Raises ValueError, with RE2's reason."""
    import re2

    if "\\C" in pattern and _BYTE.search(pattern):
        raise ValueError("illegal regular expression: \\\\C is not supported")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"illegal regular expression: {text}") from error


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    return compiled(pattern).search(text) is not None


def find(text: str, pattern: str) -> str:
    """The first match, whole; the empty text where there is none."""
    found = compiled(pattern).search(text)
    return str(found.group(0)) if found else ""


def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    """The matches, whole and without overlap, at most `limit` of them; a negative one is none."""
    expression = compiled(pattern)
    texts: list[str] = []
    position, last_end = 0, -1
    while position <= len(text) and len(texts) != limit:
        found = expression.search(text, position)
        if found is None:
            break
        start, end = found.span()
        # An empty match right after the one before it does not count.
        if end > position or start != last_end:
            texts.append(found.group(0))
        position = end if end > position else position + 1
        last_end = end
    return texts


EPOCH = (1, 23)
OVERLOADS: tuple[Overload, ...] = (
    Overload("matches", None, ("string", "string"), "bool", matches, EPOCH),
    Overload("matches", "string", ("string",), "bool", matches, EPOCH),
    Overload("find", "string", ("string",), "string", find, EPOCH),
    Overload("findAll", "string", ("string",), "list(string)", find_all, EPOCH),
    Overload("findAll", "string", ("string", "int"), "list(string)", find_all, EPOCH),
)

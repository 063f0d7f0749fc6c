"""Small pieces of HTML from texts that nobody vouches for: everything is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from assay.engine.errors import printable
from assay.engine.model import Place

# A sign and a word for each status: colour is never the only difference.
SIGNS = {
    "pass": "✓",
    "fail": "✗",
    "not_applicable": "–",
    "unknown": "?",
    "error": "!",
    "manual": "☐",
}
_BREAKS = re.compile(r"[\n\t\r]+")


def text(value: object) -> str:
    """The value as text inside an element or a quoted attribute."""
    words = str(value)
    return escape(words if words.isprintable() else printable(_BREAKS.sub(" ", words)))


def status(word: str) -> str:
    """A status by sign, word and colour."""
    return f'<span class="s {word}">{SIGNS[word]} {word.replace("_", " ")}</span>'


def place(where: Place | None) -> str:
    """A place as file:line."""
    return f'<span class="a">{text(where.file)}:{where.line}</span>' if where else ""


def table(
    caption: str, columns: Sequence[str], rows: Iterable[str], numbers: frozenset[int] = frozenset()
) -> Iterator[str]:
    """A table with a caption and scoped heads; each row is made already."""
    heads = "".join(
        f'<th scope="col"{" class=n" if number in numbers else ""}>{text(name)}</th>'
        for number, name in enumerate(columns)
    )
    yield f'<div class="wide" role="region" tabindex="0" aria-label="{text(caption)}">'
    yield f"<table><caption>{text(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>\n"
    yield from rows
    yield "</tbody></table></div>\n"


def anchor(*words: str) -> str:
    """An id for an element that links can name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(words))

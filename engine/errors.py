"""Problems with a stable code, a place and a caret: how every part of Assay says what is wrong.

AssayError            carries one or more Problems; the command line prints them and exits 2
  InputError          the user's words, files or controls are unusable
  EvaluationError     an expression failed on a value; becomes a finding of status `error`
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_LINE = 160  # a longer source line is cut around the caret


class Span(NamedTuple):
    """A stretch of a file: lines and columns count from 1, the end column is exclusive."""

    line: int = 1
    column: int = 1
    end_line: int = 0
    end_column: int = 0


class Text:
    """A piece of text that may sit inside another file, such as an expression inside YAML.

    `starts` gives, for each line of `text`, the (line, column) in `file` at which it begins; with
    none the text is the whole file. Offsets count characters of `text` from 0.
    """

    __slots__ = ("_breaks", "file", "starts", "text")

    def __init__(
        self, file: str, text: str, starts: Sequence[tuple[int, int]] | None = None
    ) -> None:
        self.file = file
        self.text = text
        self.starts = starts
        self._breaks: list[int] | None = None

    def position(self, offset: int) -> tuple[int, int]:
        """The (line, column) in `file` of a character offset into `text`."""
        if self._breaks is None:
            self._breaks = [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]
        row = bisect_right(self._breaks, offset) - 1
        column = offset - self._breaks[row] + 1
        if not self.starts:
            return row + 1, column
        line, first = self.starts[min(row, len(self.starts) - 1)]
        return line, first + column - 1

    def span(self, start: int, end: int) -> Span:
        """The Span in `file` of text[start:end]."""
        return Span(*self.position(start), *self.position(end))

    def line_at(self, offset: int) -> str:
        """The line of `text` that holds the offset, without its line break."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        return self.text[start : len(self.text) if end < 0 else end]


class Problem(NamedTuple):
    """One thing that is wrong: what, where, and what to do about it.

    `code` is stable and kebab-case (`cel-syntax`, `yaml-duplicate-key`); callers match on it,
    never on the message. `excerpt` is the source line, `span` its place in `file`; `caret` is the
    0-based column of the fault inside the excerpt, or -1 where there is none to show.
    """

    code: str
    message: str
    file: str = ""
    span: Span = Span(0, 0)
    help: str = ""
    excerpt: str = ""
    caret: int = -1
    width: int = 1

    def render(self) -> str:
        """The problem as text, in the manner of rustc: headline, place, line, caret, help."""
        lines = [f"error[{self.code}]: {printable(self.message)}"]
        if self.file:
            place = printable(self.file)
            if self.span.line:
                place += f":{self.span.line}:{self.span.column}"
            lines.append(f"  --> {place}")
        if self.excerpt and self.caret >= 0:
            lines += frame(self.excerpt, self.span.line, self.caret, self.width)
        if self.help:
            lines.append(f"  = help: {printable(self.help)}")
        return "\n".join(lines)


def problem(
    code: str, message: str, text: Text, start: int, end: int | None = None, help: str = ""
) -> Problem:
    """A Problem about text[start:end], with its excerpt and caret."""
    start = max(0, min(start, len(text.text)))
    end = min(len(text.text), start + 1) if end is None else max(start, min(end, len(text.text)))
    excerpt = text.line_at(start)
    caret = start - (text.text.rfind("\n", 0, start) + 1)
    width = max(1, min(end - start, len(excerpt) - caret))
    return Problem(code, message, text.file, text.span(start, end), help, excerpt, caret, width)


class AssayError(Exception):
    """One or more Problems that stop what was asked for."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        given = (problems,) if isinstance(problems, Problem) else problems
        self.problems = tuple(dict.fromkeys(given))
        super().__init__(self.problems[0].message if self.problems else "")

    def render(self) -> str:
        """All problems, sorted by file and place, a blank line between them."""
        ordered = sorted(self.problems, key=lambda found: (found.file, found.span, found.code))
        return "\n\n".join(found.render() for found in ordered)


class InputError(AssayError):
    """The words, files or controls of the user cannot be used: exit code 2."""


class EvaluationError(AssayError):
    """An expression failed while it was evaluated: the finding's status is `error`."""


def usage(message: str, help: str = "", code: str = "usage") -> InputError:
    """An InputError about the command line, which has no place in a file."""
    return InputError(Problem(code, message, help=help))


def frame(line: str, number: int, caret: int, width: int = 1) -> list[str]:
    """A source line with its number and a caret below, cut to a readable length."""
    first = max(0, caret - MAX_LINE // 2)
    shown = line[first : first + MAX_LINE]
    shift = sum(_cells(char) for char in line[first:caret])
    span = max(1, sum(_cells(char) for char in line[caret : caret + width]))
    gutter = " " * len(str(number))
    return [
        f"{gutter} |",
        f"{number} | {printable(shown)}",
        f"{gutter} | {' ' * shift}{'^' * min(span, MAX_LINE)}",
    ]


def printable(text: str) -> str:
    """The text with control characters made visible, so that no input can steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char == "\t" else _escape(char) for char in text
    )


def _escape(char: str) -> str:
    return f"\\x{ord(char):02x}" if char <= "\xff" else f"\\u{{{ord(char):x}}}"


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    if not char.isprintable() and char != "\t":
        return len(_escape(char))
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1

"""HCL text → tokens, one ahead of the parser.

The scanner has no state but a position and whether line breaks count: the parser says when they do
(bodies and objects) and when they are mere space (brackets, template sequences).
"""

from __future__ import annotations

import re
from typing import NoReturn

from assay.engine.errors import Problem, Text, problem

_SKIP = r"/\*.*?\*/|(?:\#|//)[^\n]*|\r(?=\n)"
_TOKENS = r"""
    (?P<i>[^\W\d][\w-]*)
  | (?P<q>"(?P<s>(?:[^"\\$%\n\r]++|[$%](?![{$%]))*+)")
  | (?P<n>\d+(?:\.\d+)*(?:[eE][+-]?\d+)?)
  | (?P<h><<-?(?P<m>[^\W\d][\w-]*)[ \t]*\r?\n)
  | (?P<o>==|!=|>=|<=|&&|\|\||=>|::|\.\.\.|~\}|[\[\](){}.,*/%+\-=<>!?:"\n])
  | (?P<e>\Z)
  | (?P<x>.)
"""
# The possessive `++` and `*+` keep hostile text from being tried in every division.
_FLAGS = re.VERBOSE | re.DOTALL
BREAKS = re.compile(rf"(?:[ \t]++|{_SKIP})*+(?:{_TOKENS})", _FLAGS).match
SPACES = re.compile(rf"(?:[ \t\n]++|{_SKIP})*+(?:{_TOKENS})", _FLAGS).match
_MAX_NESTING = 150

NAMES = {
    "\n": "the end of the line",
    "": "the end of the file",
}


class HclError(Exception):
    """Text that is no HCL; caught by hcl.py, which goes on after the broken block."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.message)
        self.found = found


class Scanner:
    """The current token: `kind`, `start`, `end`, and `value` where its text matters.

    kind   `i` name, `n` number, `q` quoted text without any sequence or escape (value: the text),
           `h` start of a heredoc (value: its marker), `e` end, `x` what no token begins with,
           else the operator itself, `"` being the start of any other quoted text
    done   where the token before this one ended
    """

    __slots__ = ("depth", "done", "end", "kind", "match", "source", "start", "text", "value")

    def __init__(self, text: Text) -> None:
        self.text = text
        self.source = text.text
        self.match = BREAKS
        self.depth = 0
        self.done = 0
        self.end = 1 if self.source.startswith("\ufeff") else 0
        self.kind = self.value = ""
        self.start = 0

    def advance(self) -> None:
        """Go to the next token."""
        self.done = self.end
        found = self.match(self.source, self.end)
        assert found  # the last alternative takes anything
        kind = found.lastgroup
        assert kind
        self.end = found.end()
        if kind == "o":
            self.kind = found["o"]
            self.start = self.end - len(self.kind)
            return
        self.kind = kind
        self.start, _ = found.span(kind)
        if kind == "q":
            self.value = found["s"]
        elif kind == "h":
            self.value = found["m"]
        else:
            self.value = found[kind]

    def jump(self, offset: int) -> None:
        """Go to the token that begins at or after the offset."""
        self.end = offset
        self.advance()

    def describe(self) -> str:
        """The current token for a message."""
        kind = self.kind
        if kind == "e":
            return "the end of the file"
        if kind == "\n":
            return "the end of the line"
        if kind == "h":
            return "a heredoc"
        if kind in ("q", '"'):
            return "a quoted text"
        shown = self.source[self.start : self.end]
        return f"`{shown}`"

    def fail(
        self, message: str, start: int | None = None, end: int | None = None, help: str = ""
    ) -> NoReturn:
        """Raise HclError about the current token, or another stretch."""
        if start is None:
            start, end = self.start, max(self.end, self.start + 1)
        raise HclError(problem("terraform-syntax", message, self.text, start, end, help))

    def expected(self, what: str) -> NoReturn:
        """Raise HclError: something else should stand here."""
        self.fail(f"expected {what}, found {self.describe()}")

    def deeper(self) -> None:
        """Count a level of nesting; what is nested too deep is refused."""
        self.depth += 1
        if self.depth > _MAX_NESTING:
            self.fail(f"nested more than {_MAX_NESTING} levels deep")

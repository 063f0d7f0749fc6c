"""Text → tokens with offsets. Source: the CEL specification, section Syntax."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

# White space and comments before a token belong to it (an atomic
# group: what was skipped is not looked at again). A text without escapes is read in one go;
# `string` is only the opening of one that needs a closer look.
TOKEN = re.compile(
    r"""(?>(?:\s+|//[^\n]*)*)(?:
    (?P<name>[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_"']))
  | (?P<op>==|!=|<=|>=|&&|\|\||[<>=+\-*/%!?:,()\[\]{}]|\.(?!\d))
  | (?P<plain>"(?!"")[^"\\\r\n]*"|'(?!'')[^'\\\r\n]*')
  | (?P<float>(?:\d+\.\d+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+))
  | (?P<int>(?:0[xX][0-9a-fA-F]+|\d+)[uU]?)
  | (?P<string>(?:[rR][bB]?|[bB][rR]?)?(?:\"\"\"|'''|\"|'))
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<quoted>`[A-Za-z0-9_.\-/ ]+`)
  | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_BLANK = re.compile(r"\A(?>(?:\s+|//[^\n]*)+)")
ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)


class Token(NamedTuple):
    kind: str
    value: Any
    start: int
    end: int


class SyntaxFaultError(Exception):
    """A fault at text[start:end]."""

    def __init__(self, message: str, start: int, end: int, help: str = "") -> None:
        super().__init__(message)
        self.message, self.start, self.end, self.help = message, start, end, help


def tokens(text: str) -> list[Token]:
    """The tokens of a text, `end` the last. Raises SyntaxFaultError."""
    found: list[Token] = []
    at = 0
    match_at = TOKEN.match
    while True:
        match = match_at(text, at)
        if match is None:
            at = len(text) - len(_BLANK.sub("", text[at:]))
            raise SyntaxFaultError(f"unexpected character {text[at]!r}", at, at + 1)
        kind = match.lastgroup or ""
        start, end = match.span(kind)
        if kind in ("name", "op"):
            found.append(Token(kind, match[kind], start, end))
        elif kind == "plain":
            found.append(Token("string", text[start + 1 : end - 1], start, end))
        elif kind == "end":
            found.append(Token("end", "", end, end))
            return found
        else:
            found.append(_other(text, kind, start, end))
            end = found[-1].end
        at = end


def _other(text: str, kind: str, start: int, end: int) -> Token:
    """A token that takes more than cutting it out."""
    word = text[start:end]
    if kind == "string":
        return _string(text, start, end, word)
    if kind == "word":
        return Token("name", word, start, end)
    if kind == "quoted":
        return Token("quoted", word[1:-1], start, end)
    if kind == "float":
        if math.isinf(float(word)):
            raise SyntaxFaultError("the number is too large for a double", start, end)
        return Token("float", float(word), start, end)
    if text[end : end + 1].isalnum() or text[end : end + 1] == "_":
        raise SyntaxFaultError("a number is followed by a letter", start, end + 1)
    unsigned = word[-1] in "uU"
    digits = word[:-1] if unsigned else word
    if len(digits) > 400:
        raise SyntaxFaultError("the number is too long", start, end)
    number = int(digits, 16) if digits[:2] in ("0x", "0X") else int(digits)
    return Token("uint" if unsigned else "int", number, start, end)


def _string(text: str, start: int, at: int, opening: str) -> Token:
    prefix = opening.rstrip("\"'").lower()
    quote = opening[len(prefix) :]
    raw, binary = "r" in prefix, "b" in prefix
    parts: list[str] = []
    data = bytearray()

    def put(piece: str) -> None:
        if binary:
            data.extend(piece.encode())
        else:
            parts.append(piece)

    size = len(text)
    while True:
        if at >= size:
            raise SyntaxFaultError("the text is not closed", start, start + len(opening))
        if text.startswith(quote, at):
            at += len(quote)
            break
        char = text[at]
        if char in "\r\n" and len(quote) == 1:
            raise SyntaxFaultError("the text is not closed on its line", start, at)
        if char == "\\" and not raw:
            at = _escape(text, at, binary, put, data)
            continue
        put(char)
        at += 1
    if binary:
        return Token("bytes", bytes(data), start, at)
    return Token("string", "".join(parts), start, at)


def _escape(text: str, at: int, binary: bool, put: Any, data: bytearray) -> int:
    letter = text[at + 1 : at + 2]
    if letter in ESCAPES and letter:
        put(ESCAPES[letter])
        return at + 2
    if letter and letter in "xXuU":
        length = {"x": 2, "X": 2, "u": 4, "U": 8}[letter]
        digits = text[at + 2 : at + 2 + length]
    else:
        length, digits = 3, text[at + 1 : at + 4]
    end = at + 2 + length if letter and letter in "xXuU" else at + 4
    try:
        code = int(digits, 16 if letter and letter in "xXuU" else 8)
        if len(digits) != length or not digits.isalnum():
            raise ValueError
    except ValueError:
        raise SyntaxFaultError("no such escape", at, min(at + 2, len(text))) from None
    if binary:
        if letter in "uU" or code > 255:
            raise SyntaxFaultError("no such escape in bytes", at, end)
        data.append(code)
        return end
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise SyntaxFaultError("no such character", at, end)
    put(chr(code))
    return end

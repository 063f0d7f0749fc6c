"""Text → tokens with offsets. Source: the CEL specification, section Syntax."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
  | (?P<float>(?:\d+\.\d+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+))
  | (?P<int>(?:0[xX][0-9a-fA-F]+|\d+)[uU]?)
  | (?P<string>(?:[rR][bB]?|[bB][rR]?)?(?:\"\"\"|'''|\"|'))
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<quoted>`[A-Za-z0-9_.\-/ ]+`)
  | (?P<op>==|!=|<=|>=|&&|\|\||[<>=+\-*/%!?:.,()\[\]{}])
""",
    re.VERBOSE,
)
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
    found: list[Token] = []
    at = 0
    size = len(text)
    while at < size:
        match = TOKEN.match(text, at)
        if match is None:
            raise SyntaxFaultError(f"unexpected character {text[at]!r}", at, at + 1)
        kind = match.lastgroup or ""
        end = match.end()
        if kind == "space":
            at = end
            continue
        word = match.group()
        if kind == "string":
            token = _string(text, at, end, word)
            found.append(token)
            at = token.end
            continue
        if kind == "int":
            if end < size and (text[end].isalnum() or text[end] == "_"):
                raise SyntaxFaultError("a number is followed by a letter", at, end + 1)
            unsigned = word[-1] in "uU"
            digits = word[:-1] if unsigned else word
            if len(digits) > 400:
                raise SyntaxFaultError("the number is too long", at, end)
            number = int(digits, 16) if digits[:2] in ("0x", "0X") else int(digits)
            found.append(Token("uint" if unsigned else "int", number, at, end))
        elif kind == "float":
            if math.isinf(float(word)):
                raise SyntaxFaultError("the number is too large for a double", at, end)
            found.append(Token("float", float(word), at, end))
        elif kind == "quoted":
            found.append(Token("quoted", word[1:-1], at, end))
        else:
            found.append(Token(kind, word, at, end))
        at = end
    found.append(Token("end", "", size, size))
    return found


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

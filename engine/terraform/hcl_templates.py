"""Templates: quoted texts, heredocs and whole files with `${}` and `%{}` in them.

A template is first cut into pieces just as Terraform's scanner does, since `~` trims exactly one
piece and `<<-` measures pieces: literal text ends at a line break and before `$` and `%`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from assay.engine.terraform.scanner import SPACES, Scanner
from assay.engine.terraform.syntax import (
    Conditional,
    For,
    Joined,
    Literal,
    Node,
    Template,
    Wrapped,
)
from assay.engine.terraform.values import EMPTY_STRING, string

Parse = Callable[[Scanner], Node]

# What Go holds for a space (unicode.IsSpace).
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_QUOTED = re.compile(
    r"""(?P<open>[$%]\{~?) | (?P<close>") | (?P<line>[\r\n])
      | (?P<text>\$\$\{~? | %%\{~? | [$%] | (?:\\[^\r\n] | [^$%"\\\r\n])+)""",
    re.VERBOSE,
).match
_PLAIN = re.compile(
    r"(?P<open>[$%]\{~?) | (?P<text>(?:\$\$\{~? | %%\{~? | [$%] | [^$%\r\n]+)?(?:\r?\n)?)"
    r" | (?P<line>\r)",
    re.VERBOSE,
).match
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class _Text:
    """A piece of literal text."""

    __slots__ = ("end", "start", "value")

    def __init__(self, value: str, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class _Sequence:
    """`${…}` or `%{…}`: keyword is "" for an interpolation, else if, else, endif, for, endfor."""

    __slots__ = ("end", "keyword", "names", "node", "start")

    def __init__(self, keyword: str, start: int) -> None:
        self.keyword = keyword
        self.start = start
        self.end = start
        self.node: Node | None = None
        self.names: tuple[str | None, str] = (None, "")


Piece = _Text | _Sequence


def quoted(scan: Scanner, parse: Parse) -> Node:
    """The quoted text whose opening quote is the current token."""
    start = scan.start
    pieces: list[Piece] = []
    at = scan.end
    trim = False
    while True:
        found = _QUOTED(scan.source, at)
        if not found:
            scan.fail("the text is not closed", start, start + 1)
        kind, at = found.lastgroup, found.end()
        if kind == "close":
            break
        if kind == "line":
            scan.fail(
                "a quoted text cannot hold a line break",
                start,
                at - 1,
                "write `\\n`, or use a heredoc for a text of many lines",
            )
        if kind == "text":
            value = _unescape(scan, found["text"], found.start())
            pieces.append(_Text(value.lstrip(SPACE) if trim else value, found.start(), at))
            trim = False
        else:
            at, trim = _sequence(scan, found["open"], found.start(), pieces, parse)
    scan.jump(at)
    scan.done = at
    return _assemble(scan, pieces, start, at)


def heredoc(scan: Scanner, parse: Parse) -> Node:
    """The heredoc whose introduction is the current token."""
    start, marker = scan.start, scan.value
    flush = scan.source.startswith("<<-", start)
    pieces: list[Piece] = []
    at = scan.end
    line_start = True
    trim = False
    while True:
        found = _PLAIN(scan.source, at)
        if not found or found.end() == at:
            scan.fail(
                f"the heredoc is not closed: no line holds only `{marker}`",
                start,
                scan.end - 1,
            )
        kind = found.lastgroup
        if kind == "open":
            line_start = False
            at, trim = _sequence(scan, found["open"], at, pieces, parse)
            continue
        written = found[0]
        if written.endswith("\n"):
            if line_start and written.strip(SPACE) == marker:
                break
            line_start = True
        else:
            line_start = False
        value = _plain_text(written)
        pieces.append(_Text(value.lstrip(SPACE) if trim else value, at, found.end()))
        trim = False
        at = found.end()
    end = at + len(written.rstrip("\r\n"))
    if flush:
        _unindent(pieces)
    scan.jump(end)
    scan.done = end
    return _assemble(scan, pieces, start, end)


def whole(scan: Scanner, parse: Parse) -> Node:
    """The whole text of the scanner as a template: a template file, or a text in JSON."""
    pieces: list[Piece] = []
    at = 0
    trim = False
    size = len(scan.source)
    while at < size:
        found = _PLAIN(scan.source, at)
        assert found
        if found.lastgroup == "open":
            at, trim = _sequence(scan, found["open"], at, pieces, parse)
            continue
        value = _plain_text(found[0])
        pieces.append(_Text(value.lstrip(SPACE) if trim else value, at, found.end()))
        trim = False
        at = found.end()
    return _assemble(scan, pieces, 0, size)


def _sequence(
    scan: Scanner, opening: str, start: int, pieces: list[Piece], parse: Parse
) -> tuple[int, bool]:
    """Read a sequence; gives where it ends and whether the next text loses its leading space."""
    if opening.endswith("~") and pieces:
        last = pieces[-1]
        if isinstance(last, _Text):
            last.value = last.value.rstrip(SPACE)
    outer, scan.match = scan.match, SPACES
    scan.jump(start + len(opening))
    scan.deeper()
    made = _Sequence("", start)
    if opening[0] == "$":
        made.node = parse(scan)
    else:
        _directive(scan, made, parse)
    if scan.kind not in ("}", "~}"):
        scan.fail(
            f"expected `}}` of the sequence, found {scan.describe()}",
            help="a literal `${` or `%{` is written `$${` or `%%{`",
        )
    scan.depth -= 1
    scan.match = outer
    made.end = scan.end
    pieces.append(made)
    return scan.end, scan.kind == "~}"


def _directive(scan: Scanner, made: _Sequence, parse: Parse) -> None:
    keyword = scan.value if scan.kind == "i" else ""
    if keyword not in ("if", "else", "endif", "for", "endfor"):
        scan.expected("if, else, endif, for or endfor")
    made.keyword = keyword
    scan.advance()
    if keyword == "if":
        made.node = parse(scan)
    elif keyword == "for":
        names = [_name(scan)]
        if scan.kind == ",":
            scan.advance()
            names.append(_name(scan))
        if scan.kind != "i" or scan.value != "in":
            scan.expected("`in`")
        scan.advance()
        made.names = (None, names[0]) if len(names) == 1 else (names[0], names[1])
        made.node = parse(scan)


def _name(scan: Scanner) -> str:
    if scan.kind != "i":
        scan.expected("a name")
    name = scan.value
    scan.advance()
    return name


def _plain_text(written: str) -> str:
    if written[:3] in ("$${", "%%{"):
        return written[1:]
    return written


def _unescape(scan: Scanner, written: str, start: int) -> str:
    if written[:3] in ("$${", "%%{"):
        return written[1:]
    if "\\" not in written:
        return written

    def replace(found: re.Match[str]) -> str:
        digits = found[1] or found[2]
        if digits:
            code = int(digits, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                scan.fail("not a character", start + found.start(), start + found.end())
            return chr(code)
        known = _SIMPLE.get(found[3])
        if known is None:
            scan.fail(
                f"`{found[0]}` is no escape sequence",
                start + found.start(),
                start + found.end(),
                "a backslash itself is written `\\\\`",
            )
        return known

    return _ESCAPE.sub(replace, written)


def _unindent(pieces: list[Piece]) -> None:
    """Take the indentation that all lines share off them, after `~` has trimmed."""
    least: int | None = None
    firsts: list[_Text] = []
    line_start = True
    for piece in pieces:
        if line_start:
            line_start = False
            indent: int | None = 0
            if isinstance(piece, _Text):
                stripped = piece.value.lstrip(SPACE)
                if not stripped and piece.value.endswith("\n"):
                    indent = None
                else:
                    indent = len(piece.value) - len(stripped)
                    firsts.append(piece)
            if indent is not None and (least is None or indent < least):
                least = indent
        if isinstance(piece, _Text) and piece.value.endswith("\n"):
            line_start = True
    for piece in firsts:
        piece.value = piece.value[least or 0 :]


def _assemble(scan: Scanner, pieces: list[Piece], start: int, end: int) -> Node:
    """The pieces as one node: a Literal, a Wrapped expression, or a Template."""
    if all(isinstance(piece, _Text) for piece in pieces):
        joined = "".join(piece.value for piece in pieces if isinstance(piece, _Text))
        return Literal(scan.text, start, end, string(joined))
    if len(pieces) == 1 and isinstance(pieces[0], _Sequence) and not pieces[0].keyword:
        assert pieces[0].node
        return Wrapped(scan.text, start, end, pieces[0].node)
    stream = _Stream(scan, pieces)
    parts = stream.parts(())
    if stream.at < len(pieces):
        stray = pieces[stream.at]
        scan.fail("a directive without its beginning", stray.start, stray.end)
    return Template(scan.text, start, end, tuple(parts))


class _Stream:
    """The pieces in order, read into a tree of directives."""

    __slots__ = ("at", "pieces", "scan")

    def __init__(self, scan: Scanner, pieces: list[Piece]) -> None:
        self.scan = scan
        self.pieces = pieces
        self.at = 0

    def parts(self, until: tuple[str, ...]) -> list[Node]:
        """The nodes up to a directive that closes or divides the enclosing one."""
        found: list[Node] = []
        text: list[_Text] = []
        while self.at < len(self.pieces):
            piece = self.pieces[self.at]
            if isinstance(piece, _Text):
                text.append(piece)
                self.at += 1
                continue
            self._flush(text, found)
            if piece.keyword in until or piece.keyword in ("else", "endif", "endfor"):
                return found
            self.at += 1
            if piece.keyword == "if":
                found.append(self._if(piece))
            elif piece.keyword == "for":
                found.append(self._for(piece))
            elif piece.node:
                found.append(piece.node)
        self._flush(text, found)
        return found

    def _flush(self, text: list[_Text], found: list[Node]) -> None:
        if text:
            value = string("".join(piece.value for piece in text))
            found.append(Literal(self.scan.text, text[0].start, text[-1].end, value))
            text.clear()

    def _if(self, opening: _Sequence) -> Node:
        yes = self._branch(opening, ("else", "endif"))
        closing = self._take(opening, ("else", "endif"))
        no: Node = Literal(self.scan.text, closing.start, closing.start, EMPTY_STRING)
        if closing.keyword == "else":
            no = self._branch(closing, ("endif",))
            closing = self._take(opening, ("endif",))
        assert opening.node
        return Conditional(self.scan.text, opening.start, closing.end, opening.node, yes, no)

    def _for(self, opening: _Sequence) -> Node:
        value = self._branch(opening, ("endfor",))
        closing = self._take(opening, ("endfor",))
        key_name, value_name = opening.names
        assert opening.node
        loop = For(
            self.scan.text,
            opening.start,
            closing.end,
            key_name,
            value_name,
            opening.node,
            None,
            value,
            None,
            False,
        )
        return Joined(self.scan.text, opening.start, closing.end, loop)

    def _branch(self, opening: _Sequence, until: tuple[str, ...]) -> Node:
        parts = self.parts(until)
        return Template(self.scan.text, opening.end, opening.end, tuple(parts))

    def _take(self, opening: _Sequence, wanted: tuple[str, ...]) -> _Sequence:
        piece = self.pieces[self.at] if self.at < len(self.pieces) else None
        if not isinstance(piece, _Sequence) or piece.keyword not in wanted:
            self.scan.fail(
                f"`{opening.keyword}` without its `{wanted[-1]}`", opening.start, opening.end
            )
        self.at += 1
        return piece

r"""The part of YAML that manifests are written in → values, twice as fast as by events.

Read here are block maps and lists, keys on one line, plain and quoted scalars, literal and folded
text, and flow lists of words. Whatever else a text holds (anchors, aliases, tags, flow maps, tabs,
directives, a fault of any kind) makes `read` give it back unread, to libyaml: so every word of
what is refused, and every rare form, is still libyaml's. What is read here is what libyaml reads:
the tests compare both on every manifest at hand and on generated and damaged ones.

The rules are those of YAML 1.1 as libyaml 0.2 scans it (its `scanner.c`), the scalars those of
`scalars.py`.
"""

from __future__ import annotations

import re
from typing import Any

from assay.engine.kubernetes import scalars

Marks = dict[int, dict[str | int, int]]
MAX_DEPTH = 100  # containers inside each other; what is deeper is left to libyaml
# Line breaks of YAML 1.1 other than \n, tabs, and what YAML refuses are not read here, but for
# tabs inside literal text.
_ODD = re.compile(
    "[^\\t\\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_ASCII = bytes([9, 10, *range(32, 127)])
_LINE = re.compile(
    r"( *)((?:-(?: +|(?=\n)))*)"  # indentation; items that begin on this line
    r"(?:([A-Za-z0-9_./$][A-Za-z0-9_./$-]{0,200}|\"[^\"\\\n]{0,200}\"|'[^'\n]{0,200}'):(?=[ \n]))?"
    r" *([^\n]*)\n"
)
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./$(~+^=;<\\")
_DASHED = re.compile(r"-+[A-Za-z0-9_./=$]")
_SINGLE = re.compile(r"'((?:[^']|'')*)'(?: *| +#[^\n]*)\n")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\[\s\S])*)"(?: *| +#[^\n]*)\n')
_MARKER = re.compile(r"\n(?:---|\.\.\.)(?=[ \n]|\Z)")
_FOLD = re.compile(r" *\n *((?:\n *)*)")
_ESCAPE = re.compile(
    r"\\\n *((?:\n *)*)| *\n *((?:\n *)*)|\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[\s\S])"
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "/": "/", " ": " ", "0": "\0"}
_HEADER = re.compile(r"([|>])([-+]?) *\Z")
_LEAD = re.compile(r"((?: *\n)*)( *)")
_WORD = r"(?:\"[^\"\\\n]*\"|'[^'\n]*'|[A-Za-z0-9_./][A-Za-z0-9_./*-]*)"
_WORDS = re.compile(rf"\[ *(?:{_WORD} *(?:, *{_WORD} *)*)?\](?: *| +#[^\n]*)\Z")
_EACH_WORD = re.compile(_WORD)
_EMPTY = re.compile(r"\{ *\}(?: *| +#[^\n]*)\Z")
_NONE: Any = object()
_HINTS = scalars.HINTS


class _OtherError(Exception):
    """Something that is not read here."""


def read(text: str, marks: Marks | None = None) -> tuple[Any, int, bool] | None:
    """The one document of a text: its value, the offset of its first key, whether any is null.

    None where libyaml must read it. `marks` takes the offsets of keys and list items, as
    `yamltext.documents` has it.
    """
    if text.isascii():
        if text.encode("ascii").translate(None, _ASCII):
            return None
    elif _ODD.search(text) is not None:
        return None
    found: Marks | None = None if marks is None else {}
    try:
        result = _Reader(text, found).read()
    except _OtherError:
        return None
    if marks is not None and found is not None:
        marks.update(found)
    return result


class _Reader:
    """One text: a cursor over its lines and the containers that are open."""

    def __init__(self, text: str, marks: Marks | None) -> None:
        self.ended = text.endswith("\n")
        self.text = text if self.ended else text + "\n"
        self.marks = marks
        self.nulls = False
        self.position = 0  # of the line that is read next

    def read(self) -> tuple[Any, int, bool]:  # noqa: C901 - one loop, where the time goes
        text, marks, match, keys = self.text, self.marks, _LINE.match, _KEYS
        tabs = "\t" in text
        position, end = _start(text), len(text)
        first = -1
        container: Any = None  # the innermost open one
        key: Any = None  # that whose value the line, or the next one, gives
        indent = -1
        waiting = False  # whether a key or an item has had no value yet
        plain = ""  # what a line further in would go on with
        blanks = 0  # empty lines since
        stack: list[tuple[int, Any, Any]] = []
        while position < end:
            line = match(text, position)
            if line is None:
                raise _OtherError
            spaces, dashes, name, rest = line.groups()
            column = len(spaces)
            if column != indent or waiting or dashes or name is None or container.__class__ is list:
                at, position = position, line.end()
                if name is None and not dashes:
                    if not rest:
                        blanks += 1
                        continue
                    if rest[0] == "#":
                        plain = ""
                        continue
                    if column > indent and plain and not waiting:
                        plain = _joined(plain, rest, blanks)
                        blanks = 0
                        container[key] = plain
                        continue
                    raise _OtherError  # a text where a key should stand
                # -- where the line stands
                if waiting:
                    within = container.__class__ is dict and dashes and column == indent
                    if column > indent or within:
                        stack.append((indent, container, key))
                        new: Any = [] if dashes else {}
                        if marks is not None:
                            self._mark(container, at + column, new)
                        if container.__class__ is list:
                            container.append(new)
                        else:
                            container[key] = new
                        container, indent = new, column
                    else:
                        self._null(container, key)
                    waiting = False
                elif container is None:
                    if column or dashes:
                        raise _OtherError  # no map at the edge: rare
                    container, indent = {}, 0
                    if marks is not None:
                        marks[id(container)] = {}
                while column < indent:
                    indent, container, key = stack.pop()
                if not dashes and container.__class__ is list and stack and stack[-1][0] == indent:
                    indent, container, key = stack.pop()
                if column != indent or (container.__class__ is list) is not bool(dashes):
                    raise _OtherError
                # -- the items that begin here
                if dashes:
                    column = line.start(2)
                    for dash in dashes.split("-")[1:]:
                        column += 1 + len(dash)
                        opened = column < line.end(2)
                        if not opened and name is None:
                            break  # the item is the rest of the line
                        stack.append((indent, container, len(container)))
                        new = [] if opened else {}
                        if marks is not None:
                            self._mark(container, column, new)
                        container.append(new)
                        container, indent = new, column - at
                    if len(stack) > MAX_DEPTH:
                        raise _OtherError
            else:
                position = line.end()
            if name is not None:
                key = keys.get(name)
                if key is None:
                    key = _key(name)
                if key in container:
                    raise _OtherError
                if first < 0:
                    first = line.start(3)
                if marks is not None:
                    marks[id(container)][key] = line.start(3)
            else:
                key = len(container)
            # -- the value
            plain, blanks = "", 0
            if not rest or rest[0] == "#":
                if rest and name is None:
                    raise _OtherError
                waiting = True
                continue
            if name is None:
                if marks is not None:
                    marks[id(container)][key] = line.start(4)
                container.append(None)
            character = rest[0]
            if character in _PLAIN or (character == "-" and _DASHED.match(rest)):
                if " " not in rest:
                    plain = rest
                elif ": " in rest:
                    raise _OtherError
                elif " #" in rest:
                    rest = rest[: rest.index(" #")].rstrip(" ")
                else:
                    plain = rest = rest.rstrip(" ")
                if rest[-1] == ":" or (tabs and "\t" in rest):
                    raise _OtherError
                if character in _HINTS:
                    container[key] = value = scalars.plain(rest)
                    if value.__class__ is not str:
                        plain = ""
                        if value is None:
                            self.nulls = True
                        elif value.__class__ is float and value - value != 0:
                            raise _OtherError
                else:
                    container[key] = rest
            elif character in "|>":
                container[key], position = self._block(rest, indent, position)
            else:
                container[key], position = self._other(rest, line.start(4))
        if container is None:
            raise _OtherError
        if waiting:
            self._null(container, key)
        root = stack[0][1] if stack else container
        return root, first, self.nulls

    def _mark(self, container: Any, offset: int, new: Any) -> None:
        """Note where an item begins, and that a container has begun."""
        assert self.marks is not None
        if container.__class__ is list:
            self.marks[id(container)][len(container)] = offset
        self.marks[id(new)] = {}

    def _null(self, container: Any, key: Any) -> None:
        if container.__class__ is list:
            if self.marks is not None:
                raise _OtherError
            container.append(None)
        else:
            container[key] = None
        self.nulls = True

    def _other(self, rest: str, start: int) -> tuple[Any, int]:
        """The value of quotes or brackets, and where the line after it begins."""
        if rest[0] in "'\"":
            found = (_SINGLE if rest[0] == "'" else _DOUBLE).match(self.text, start)
            if found is None:
                raise _OtherError
            value = found[1]
            if "\t" in value or ("\n" in value and _MARKER.search(value + "\n")):
                raise _OtherError
            if rest[0] == "'":
                value = _FOLD.sub(_folded, value) if "\n" in value else value
                return value.replace("''", "'"), found.end()
            if "\\" in value or "\n" in value:
                value = _ESCAPE.sub(_unescaped, value)
            return value, found.end()
        after = start + len(rest) + 1
        if _EMPTY.match(rest):
            return {}, after if self.marks is None else _refuse()
        if "\t" in rest or not _WORDS.match(rest) or self.marks is not None:
            raise _OtherError
        words = []
        for found in _EACH_WORD.finditer(rest[: rest.rindex("]")]):
            word = found[0]
            value = word[1:-1] if word[0] in "'\"" else scalars.plain(word)
            if value is None or value.__class__ is float:
                raise _OtherError
            words.append(value)
        return words, after

    def _block(self, header: str, indent: int, position: int) -> tuple[str, int]:
        """Literal or folded text, and where the line after it begins."""
        found = _HEADER.match(header)
        body = _body(indent).match(self.text, position) if found else None
        if found is None or body is None:
            raise _OtherError
        after = body.end()
        if after == len(self.text) and not self.ended:
            raise _OtherError
        lead = _LEAD.match(self.text, position)
        assert lead is not None  # it matches everything
        depth, held = len(lead[2]), body[0]
        lines = _lines(depth).match(self.text, position)
        if depth <= indent or lead.end() >= after or lines is None or lines.end() != after:
            raise _OtherError
        if self.text[lead.end()] == "\t" or any(len(line) > depth for line in lead[1].split("\n")):
            raise _OtherError
        held = ("\n" + held).replace("\n" + lead[2], "\n")[1:]
        if " \n" in held:  # lines of fewer spaces than the text's
            held = "\n".join(line[depth:] for line in body[0].split("\n"))
        text = held.rstrip("\n")
        ends = len(held) - len(text)
        if found[1] == ">":
            text = _fold_lines(text.split("\n"))
        if found[2] == "-":
            return text, after
        return text + "\n" * (ends if found[2] else 1), after


def _refuse() -> int:
    raise _OtherError


def _start(text: str) -> int:
    """Where the first line after comments and a `---` begins."""
    position, marked = 0, False
    while True:
        end = text.find("\n", position)
        line = text[position : end if end >= 0 else len(text)]
        if line.startswith("---") and not marked and not line[3:].strip(" "):
            marked = True
        elif line and line[0] in "%-.":
            raise _OtherError
        elif line.strip(" ") and not line.lstrip(" ").startswith("#"):
            return position
        if end < 0:
            raise _OtherError
        position = end + 1


def _key(name: str) -> str:
    """The key that a name is; the same text for the same key, as long as there are not many."""
    if name[0] in "\"'":
        return name[1:-1]
    if scalars.plain(name).__class__ is not str:
        raise _OtherError
    if len(_KEYS) < _MAX_KEYS:
        _KEYS[name] = name
    return name


_KEYS: dict[str, str] = {}
_MAX_KEYS = 5_000
_BODIES: dict[int, re.Pattern[str]] = {}
_DEPTHS: dict[int, re.Pattern[str]] = {}


def _lines(depth: int) -> re.Pattern[str]:
    """Lines of a text that stands so far in, to the first that is none."""
    if depth not in _DEPTHS:
        line = rf"(?: {{{depth}}}[^\n]*\n| {{0,{depth}}}\n)"
        _DEPTHS[depth] = re.compile(rf"{line}+")
    return _DEPTHS[depth]


def _body(indent: int) -> re.Pattern[str]:
    """Lines further in than a container, or of spaces alone."""
    if indent not in _BODIES:
        _BODIES[indent] = re.compile(rf"(?: {{{indent + 1}}}[^\n]*\n| *\n)+")
    return _BODIES[indent]


def _joined(text: str, more: str, blanks: int) -> str:
    """A plain text with one more of its lines."""
    if ": " in more or more[0] == ":" or " #" in more or "\t" in more:
        raise _OtherError
    more = more.rstrip(" ")
    if more[-1] == ":":
        raise _OtherError
    return text + ("\n" * blanks or " ") + more


def _folded(found: re.Match[str]) -> str:
    return "\n" * found[1].count("\n") or " "


def _unescaped(found: re.Match[str]) -> str:
    joined, folded, escape = found.groups()
    if joined is not None:
        return "\n" * str(joined).count("\n")
    if folded is not None:
        return "\n" * str(folded).count("\n") or " "
    if escape in _ESCAPED:
        return _ESCAPED[escape]
    if len(escape) > 1:
        code = int(escape[1:], 16)
        if not 0xD800 <= code < 0xE000:
            return chr(code)
    raise _OtherError


def _fold_lines(lines: list[str]) -> str:
    """Folded text: libyaml's rule, which keeps the breaks around lines that are further in."""
    parts: list[str] = []
    broken = further = False
    empty = 0
    for line in lines:
        if not line:
            empty += 1
            continue
        begins = line[0] in " \t"
        if broken:
            if further or begins:
                parts.append("\n")
            elif not empty:
                parts.append(" ")
        parts.append("\n" * empty)
        parts.append(line)
        broken, further, empty = True, begins, 0
    return "".join(parts)

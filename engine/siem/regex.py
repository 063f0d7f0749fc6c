"""A Sigma regular expression → its tree. Meaning of the input: RE2's, with ASCII classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

MAX_VARIANTS = 64  # of anchored and open alternatives; more is a pattern made to explode
MAX_PARTS = 20_000  # characters of the source
TOP = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]


class Chars(NamedTuple):
    """One character out of sorted, disjoint ranges of code points."""

    ranges: Ranges


class Seq(NamedTuple):
    """One part after the other; no parts match the empty text."""

    parts: tuple[Node, ...]


class Alt(NamedTuple):
    """Any of the branches."""

    branches: tuple[Node, ...]


class Repeat(NamedTuple):
    """The part `least` to `most` times; None: no upper bound."""

    part: Node
    least: int
    most: int | None


class Edge(NamedTuple):
    """`start` or `end` of the value, or with the flag m `line-start` and `line-end`."""

    kind: str


Node = Chars | Seq | Alt | Repeat | Edge


class UnsupportedError(Exception):
    """The expression is wrong, or Lucene has no exact counterpart: the message says why."""


ANY = Chars(((0, TOP),))
EVERYTHING = Repeat(ANY, 0, None)
NEWLINE = Chars(((10, 10),))
EMPTY = Seq(())
DIGIT: Ranges = ((48, 57),)
SPACE: Ranges = ((9, 10), (12, 13), (32, 32))
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
CLASSES = {"d": DIGIT, "s": SPACE, "w": WORD}
POSIX: dict[str, Ranges] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "digit": DIGIT,
    "lower": ((97, 122),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "a": 7}
REFUSED_GROUPS = {
    "?=": "looks ahead",
    "?!": "looks ahead",
    "?<=": "looks behind",
    "?<!": "looks behind",
    "?>": "has an atomic group",
    "?(": "has a conditional group",
    "?#": "has a comment",
}


def parse(pattern: str, flags: frozenset[str] = frozenset()) -> Node:
    """The tree of a pattern. Raises UnsupportedError."""
    if len(pattern) > MAX_PARTS:
        raise UnsupportedError(f"the regular expression has more than {MAX_PARTS} characters")
    reader = _Reader(pattern)
    tree = _alternatives(reader, set(flags))
    if reader.at < len(pattern):
        raise UnsupportedError(
            f"unbalanced `)` at character {reader.at + 1} of the regular expression"
        )
    return tree


class _Reader:
    __slots__ = ("at", "depth", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.text[at] if at < len(self.text) else ""

    def take(self) -> str:
        char = self.peek()
        if not char:
            raise UnsupportedError("the regular expression ends too early")
        self.at += 1
        return char

    def accept(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False


def _alternatives(reader: _Reader, flags: set[str]) -> Node:
    branches = [_sequence(reader, flags)]
    while reader.accept("|"):
        branches.append(_sequence(reader, flags))
    return branches[0] if len(branches) == 1 else Alt(tuple(branches))


def _sequence(reader: _Reader, flags: set[str]) -> Node:
    parts: list[Node] = []
    while reader.peek() not in ("", "|", ")"):
        part = _atom(reader, flags)
        if part is None:  # flags that hold from here on
            continue
        parts.append(_repeated(reader, part))
    return parts[0] if len(parts) == 1 else Seq(tuple(parts))


def _repeated(reader: _Reader, part: Node) -> Node:
    repeats = 0
    while (bounds := _bounds(reader)) is not None:
        if isinstance(part, Edge):
            raise UnsupportedError("an anchor or boundary is repeated")
        repeats += 1
        if repeats > 1:
            raise UnsupportedError("a repetition is repeated")
        if reader.accept("+"):
            raise UnsupportedError("it has a possessive repetition")
        reader.accept("?")  # lazy or greedy: the same texts are found
        part = Repeat(part, *bounds)
    return part


def _bounds(reader: _Reader) -> tuple[int, int | None] | None:
    simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
    if (char := reader.peek()) in simple:
        reader.at += 1
        return simple[char]
    if char != "{":
        return None
    end = reader.text.find("}", reader.at)
    least, comma, most = reader.text[reader.at + 1 : end].partition(",")
    digits = least.isascii() and least.isdigit() and (not most or most.isdigit())
    if end < 0 or not digits or (most and not most.isascii()):
        return None  # a brace that is no repetition is itself
    reader.at = end + 1
    upper = int(least) if not comma else int(most) if most else None
    if int(least) > 1000 or (upper or 0) > 1000 or (upper is not None and upper < int(least)):
        raise UnsupportedError("its repetition is out of order or above 1000")
    return int(least), upper


def _atom(reader: _Reader, flags: set[str]) -> Node | None:
    char = reader.take()
    if char == "(":
        return _group(reader, flags)
    if char == "[":
        return _char_class(reader, flags)
    if char == ".":
        return ANY if "s" in flags else Chars(complement(NEWLINE.ranges))
    if char == "^":
        return Edge("line-start" if "m" in flags else "start")
    if char == "$":
        return Edge("line-end" if "m" in flags else "end")
    if char == "\\":
        return _escape(reader, flags)
    if char in "*+?":
        raise UnsupportedError(f"`{char}` at character {reader.at} repeats nothing")
    return _literal(ord(char), flags)


def _group(reader: _Reader, flags: set[str]) -> Node | None:
    inner = set(flags)
    if reader.accept("?"):
        rest = "?" + reader.text[reader.at : reader.at + 2]
        if reader.accept("P<") or (reader.peek() == "<" and reader.peek(1) not in "=!"):
            end = reader.text.find(">", reader.at)
            if end < 0:
                raise UnsupportedError("the name of a group does not end")
            reader.at = end + 1
        else:
            for mark, reason in REFUSED_GROUPS.items():
                if rest.startswith(mark):
                    raise UnsupportedError(f"it {reason}, which Lucene cannot")
            if not _flags(reader, inner):
                flags.clear()
                flags.update(inner)
                return None
    reader.depth += 1
    if reader.depth > 100:
        raise UnsupportedError("its groups are more than 100 deep")
    tree = _alternatives(reader, inner)
    reader.depth -= 1
    if not reader.accept(")"):
        raise UnsupportedError("a group does not end")
    return tree


def _flags(reader: _Reader, flags: set[str]) -> bool:
    """Reads `i-s:` or `i)` into flags; whether a group follows."""
    adding = True
    while True:
        char = reader.take()
        if char == ":":
            return True
        if char == ")":
            return False
        if char == "-" and adding:
            adding = False
        elif char in "ims":
            (flags.add if adding else flags.discard)(char)
        else:
            raise UnsupportedError(f"the group `(?{char}` is not known")


def _escape(reader: _Reader, flags: set[str]) -> Node:
    char = reader.peek()
    if char in ("A", "z"):
        reader.at += 1
        return Edge("start" if char == "A" else "end")
    if char in ("b", "B"):
        reader.at += 1
        return Edge("word" if char == "b" else "no-word")
    if char.isdigit() and char != "0":
        raise UnsupportedError("it refers back to a group, which Lucene cannot")
    if char == "Q":
        raise UnsupportedError("it quotes with `\\Q`")
    ranges = _escaped(reader)
    return _literal(ranges, flags) if isinstance(ranges, int) else Chars(ranges)


def _escaped(reader: _Reader) -> int | Ranges:
    """What follows a backslash: a code point, or the ranges of a class."""
    char = reader.take()
    if char.lower() in CLASSES:
        ranges = CLASSES[char.lower()]
        return ranges if char.islower() else complement(ranges)
    if char in CONTROLS:
        return CONTROLS[char]
    if char == "x":
        if reader.accept("{"):
            end = reader.text.find("}", reader.at)
            digits, reader.at = reader.text[reader.at : end], end + 1
        else:
            digits = reader.take() + reader.take()
        try:
            code = int(digits, 16)
        except ValueError:
            raise UnsupportedError("`\\x` needs hexadecimal digits") from None
        if code > TOP:
            raise UnsupportedError("`\\x` names no character")
        return code
    if char.isascii() and char.isalnum():
        raise UnsupportedError(f"the escape `\\{char}` is not known")
    return ord(char)


def _char_class(reader: _Reader, flags: set[str]) -> Node:
    negated = reader.accept("^")
    ranges: list[tuple[int, int]] = []
    folded: list[tuple[int, int]] = []
    first = True
    while first or reader.peek() != "]":
        first = False
        low = _class_item(reader)
        if not isinstance(low, int):
            ranges += low
            continue
        high = low
        if reader.peek() == "-" and reader.peek(1) not in ("]", ""):
            reader.at += 1
            upper = _class_item(reader)
            if not isinstance(upper, int) or upper < low:
                raise UnsupportedError("a range inside `[]` is out of order")
            high = upper
        folded.append((low, high))
    reader.at += 1
    if "i" in flags:
        folded = [found for low, high in folded for found in _both_cases(low, high)]
    merged = _merge(ranges + folded)
    merged = complement(merged) if negated else merged
    if not merged:
        raise UnsupportedError("a class matches no character")
    return Chars(merged)


def _class_item(reader: _Reader) -> int | Ranges:
    if reader.accept("[:"):
        end = reader.text.find(":]", reader.at)
        name = reader.text[reader.at : end]
        inverse = name.startswith("^")
        if end < 0 or name.removeprefix("^") not in POSIX:
            raise UnsupportedError("a named class inside `[]` is not known")
        reader.at = end + 2
        ranges = POSIX[name.removeprefix("^")]
        return complement(ranges) if inverse else ranges
    char = reader.take()
    return _escaped(reader) if char == "\\" else ord(char)


def _literal(code: int, flags: set[str]) -> Chars:
    ranges = _both_cases(code, code) if "i" in flags else ((code, code),)
    return Chars(_merge(ranges))


def _both_cases(low: int, high: int) -> list[tuple[int, int]]:
    """The range with all cases of its characters (simple folding, as RE2 has it)."""
    if high - low > 4096:
        if low <= 65 and high >= 122:
            return [(low, high)]
        raise UnsupportedError("a range that ignores case holds more than 4096 characters")
    found = [(low, high)]
    for code in range(low, high + 1):
        found += [(ord(form), ord(form)) for form in _cases(chr(code))]
    return found


def _cases(char: str) -> set[str]:
    forms = {char, char.lower(), char.upper(), char.swapcase()}
    if char in "kK\u212a":
        forms |= set("kK\u212a")
    elif char in "sS\u017f":
        forms |= set("sS\u017f")
    elif char in "\xe5\xc5\u212b":
        forms |= set("\xe5\xc5\u212b")
    return {form for form in forms if len(form) == 1}


def _merge(ranges: Iterable[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """All other characters."""
    gaps: list[tuple[int, int]] = []
    at = 0
    for low, high in ranges:
        if low > at:
            gaps.append((at, low - 1))
        at = high + 1
    if at <= TOP:
        gaps.append((at, TOP))
    return tuple(gaps)

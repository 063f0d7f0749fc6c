"""A Sigma regular expression → the Lucene expression for the whole of a value.

Sigma's expressions are open at both ends, know `\\d`, groups, flags and anchors. Lucene's cover the
whole value, have none of these, and give `~ & < > @ # "` meanings of their own. Whatever has no
exact counterpart is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.engine.siem.regex import (
    ANY,
    TOP,
    Alt,
    Chars,
    Node,
    Ranges,
    Repeat,
    Seq,
    UnsupportedError,
    complement,
)

# Inside `[]`.
NEVER_BARE = frozenset("\\]^-[")


def quote(text: str) -> str:
    """The expression of a text."""
    return "".join(
        char if char.isalnum() or char == "_" or char > "\x7f" else "\\" + char for char in text
    )


def write(node: Node) -> str:
    """The tree in Lucene's syntax. Only letters and digits stand unescaped."""
    match node:
        case Chars(ranges):
            return _write_chars(ranges)
        case Seq(parts):
            return "".join(
                f"({write(part)})" if isinstance(part, Alt) else write(part) for part in parts
            )
        case Alt(branches):
            return "|".join(write(branch) or "()" for branch in branches)
        case Repeat(part, least, most):
            inner = write(part)
            if not inner:
                return ""
            return (inner if isinstance(part, Chars) else f"({inner})") + _write_bounds(least, most)
    raise UnsupportedError("an anchor stands where nothing can be known of what surrounds it")


def _write_bounds(least: int, most: int | None) -> str:
    signs = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    if (least, most) in signs:
        return signs[least, most]
    if least == most:
        return f"{{{least}}}"
    return f"{{{least},{'' if most is None else most}}}"


def _write_chars(ranges: Ranges) -> str:
    if ranges == ANY.ranges:
        return "."
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _write_char(ranges[0][0])
    if ranges[-1][1] == TOP:
        return f"[^{_write_ranges(complement(ranges))}]"
    return f"[{_write_ranges(ranges)}]"


def _write_ranges(ranges: Sequence[tuple[int, int]]) -> str:
    return "".join(_write_range(low, high) for low, high in ranges)


def _write_range(low: int, high: int) -> str:
    """A range inside `[]`. Measured: after an escaped character Lucene reads `-` as itself, so
    the ends of a range stand unescaped, and those that cannot stand apart.
    """
    before = after = ""
    while low < high and chr(low) in NEVER_BARE:
        before, low = before + _write_char(low), low + 1
    while low < high and chr(high) in NEVER_BARE:
        after, high = _write_char(high) + after, high - 1
    if high - low < 2:
        between = "".join(map(_write_char, range(low, high + 1)))
    else:
        between = f"{chr(low)}-{chr(high)}"
    return before + between + after


def _write_char(code: int) -> str:
    char = chr(code)
    return char if char.isalnum() or char == "_" or code > 127 else "\\" + char

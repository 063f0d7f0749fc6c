"""Anchors and word boundaries of a regular expression, resolved into plain language.

`foo` is found in `.*foo.*`, `^foo` in `foo.*`. A boundary is decided by the characters beside it;
at an open end it becomes what may stand there.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay.engine.siem.regex import (
    EMPTY,
    EVERYTHING,
    MAX_VARIANTS,
    NEWLINE,
    WORD,
    Alt,
    Chars,
    Edge,
    Node,
    Ranges,
    Repeat,
    Seq,
    UnsupportedError,
    complement,
)

WORD_CHAR = Chars(WORD)
OTHER_CHAR = Chars(complement(WORD))
START, END = Edge("start"), Edge("end")


def resolve(tree: Node) -> Node:
    """The tree without edges, for the whole value. Raises UnsupportedError."""
    branches: list[Node] = []
    for parts in _flat(tree):
        _bounded(branches)
        ended = map(_ends, _boundaries(parts))
        branches += [done for done in ended if done is not None]
    unique = tuple(dict.fromkeys(branches))
    if not unique:
        raise UnsupportedError("it can match no value: its anchors contradict each other")
    return unique[0] if len(unique) == 1 else Alt(unique)


def _flat(node: Node) -> Iterator[tuple[Node, ...]]:
    """Sequences that together mean the node; no edge is left inside a part of one."""
    if not _has_edge(node):
        yield (node,) if node != EMPTY else ()
    elif isinstance(node, Alt):
        for branch in node.branches:
            yield from _flat(branch)
    elif isinstance(node, Seq):
        heads: list[tuple[Node, ...]] = [()]
        for part in node.parts:
            heads = [head + tail for head in heads for tail in _flat(part)]
            _bounded(heads)
        yield from heads
    elif isinstance(node, Repeat):
        if node.most is None or node.most > 8:
            raise UnsupportedError("an anchor or boundary stands inside an open repetition")
        for times in range(node.least, node.most + 1):
            yield from _flat(Seq((node.part,) * times))
    else:
        yield (node,)


def _bounded(found: list[tuple[Node, ...]] | list[Node]) -> None:
    if len(found) > MAX_VARIANTS:
        raise UnsupportedError(f"its anchors and boundaries give more than {MAX_VARIANTS} variants")


def _has_edge(node: Node) -> bool:
    match node:
        case Edge():
            return True
        case Seq(parts) | Alt(parts):
            return any(map(_has_edge, parts))
        case Repeat(part):
            return _has_edge(part)
    return False


def _boundaries(parts: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """The sequence with its word boundaries replaced by what they ask of their neighbours."""
    at = next((i for i, p in enumerate(parts) if p in (Edge("word"), Edge("no-word"))), None)
    if at is None:
        yield parts
        return
    before, after = parts[:at], parts[at + 1 :]
    same = parts[at] == Edge("no-word")
    for left, left_word in _left(before):
        for right, right_word in _right(after):
            if (left_word == right_word) == same:
                yield from _boundaries((*left, *right))


def _left(parts: tuple[Node, ...]) -> Iterator[tuple[tuple[Node, ...], bool]]:
    """What may stand before a boundary, each with whether it ends in a word character."""
    if not parts:
        yield (START,), False
        yield (START, EVERYTHING, WORD_CHAR), True
        yield (START, EVERYTHING, OTHER_CHAR), False
    elif isinstance(parts[-1], Edge):
        if not parts[-1].kind.endswith("start"):
            raise UnsupportedError("a word boundary follows the end of a value or line")
        yield parts, False  # value or line begins here: no word character before
    else:
        for made in _split(parts[-1], -1):
            if made:
                yield (*parts[:-1], *made), _sort(made[-1], -1)
            else:
                yield from _left(parts[:-1])


def _right(parts: tuple[Node, ...]) -> Iterator[tuple[tuple[Node, ...], bool]]:
    if not parts:
        yield (END,), False
        yield (WORD_CHAR, EVERYTHING, END), True
        yield (OTHER_CHAR, EVERYTHING, END), False
    elif isinstance(parts[0], Edge):
        if not parts[0].kind.endswith("end"):
            raise UnsupportedError("an anchor or boundary follows a word boundary")
        yield parts, False
    else:
        for made in _split(parts[0], 0):
            if made:
                yield (*made, *parts[1:]), _sort(made[0], 0)
            else:
                yield from _right(parts[1:])


def _split(node: Node, end: int) -> Iterator[tuple[Node, ...]]:
    """The node as cases of which each begins (0) or ends (-1) with one sort of character."""
    kinds = set(_outermost(node, end))
    if None not in kinds and len(kinds) == 1:
        yield (node,)
    elif isinstance(node, Chars):
        for sort in (WORD, OTHER_CHAR.ranges):
            if common := _common(node.ranges, sort):
                yield (Chars(common),)
    elif isinstance(node, Alt):
        for branch in node.branches:
            yield from _split(branch, end)
    elif isinstance(node, Seq):
        if not node.parts:
            yield ()
            return
        outer = node.parts[end]
        rest = node.parts[1:] if end == 0 else node.parts[:-1]
        for made in _split(outer, end):
            if made:
                yield (*made, *rest) if end == 0 else (*rest, *made)
            else:
                yield from _split(Seq(rest), end)
    elif isinstance(node, Repeat):
        yield from _split_repeat(node, end)


def _split_repeat(node: Repeat, end: int) -> Iterator[tuple[Node, ...]]:
    if node.most not in (None, 1):
        raise UnsupportedError("a word boundary whose neighbours may be of either sort")
    if not node.least:
        yield ()
    more = Repeat(node.part, max(node.least - 1, 0), None)
    for made in _split(node.part, end):
        if node.most == 1:
            yield made
        else:
            yield (*made, more) if end == 0 else (more, *made)


def _common(one: Ranges, two: Ranges) -> Ranges:
    return tuple(
        (max(low, other_low), min(high, other_high))
        for low, high in one
        for other_low, other_high in two
        if max(low, other_low) <= min(high, other_high)
    )


def _sort(node: Node, end: int) -> bool:
    """Whether every text of the node begins (0) or ends (-1) with a word character, or none."""
    kinds = set(_outermost(node, end))
    if len(kinds) != 1 or None in kinds:
        raise UnsupportedError("a word boundary whose neighbours may be of either sort")
    return True in kinds


def _outermost(node: Node, end: int) -> Iterator[bool | None]:
    """True: a word character; False: another; None: either, or nothing at all."""
    match node:
        case Chars(ranges):
            inside = [any(a <= low and high <= b for a, b in WORD) for low, high in ranges]
            apart = [all(high < a or low > b for a, b in WORD) for low, high in ranges]
            yield True if all(inside) else False if all(apart) else None
        case Alt(branches):
            for branch in branches:
                yield from _outermost(branch, end)
        case Repeat(part, least, _):
            yield from _outermost(part, end)
            if not least:
                yield None
        case Seq(parts) if parts:
            for part in parts if end == 0 else parts[::-1]:
                kinds = set(_outermost(part, end))
                empty = isinstance(part, Repeat) and not part.least
                yield from kinds - {None} if empty else kinds
                if not empty:
                    return
            yield None
        case _:
            yield None


def _ends(parts: tuple[Node, ...]) -> Node | None:
    """The sequence with open ends filled up; None where its anchors can never hold."""
    lead: tuple[Node, ...] = (EVERYTHING,)
    tail: tuple[Node, ...] = (EVERYTHING,)
    while parts and isinstance(parts[0], Edge) and parts[0].kind.endswith("start"):
        if parts[0].kind == "start":
            lead = ()
        elif lead == (EVERYTHING,):
            lead = (Repeat(Seq((EVERYTHING, NEWLINE)), 0, 1),)
        parts = parts[1:]
    while parts and isinstance(parts[-1], Edge) and parts[-1].kind.endswith("end"):
        if parts[-1].kind == "end":
            tail = ()
        elif tail == (EVERYTHING,):
            tail = (Repeat(Seq((NEWLINE, EVERYTHING)), 0, 1),)
        parts = parts[:-1]
    if any(isinstance(part, Edge) for part in parts):
        if _dead(parts):
            return None
        raise UnsupportedError("an anchor stands inside the expression")
    return Seq((*lead, *parts, *tail))


def _dead(parts: tuple[Node, ...]) -> bool:
    """Whether an anchor of the whole value has something beside it that is never empty."""
    for at, part in enumerate(parts):
        if part == START and any(_solid(other) for other in parts[:at]):
            return True
        if part == END and any(_solid(other) for other in parts[at + 1 :]):
            return True
    return False


def _solid(node: Node) -> bool:
    match node:
        case Chars():
            return True
        case Repeat(part, least, _):
            return least > 0 and _solid(part)
        case Seq(parts):
            return any(map(_solid, parts))
        case Alt(branches):
            return all(map(_solid, branches))
    return False

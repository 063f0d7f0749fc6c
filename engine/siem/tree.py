"""A Sigma detection as a tree of tests: what emitter, evaluator and coverage all read.

Built from pySigma's parsed condition and its detections, whose modifiers it has applied.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.siem import conditions

ANY = None  # in the parts of a Pattern: any number of characters
ONE = 1  # exactly one character

Parts = tuple[str | int | None, ...]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class And(NamedTuple):
    items: tuple[Any, ...]


class Or(NamedTuple):
    items: tuple[Any, ...]


class Not(NamedTuple):
    item: Any


class Pattern(NamedTuple):
    """Text with wildcards for the whole of a value; `cased` says that case matters."""

    field: str | None
    parts: Parts
    cased: bool = False


class Several(NamedTuple):
    """Any of these patterns, case ignored; all begin, and all end, with or without a star."""

    field: str | None
    chunk: tuple[Parts, ...]


class Texts(NamedTuple):
    """A number or truth value: the spellings that JSON has for it."""

    field: str | None
    texts: tuple[str, ...]


class Regex(NamedTuple):
    """A regular expression found somewhere in a value; flags are of i, m, s."""

    field: str | None
    pattern: str
    flags: frozenset[str]


class Cidr(NamedTuple):
    """The value is an address inside the network."""

    field: str
    network: Network


class Compare(NamedTuple):
    """The value is a number and stands in this order (lt, lte, gt, gte) to the given one."""

    field: str
    order: str
    number: int | float


class Exists(NamedTuple):
    """The field has a value: `null` and an empty list are none."""

    field: str


class Reference(NamedTuple):
    """The value equals, begins with, ends with or contains a value of the other field."""

    field: str
    other: str
    how: str  # equal, prefix, suffix, within


class TimePart(NamedTuple):
    """The given part of a time (minute, hour, day, week, month, year; UTC, ISO weeks)."""

    field: str
    part: str
    number: int


Test = Pattern | Several | Texts | Regex | Cidr | Compare | Exists | Reference | TimePart
Tree = And | Or | Not | Test


class RefusedError(Exception):
    """This rule cannot be said exactly: the message is the reason."""


def leaves(tree: Tree) -> Iterator[Test]:
    """All tests of the tree, in order."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, And | Or):
            pending.extend(reversed(node.items))
        elif isinstance(node, Not):
            pending.append(node.item)
        else:
            yield node


class Detections(NamedTuple):
    """The named detections of a rule as trees, and its conditions."""

    detections: Mapping[str, Tree]
    condition: Sequence[str]


def build(detections: Detections, condition: str) -> Tree:
    """The tree of a condition over detections.

    Raises RefusedError, or pySigma's SigmaConditionError.
    """

    def walk(node: conditions.Node) -> Tree:
        match node:
            case conditions.Name(name):
                return named(name)
            case conditions.Negated(inner):
                return Not(walk(inner))
            case conditions.Joined(every, parts):
                return join(And if every else Or, [walk(part) for part in parts])
            case conditions.Chosen(every, pattern):
                chosen = conditions.chosen(pattern, detections.detections)
                if not chosen:
                    raise RefusedError(f"no detection is called {pattern}")
                return join(And if every else Or, [named(name) for name in chosen])

    def named(name: str) -> Tree:
        if name not in detections.detections:
            raise RefusedError(f"the condition names {name}, which is no detection")
        return detections.detections[name]

    return walk(conditions.parse(condition))


def from_pysigma(detection: Any) -> Tree:
    """The tree of a pySigma SigmaDetection or SigmaDetectionItem, its modifiers applied."""
    if hasattr(detection, "detection_items"):
        items = [from_pysigma(item) for item in detection.detection_items]
        return join(_linking(detection.item_linking), items)
    if not detection.value:
        if detection.field is None:
            raise RefusedError("a test without a field has no value")
        made: Tree = Not(Exists(detection.field))
    else:
        tests = [_test(detection.field, value) for value in detection.value]
        made = join(_linking(detection.value_linking), tests)
    return Not(made) if detection.negated else made


def _linking(kind: Any) -> type[And] | type[Or]:
    return And if kind.__name__ == "ConditionAND" else Or


def join(kind: type[And] | type[Or], items: list[Tree]) -> Tree:
    """The items and-ed or or-ed, without a level that says nothing."""
    flat: list[Tree] = []
    for item in items:
        if type(item) is kind:
            flat += item.items
        else:
            flat.append(item)
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _test(field: str | None, value: Any) -> Tree:
    kind = type(value).__name__
    if kind in ("SigmaString", "SigmaCasedString"):
        parts = parts_of(value.s)
        if parts == (ANY,) and field is not None:
            return Exists(field)  # `field: '*'` asks for any value at all
        return Pattern(field, parts, kind == "SigmaCasedString")
    if kind == "SigmaExpansion":
        return join(Or, [_test(field, inner) for inner in value.values])
    if kind == "SigmaNumber":
        return Texts(field, spellings(value.number))
    if kind == "SigmaBool":
        return Texts(field, ("true" if value.boolean else "false",))
    if kind == "SigmaRegularExpression":
        flags = frozenset(flag.name[0].lower().replace("d", "s") for flag in value.flags)
        return Regex(field, _plain(value.regexp), flags)
    if field is None:
        raise RefusedError("a test without a field asks for more than text")
    return _field_test(field, kind, value)


def _field_test(field: str, kind: str, value: Any) -> Tree:
    if kind == "SigmaNull":
        return Not(Exists(field))
    if kind == "SigmaExists":
        return Exists(field) if value.exists else Not(Exists(field))
    if kind == "SigmaCIDRExpression":
        return Cidr(field, _network(value.network))
    if kind == "SigmaCompareExpression":
        order = value.op.name.lower()
        number = value.number.number
        if order == "neq":
            return Not(Texts(field, spellings(number)))
        return Compare(field, order, number)
    if kind == "SigmaFieldReference":
        hows = {(0, 0): "equal", (1, 0): "prefix", (0, 1): "suffix", (1, 1): "within"}
        return Reference(field, value.field, hows[value.starts_with, value.ends_with])
    if kind == "SigmaTimestampPart":
        return TimePart(field, value.timestamp_part.name.lower(), int(value.number))
    raise RefusedError(f"a value of the kind {kind} is not known")


def parts_of(parts: list[Any]) -> Parts:
    """The parts of a pySigma string. Raises RefusedError for a placeholder."""
    made: list[str | int | None] = []
    for part in parts:
        if type(part) is str:
            if made and type(made[-1]) is str:
                made[-1] += part
            elif part:
                made.append(part)
        elif (name := getattr(part, "name", "")) == "WILDCARD_MULTI":
            if not (made and made[-1] is ANY):
                made.append(ANY)
        elif name == "WILDCARD_SINGLE":
            made.append(ONE)
        else:
            raise RefusedError(
                f"the placeholder %{name}% has no value: name a file of values with --placeholders"
            )
    return tuple(made)


def _plain(text: Any) -> str:
    for part in text.s:
        if type(part).__name__ == "Placeholder":
            raise RefusedError(
                f"the placeholder %{part.name}% has no value: "
                "name a file of values with --placeholders"
            )
    plain: str = text.to_plain_regex()
    return plain


def spellings(number: int | float) -> tuple[str, ...]:
    """How JSON may spell a number."""
    if isinstance(number, int):
        return str(number), f"{number}.0"
    return (repr(number),)


def _network(network: Network) -> Network:
    """Mapped IPv4 networks as what they are: OpenSearch and we read such addresses as IPv4."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):
        return ipaddress.IPv4Network(
            (int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96)
        )
    return network

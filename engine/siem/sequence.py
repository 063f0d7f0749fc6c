"""What a correlation means on events in Python: the reference beside the search of a server.

Events lie in time by `@timestamp`. A window is the time span that ends with an event: what is less
than the span older belongs to it. An alert is the event with which a group's window first fulfils
the condition; it is raised again when the condition was lost in between.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from assay.engine.siem import meaning, text
from assay.engine.siem.correlation import TIMESTAMP, Joined
from assay.engine.siem.event import Event
from assay.engine.siem.tree import RefusedError

COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "eq": lambda found, wanted: found == wanted,
    "gt": lambda found, wanted: found > wanted,
    "gte": lambda found, wanted: found >= wanted,
    "lt": lambda found, wanted: found < wanted,
    "lte": lambda found, wanted: found <= wanted,
    "neq": lambda found, wanted: found != wanted,
}


class Alert(NamedTuple):
    """The event that completes it and the values of its group."""

    event: int
    group: tuple[str, ...]


class _Seen(NamedTuple):
    time: float
    event: int
    rules: tuple[int, ...]
    values: tuple[str, ...]


def alerts(joined: Joined, events: Iterable[Mapping[str, Any]]) -> list[Alert]:
    """The alerts in the order of events. Raises RefusedError for an unknown type."""
    kind = str(joined.parsed.type.name).lower()
    if kind not in KINDS:
        raise RefusedError(f"a correlation of the type {kind} is not known")
    groups: dict[tuple[str, ...], list[_Seen]] = {}
    tests = [meaning.compile_tree(rule.tree, joined.source.resolve) for rule in joined.rules]
    for number, raw in enumerate(events):
        event = Event(raw)
        hits = [at for at, test in enumerate(tests) if test(event)]
        time = _time(event) if hits else None
        if time is None:
            continue
        values = _values(joined, event)
        for group, rules in _groups(joined, event, hits).items():
            groups.setdefault(group, []).append(_Seen(time, number, tuple(rules), values))
    found = [
        Alert(one, group)
        for group, seen in groups.items()
        for one in _fired(joined, KINDS[kind], sorted(seen))
    ]
    return sorted(found)


def _time(event: Event) -> float | None:
    for value in event.values(TIMESTAMP):
        moment = text.time(value)
        if moment is not None:
            return float(moment.timestamp())
    return None


def _values(joined: Joined, event: Event) -> tuple[str, ...]:
    """The values that `value_count` counts."""
    names = joined.parsed.condition.fieldref
    if not names:
        return ()
    found: list[str] = []
    for name in [names] if isinstance(names, str) else names:
        for field in joined.source.resolve(name):
            found += event.folded(field)
    return tuple(found)


def _groups(joined: Joined, event: Event, hits: Sequence[int]) -> dict[tuple[str, ...], list[int]]:
    """Group → the rules by which the event lies in it: an alias is another field by each rule."""
    found: dict[tuple[str, ...], list[int]] = {}
    for at in hits:
        fields = [_field(joined, name, at) for name in joined.parsed.group_by or ()]
        held = [
            [value for field in joined.source.resolve(name) for value in event.folded(field)]
            for name in fields
        ]
        for group in dict.fromkeys(product(*held)):
            found.setdefault(group, []).append(at)
    return found


def _field(joined: Joined, name: str, at: int) -> str:
    aliases = joined.parsed.aliases
    alias = aliases.aliases.get(name) if aliases is not None else None
    if alias is None:
        return name
    rule = joined.rules[at]
    own = {rule.id, str(rule.document.get("name"))}
    for reference, field in alias.mapping.items():
        if getattr(reference, "reference", reference) in own:
            return str(field)
    return name


Fulfils = Callable[[Joined, "deque[_Seen]"], bool]


def _fired(joined: Joined, fulfils: Fulfils, seen: Sequence[_Seen]) -> list[int]:
    span = float(joined.parsed.timespan.seconds)
    window: deque[_Seen] = deque()
    found: list[int] = []
    before = False
    for one in seen:
        window.append(one)
        lost = False
        while window[0].time <= one.time - span:
            window.popleft()
            lost = True
        now = fulfils(joined, window)
        if lost and before and not now:
            before = False
        if now and not before:
            found.append(one.event)
        before = now
    return found


def _compare(joined: Joined, count: int) -> bool:
    condition = joined.parsed.condition
    return COMPARE[condition.op.name.lower()](count, condition.count)


def _event_count(joined: Joined, window: deque[_Seen]) -> bool:
    return _compare(joined, len(window))


def _value_count(joined: Joined, window: deque[_Seen]) -> bool:
    return _compare(joined, len({value for one in window for value in one.values}))


def _temporal(joined: Joined, window: deque[_Seen]) -> bool:
    return _compare(joined, len(Counter(rule for one in window for rule in one.rules)))


def _temporal_ordered(joined: Joined, window: deque[_Seen]) -> bool:
    """Each rule's event is later than one of the rule before: the earliest possible each time."""
    after = float("-inf")
    for rule in range(len(joined.rules)):
        times = [one.time for one in window if rule in one.rules and one.time > after]
        if not times:
            return False
        after = min(times)
    return True


KINDS: Mapping[str, Fulfils] = {
    "event_count": _event_count,
    "temporal": _temporal,
    "temporal_ordered": _temporal_ordered,
    "value_count": _value_count,
}

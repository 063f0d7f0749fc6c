"""Rules with their own events: every event that must match does, no near miss does, by each way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.siem import match
from assay.engine.siem.convert import Conversion, Converted


class Failure(NamedTuple):
    """One thing that is not as the rule's own events say."""

    file: str
    rule: str
    what: str


class Tested(NamedTuple):
    """How much was tried, and what failed."""

    rules: int
    events: int
    failures: list[Failure]


def judge(conversion: Conversion, ways: Sequence[str]) -> Tested:
    """Each rule on its own events, by each way (sigma, dsl, the URL of a server)."""
    failures: list[Failure] = []
    events: list[Mapping[str, Any]] = []
    wanted: list[tuple[Converted, int, bool]] = []
    for one in conversion.converted:
        given = one.rule.document.get("events")
        given = given if isinstance(given, dict) else {}
        for word, expected in (("match", True), ("miss", False)):
            listed = given.get(word)
            if not isinstance(listed, list) or not all(isinstance(e, dict) for e in listed):
                failures.append(Failure(one.rule.file, one.rule.id, f"has no events that {word}"))
                continue
            for event in listed:
                wanted.append((one, len(events), expected))
                events.append(event)
    for way in ways:
        hits = _hits(way, wanted, events)
        for one, number, expected in wanted:
            if ((number, one.rule.id) in hits) is not expected:
                word = "misses an event" if expected else "finds a near miss"
                at = [n for o, n, e in wanted if o is one and e is expected].index(number)
                failures.append(Failure(one.rule.file, one.rule.id, f"{word} ({at}), by {way}"))
    return Tested(len(conversion.converted), len(events), failures)


def _hits(
    way: str,
    wanted: Sequence[tuple[Converted, int, bool]],
    events: Sequence[Mapping[str, Any]],
) -> set[tuple[int, str]]:
    """(event, rule) for every hit; the rules of one log source meet the events of that one only."""
    groups: dict[str, tuple[dict[str, Converted], list[int]]] = {}
    for one, number, _ in wanted:
        rules, numbers = groups.setdefault(one.source.name, ({}, []))
        rules[one.rule.id] = one
        numbers.append(number)
    found: set[tuple[int, str]] = set()
    for rules, numbers in groups.values():
        own = [events[number] for number in numbers]
        chosen = list(rules.values())
        if way == "sigma":
            hits = match.by_meaning(chosen, own)
        elif way == "dsl":
            hits = match.by_query(chosen, own)
        else:
            hits = match.by_server(way, chosen, own, [])
        found |= {(numbers[hit.event], hit.rule) for hit in hits}
    return found

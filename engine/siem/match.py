"""Rules × events: which rule finds which event, by meaning, by query, and on a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.siem import dsl, meaning, server
from assay.engine.siem.convert import Converted
from assay.engine.siem.event import Event
from assay.engine.siem.load import Rule
from assay.engine.siem.sources import Source, template
from assay.engine.siem.text import fold
from assay.engine.siem.tree import And, Or, Pattern, Texts, Tree


class Hit(NamedTuple):
    """The number of an event and the rule that finds it."""

    event: int
    rule: str


def by_meaning(
    converted: Sequence[Converted], events: Iterable[Mapping[str, Any]]
) -> Iterator[Hit]:
    """Hits by what the rules mean, whether or not an index could answer."""
    chosen = Chosen((one.rule, one.source) for one in converted)
    for number, raw in enumerate(events):
        for rule in chosen.find(Event(raw)):
            yield Hit(number, rule)


def by_query(converted: Sequence[Converted], events: Sequence[Mapping[str, Any]]) -> Iterator[Hit]:
    """Hits of the emitted queries under the shipped templates."""
    indexes: dict[str, dsl.Index] = {}
    compiled: list[tuple[str, str, dsl.Found]] = []
    for one in converted:
        name = one.source.name
        if name not in indexes:
            indexes[name] = dsl.Index(template(one.source))
        compiled.append((one.rule.id, name, dsl.compile_query(one.body["query"])))
    for number, raw in enumerate(events):
        event = Event(raw)
        held = {name: dsl.Indexed(event, index) for name, index in indexes.items()}
        for rule, name, found in compiled:
            if found(held[name]):
                yield Hit(number, rule)


def by_server(
    url: str,
    converted: Sequence[Converted],
    events: Sequence[Mapping[str, Any]],
    refused: list[str],
) -> Iterator[Hit]:
    """Hits of the emitted queries on a server, in scratch indexes of the shipped templates.

    Events that an index did not take are added to `refused`.
    """
    groups: dict[str, tuple[Source, dict[str, Any]]] = {}
    order = {one.rule.id: at for at, one in enumerate(converted)}
    for one in converted:
        groups.setdefault(one.source.name, (one.source, {}))[1][one.rule.id] = one.body
    hits: list[Hit] = []
    for source, queries in groups.values():
        hits += [Hit(*hit) for hit in server.match(url, source, queries, events, refused)]
    yield from sorted(hits, key=lambda hit: (hit.event, order[hit.rule]))


class Chosen:
    """Rules by one equality that each requires, so that an event meets only few of them."""

    def __init__(self, rules: Iterable[tuple[Rule, Source]]) -> None:
        self._always: list[int] = []
        self._by_value: dict[str, dict[str, list[int]]] = {}
        self._compiled: list[tuple[str, meaning.Meaning]] = []
        for at, (rule, source) in enumerate(rules):
            self._compiled.append((rule.id, meaning.compile_tree(rule.tree, source.resolve)))
            required = _required(rule.tree, source)
            if required is None:
                self._always.append(at)
                continue
            field, values = required
            group = self._by_value.setdefault(field, {})
            for value in values:
                group.setdefault(value, []).append(at)

    def find(self, event: Event) -> list[str]:
        """The rules that find the event, in their order."""
        candidates = set(self._always)
        for field, group in self._by_value.items():
            for value in event.folded(field):
                candidates.update(group.get(value, ()))
        return [self._compiled[at][0] for at in sorted(candidates) if self._compiled[at][1](event)]


def _required(tree: Tree, source: Source) -> tuple[str, tuple[str, ...]] | None:
    """A field of the index and the values of which an event must have one; None: no such."""
    if isinstance(tree, And):
        found = [one for item in tree.items if (one := _required(item, source)) is not None]
        return min(found, key=lambda one: len(one[1])) if found else None
    if isinstance(tree, Or):
        fields: set[str] = set()
        values: list[str] = []
        for item in tree.items:
            one = _required(item, source)
            if one is None:
                return None
            fields.add(one[0])
            values += one[1]
        return (fields.pop(), tuple(dict.fromkeys(values))) if len(fields) == 1 else None
    if isinstance(tree, Pattern | Texts) and tree.field is not None:
        names = source.resolve(tree.field)
        if len(names) != 1:
            return None
        if isinstance(tree, Texts):
            return names[0], tree.texts
        if len(tree.parts) == 1 and isinstance(tree.parts[0], str):
            return names[0], (fold(tree.parts[0]),)
    return None

"""Relations between resources: declared by checks, answered from indexes built once a scan.

Each answer is the related resources in scan order, and an Unknown where there may be more: a
reference that leads nowhere known, a name that is not known yet (design, section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any

from assay.engine.catalogue import paths
from assay.engine.catalogue.controls import Relation
from assay.engine.judge import facts, references, selectors
from assay.engine.judge.redaction import redacted
from assay.engine.judge.workloads import template_of
from assay.engine.model import Incomplete, Resource, Unknown

Answer = tuple[list[Resource], Unknown | None]
Scope = tuple[str, str, str]
SLICE = 1000  # resources that are judged together


def scope_of(resource: Resource) -> Scope:
    """Resources join only within one source, environment and root."""
    return resource.source, resource.environment, resource.root


class Relations:
    """The resources of a scan with the indexes that the checks' relations need."""

    def __init__(self, resources: Sequence[Resource], aside: Container[int] = frozenset()) -> None:
        self.resources = resources
        self._aside = aside  # by id: those that are found and not judged
        self.order = {id(resource): number for number, resource in enumerate(resources)}
        self.kinds: dict[str, list[Resource]] = {}
        for resource in resources:
            self.kinds.setdefault(resource.kind, []).append(resource)
        self._indexes: dict[object, Any] = {}
        self._joins: dict[str, Callable[[Relation, Resource], Answer]] = {
            "refers": self._refers,
            "referred": self._referred,
            "names": self._names,
            "named": self._named,
            "selects": self._selects,
            "selected": self._selected,
            "within": self._within,
            "owns": self._owns,
        }

    def certain(self, declared: Sequence[Relation]) -> bool:
        """Whether all resources that these relations can lead to are known in full."""
        doubtful = self.index(
            "incomplete",
            lambda: {r.kind for r in self.resources if r.instances or not r.complete},
        )
        named = {kind for relation in declared for kind in relation.kinds}
        if "workload" in named:
            named |= doubtful - {"Secret"}
        return not named & doubtful

    def slices(self, jobs: int = 1) -> Iterator[Slice]:
        """The resources in parts: judging part by part, no more than one has its values at hand.

        There are enough parts for several `jobs` to have the same number of them.
        """
        size = SLICE if jobs == 1 else min(SLICE, -(-len(self.resources) // jobs) or 1)
        for first in range(0, len(self.resources), size):
            part = self.resources[first : first + size]
            yield Slice(self, [each for each in part if id(each) not in self._aside])

    def index(self, key: object, build: Callable[[], Any]) -> Any:
        """The index of that key, built when it is first asked for."""
        found = self._indexes.get(key)
        if found is None:
            found = self._indexes[key] = build()
        return found

    def of_kinds(self, kinds: Iterable[str]) -> list[Resource]:
        """All resources of some kinds, in scan order; `workload` is every kind with pods."""
        found: list[Resource] = []
        for kind in kinds:
            if kind == "workload":
                found += [r for r in self.resources if template_of(r) is not None]
            else:
                found += self.kinds.get(kind, ())
        return found

    def answer(self, relation: Relation, mine: Resource, declared: Sequence[Relation]) -> Answer:
        """What the relation gives for a resource."""
        join = self._joins[relation.join]
        if not relation.of:
            return _certain(mine, *self._sorted([join(relation, mine)]))
        before = next(earlier for earlier in declared if earlier.name == relation.of)
        sources, rest = self.answer(before, mine, declared)
        joined = self._sorted([*(join(relation, source) for source in sources), ([], rest)])
        return _certain(mine, *joined)

    def _sorted(self, answers: Sequence[Answer]) -> Answer:
        last = len(self.resources)  # facts are no resources of the scan
        unique = {id(found): found for related, _ in answers for found in related}
        ordered = sorted(unique.values(), key=lambda found: self.order.get(id(found), last))
        return ordered, next((rest for _, rest in answers if rest is not None), None)

    # -- joins by reference or equal text ------------------------------------------------------

    def _refers(self, relation: Relation, mine: Resource) -> Answer:
        index: references.Incoming = self.index(
            ("refers", relation.kinds, relation.paths),
            lambda: references.Incoming(self.of_kinds(relation.kinds), relation.paths, scope_of),
        )
        return index.to(mine, relation.on)

    def _referred(self, relation: Relation, mine: Resource) -> Answer:
        index: references.Targets = self.index(
            ("referred", relation.kinds, relation.on),
            lambda: references.Targets(self.of_kinds(relation.kinds), relation.on, scope_of),
        )
        return index.of(mine, relation.paths)

    # -- joins of Kubernetes objects -----------------------------------------------------------

    def _names(self, relation: Relation, mine: Resource) -> Answer:
        index: dict[object, list[tuple[Resource, Any]]] = self.index(
            ("names", relation.kinds, relation.paths), lambda: self._naming(relation)
        )
        name = name_of(mine)
        found = [
            other
            for other, value in index.get((scope_of(mine), mine.namespace, name), ())
            if _is_called(value, mine)
        ]
        unsure = index.get((scope_of(mine), mine.namespace, None))
        return found, _unresolved(unsure[0][1]) if unsure else None

    def _naming(self, relation: Relation) -> dict[object, list[tuple[Resource, Any]]]:
        index: dict[object, list[tuple[Resource, Any]]] = {}
        for other in self.of_kinds(relation.kinds):
            for steps in relation.paths:
                for _, value in paths.walk(other.values, steps):
                    name = value.get("name") if isinstance(value, dict) else value
                    key = None if isinstance(name, Unknown) else name
                    place = other.namespace
                    if isinstance(value, dict) and isinstance(value.get("namespace"), str):
                        place = value["namespace"]
                    entry = (other, name if key is None else value)
                    index.setdefault((scope_of(other), place, key), []).append(entry)
        return index

    def _by_name(self, kinds: tuple[str, ...]) -> dict[object, list[Resource]]:
        def build() -> dict[object, list[Resource]]:
            index: dict[object, list[Resource]] = {}
            for other in self.of_kinds(kinds):
                key = (scope_of(other), other.namespace, name_of(other))
                index.setdefault(key, []).append(other)
            return index

        found: dict[object, list[Resource]] = self.index(("name", kinds), build)
        return found

    def _named(self, relation: Relation, mine: Resource) -> Answer:
        index = self._by_name(relation.kinds)
        found: list[Resource] = []
        rest: Unknown | None = None
        values = [
            value for steps in relation.paths for _, value in paths.walk(mine.values, steps)
        ] or ([relation.default] if relation.default else [])
        for value in values:
            name = value.get("name") if isinstance(value, dict) else value
            if isinstance(name, Unknown):
                rest = _unresolved(name)
                continue
            place = mine.namespace
            if isinstance(value, dict) and isinstance(value.get("namespace"), str):
                place = value["namespace"]
            for namespace in dict.fromkeys((place, "")):
                candidates = index.get((scope_of(mine), namespace, name), ())
                found += [other for other in candidates if _is_called(value, other)]
            if not found and facts.CLUSTER_ROLE in relation.kinds:
                role = facts.cluster_role(name, mine)
                found += [role] if role is not None and _is_called(value, role) else []
        return found, rest

    def _selects(self, relation: Relation, mine: Resource) -> Answer:
        index: selectors.Selectors = self.index(
            ("selects", relation.kinds, relation.paths),
            lambda: selectors.Selectors(self.of_kinds(relation.kinds), relation.paths, scope_of),
        )
        return index.selecting(mine)

    def _selected(self, relation: Relation, mine: Resource) -> Answer:
        index: selectors.Labelled = self.index(
            ("selected", relation.kinds),
            lambda: selectors.Labelled(self.of_kinds(relation.kinds), scope_of),
        )
        return index.selected_by(mine, relation.paths)

    def _within(self, relation: Relation, mine: Resource) -> Answer:
        index: dict[object, list[Resource]] = self.index(
            ("within", relation.kinds, relation.scope), lambda: self._groups(relation)
        )
        return index.get(_group(mine, relation.scope, member=False), []), None

    def _groups(self, relation: Relation) -> dict[object, list[Resource]]:
        index: dict[object, list[Resource]] = {}
        for other in self.of_kinds(relation.kinds):
            index.setdefault(_group(other, relation.scope, member=True), []).append(other)
        return index

    def _owns(self, relation: Relation, mine: Resource) -> Answer:
        def build() -> dict[object, list[Resource]]:
            index: dict[object, list[Resource]] = {}
            for other in self.of_kinds(relation.kinds):
                for owner in _owners(other):
                    key = (scope_of(other), other.namespace, owner.get("kind"), owner.get("name"))
                    index.setdefault(key, []).append(other)
            return index

        index: dict[object, list[Resource]] = self.index(("owns", relation.kinds), build)
        kind = mine.kind.rpartition("/")[2]
        return index.get((scope_of(mine), mine.namespace, kind, name_of(mine)), []), None


class Slice:
    """Some resources of a scan, for those who look at resources one by one."""

    def __init__(self, whole: Relations, resources: Sequence[Resource]) -> None:
        self.order = whole.order
        self.resources = resources
        self.kinds: dict[str, list[Resource]] = {}
        for resource in resources:
            self.kinds.setdefault(resource.kind, []).append(resource)

    def of_kinds(self, kinds: Iterable[str]) -> list[Resource]:
        """The resources of some kinds, in the order of the kinds."""
        return [resource for kind in kinds for resource in self.kinds.get(kind, ())]


class Related(dict[str, Any]):
    """What CEL reads as `related`: lists of the related resources' values, found when asked for."""

    __slots__ = ("_declared", "_mine", "_redact", "_relations")

    def __init__(
        self,
        relations: Relations,
        mine: Resource,
        declared: Sequence[Relation],
        redact: bool = False,
    ) -> None:
        super().__init__()
        self._relations = relations
        self._mine = mine
        self._declared = declared
        self._redact = redact

    def __missing__(self, name: str) -> list[Any]:
        for relation in self._declared:
            if relation.name == name:
                break
        else:
            raise KeyError(name)
        found, rest = self._relations.answer(relation, self._mine, self._declared)
        values = [redacted(other) if self._redact else other.values for other in found]
        self[name] = answer = values if rest is None else Incomplete(values, rest)
        return answer

    def __contains__(self, name: object) -> bool:
        return any(relation.name == name for relation in self._declared)


def name_of(resource: Resource) -> Any:
    """The `metadata.name` of a Kubernetes object, else None."""
    metadata = resource.values.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None


def _is_called(value: Any, resource: Resource) -> bool:
    """Whether a reference with a kind (and group) may mean a resource of this kind."""
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return True
    group, _, kind = resource.kind.rpartition("/")
    if value["kind"] != kind:
        return False
    named = value.get("apiGroup", value.get("apiVersion"))
    if not isinstance(named, str):
        return True
    return named.partition("/")[0] == group.partition("/")[0] or "/" not in (named + group)


def _certain(mine: Resource, found: list[Resource], rest: Unknown | None) -> Answer:
    """Without those that stand for a number not known, which may be none or many.

    Where that is so of `mine` too, one count most likely decides both: they stay.
    """
    if mine.instances or not any(other.instances for other in found):
        return found, rest
    doubtful = next(other for other in found if other.instances)
    doubt = Unknown("relation", f"how many {doubtful.address} there are")
    return [other for other in found if not other.instances], rest or doubt


def _unresolved(unknown: Unknown) -> Unknown:
    return Unknown("relation", unknown.origin, refs=unknown.refs)


def _owners(resource: Resource) -> list[dict[str, Any]]:
    metadata = resource.values.get("metadata")
    owners = metadata.get("ownerReferences") if isinstance(metadata, dict) else None
    return [owner for owner in owners or () if isinstance(owner, dict)]


def _group(resource: Resource, scope: str, member: bool) -> object:
    if scope == "scan":
        return ()
    if scope == "environment":
        return resource.environment
    if scope == "root":
        return scope_of(resource)
    # A Namespace stands for what is in it; everything else lies beside what is in its namespace.
    namespace = resource.namespace
    if not member and resource.kind in ("Namespace", "namespace"):
        namespace = name_of(resource)
    return scope_of(resource), namespace

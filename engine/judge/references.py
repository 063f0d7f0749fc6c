"""Joins of Terraform resources: by reference, else by equal text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from assay.engine.catalogue import paths
from assay.engine.catalogue.paths import Steps
from assay.engine.model import Path, Resource, Unknown

Answer = tuple[list[Resource], Unknown | None]
# What a resource is called by in another's arguments, where a relation does not say it.
CALLED_BY = ("name", "id", "arn", "bucket", "identifier", "cluster_identifier", "key_id")

_INDEX = re.compile(r"\[[^\]]*\]$")


def bare(address: str) -> str:
    """An address without the instance key of the resource itself."""
    return _INDEX.sub("", address)


def kind_of(address: str) -> str:
    """The Terraform type in an address: `module.a["x"].data.aws_subnet.b[0]` → data.aws_subnet."""
    steps = re.sub(r"\[[^\]]*\]", "", address).split(".")
    while len(steps) > 2 and steps[0] == "module":
        steps = steps[2:]
    return ".".join(steps[:2]) if steps[0] == "data" else steps[0]


def references_at(resource: Resource, path: Path) -> tuple[str, ...]:
    """The addresses that the value at a path refers to; those of a whole list count for each."""
    refs = resource.refs
    if not refs:
        return ()
    found: dict[str, None] = {}
    for length in range(len(path), 0, -1):
        found.update(dict.fromkeys(refs.get(path[:length], ())))
        if found:
            break
    return tuple(found)


def values_at(resource: Resource, steps: Steps) -> Iterator[tuple[Path, Any]]:
    """The values at a path, elements of a list one by one."""
    for path, value in paths.walk(resource.values, steps):
        if isinstance(value, list):
            yield from paths.walk(value, (paths.EACH,), path)
        else:
            yield path, value


class Incoming:
    """Resources indexed by what they refer to: who refers to me?"""

    def __init__(
        self,
        resources: Sequence[Resource],
        where: Sequence[Steps],
        scope_of: Callable[[Resource], object],
    ) -> None:
        self.scope_of = scope_of
        self.names = tuple(dict.fromkeys([*(steps[-1] for steps in where), *CALLED_BY]))
        self.by_address: dict[object, list[Resource]] = {}
        self.by_text: dict[object, list[tuple[Resource, frozenset[str]]]] = {}
        self.by_identity: dict[object, list[Resource]] = {}
        self.open: dict[object, list[tuple[Unknown, frozenset[str]]]] = {}
        for resource in resources:
            for steps in where:
                for path, value in values_at(resource, steps):
                    self._add(resource, path, value)

    def _add(self, resource: Resource, path: Path, value: Any) -> None:
        scope = self.scope_of(resource)
        refs = references_at(resource, path)
        if isinstance(value, Unknown):
            refs = refs or value.refs
            kinds = frozenset(kind_of(ref) for ref in refs)
            self.open.setdefault(scope, []).append((value, kinds))
            if value.identity is not None:
                self.by_identity.setdefault((scope, value.identity), []).append(resource)
        elif isinstance(value, (str, int)):
            entry = (resource, frozenset(kind_of(ref) for ref in refs))
            self.by_text.setdefault((scope, str(value)), []).append(entry)
        for ref in refs:
            self.by_address.setdefault((scope, ref), []).append(resource)

    def to(self, mine: Resource, on: str) -> Answer:
        """The resources that refer to `mine`, and an Unknown where one more may."""
        scope = self.scope_of(mine)
        found = list(self.by_address.get((scope, mine.address), ()))
        short = bare(mine.address)
        if short != mine.address:
            found += self.by_address.get((scope, short), ())
        for name in (on,) if on else self.names:
            text = mine.values.get(name)
            if isinstance(text, Unknown):
                if text.identity is not None:
                    found += self.by_identity.get((scope, text.identity), ())
            elif isinstance(text, (str, int)) and text != "":
                # Equal text joins only where no reference names another resource of my kind.
                found += [
                    other
                    for other, kinds in self.by_text.get((scope, str(text)), ())
                    if mine.kind not in kinds
                ]
        for value, kinds in self.open.get(scope, ()):
            if mine.kind not in kinds:
                return found, Unknown("relation", value.origin, refs=value.refs)
        return found, None


class Targets:
    """Resources indexed by address and name: to whom do I refer?"""

    def __init__(
        self, resources: Sequence[Resource], on: str, scope_of: Callable[[Resource], object]
    ) -> None:
        self.scope_of = scope_of
        self.kinds = frozenset(resource.kind for resource in resources)
        self.by_address: dict[object, list[Resource]] = {}
        self.by_text: dict[object, list[Resource]] = {}
        names = (on,) if on else CALLED_BY
        for resource in resources:
            scope = scope_of(resource)
            for address in dict.fromkeys((resource.address, bare(resource.address))):
                self.by_address.setdefault((scope, address), []).append(resource)
            for name in names:
                text = resource.values.get(name)
                if isinstance(text, (str, int)):
                    self.by_text.setdefault((scope, str(text)), []).append(resource)

    def of(self, mine: Resource, where: Sequence[Steps]) -> Answer:
        """The resources that `mine` refers to, and an Unknown where one is not known."""
        scope = self.scope_of(mine)
        found: list[Resource] = []
        rest: Unknown | None = None
        for steps in where:
            for path, value in values_at(mine, steps):
                refs = references_at(mine, path)
                if isinstance(value, Unknown):
                    refs = refs or value.refs
                hits = [other for ref in refs for other in self.by_address.get((scope, ref), ())]
                if not hits and isinstance(value, (str, int)):
                    hits = self.by_text.get((scope, str(value)), [])
                if not hits and isinstance(value, Unknown):
                    rest = Unknown("relation", value.origin, refs=refs)
                found += hits
        return found, rest

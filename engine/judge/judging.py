"""Controls × resources: every check on all of its subjects, on one core or several."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Catalogue, Check, Control
from assay.engine.judge import alike, cores, verdicts
from assay.engine.judge.population import Rows
from assay.engine.judge.relations import Relations, Slice
from assay.engine.judge.subjects import Subject, subjects
from assay.engine.model import Resource

Key = tuple[tuple[str, ...], str, frozenset[str]]  # what subjects depend on: kinds, view, sources
Adjust = Callable[[Resource], Mapping[str, Any] | str]


class Asked(NamedTuple):
    """Of the checks: parameters by control, what must exist, and how a resource changes both."""

    params: Mapping[str, Mapping[str, Any]]
    expects: frozenset[str]
    adjust: Callable[[str, Mapping[str, Any]], Adjust | None] | None


def judge(
    catalogue: Catalogue,
    chosen: Sequence[Control],
    asked: Asked,
    relations: Relations,
    told: Callable[[int, int], None] | None,
    jobs: int,
) -> list[Rows]:
    """The verdicts of every check, in the order of the catalogue: the same for any `jobs`."""
    judging = _Judging(catalogue, chosen, asked, relations, told)
    parts = list(relations.slices(jobs))
    cores.spread(parts, jobs, judging.parts, judging.answer, judging.take)
    if jobs > 1 and judging.gave_up():
        # Where a check is given up depends on what was judged before it.
        return judge(catalogue, chosen, asked, relations, told, 1)
    judging.part(relations, whole=True)
    return [rows for rows, _, _ in judging.judges]


class _Judging:
    """The rows of one scan while they are filled.

    Resources are judged part by part, by all checks: what a part holds need not stay at hand.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        chosen: Sequence[Control],
        asked: Asked,
        relations: Relations,
        told: Callable[[int, int], None] | None,
    ) -> None:
        self.catalogue = catalogue
        self.relations = relations
        self.told = told
        self.done = 0
        self.given_up = False
        self.shared: dict[Key, list[Resource]] = {}
        self.judges: list[tuple[Rows, Key, verdicts.Judge | None]] = []
        for control in chosen:
            for check in control.checks:
                key = (check.kinds, check.view, check.sources)
                rows = Rows(control, check, self.shared.setdefault(key, []))
                held = None
                if not check.expects or check.expects in asked.expects:
                    bound = asked.params[control.id]
                    adjust = asked.adjust(control.id, bound) if asked.adjust else None
                    held = verdicts.Judge(check, bound, relations, catalogue.views, adjust)
                self.judges.append((rows, key, held))
        self.groups = _groups(self.judges)

    def parts(self, parts: Sequence[Slice]) -> None:
        """Judge some parts, which follow those before."""
        for part in parts:
            self.part(part, whole=False)

    def part(self, part: Relations | Slice, whole: bool) -> None:
        """Judge one part, or what is judged of the whole: namespaces.

        A namespace is declared in one part and used in another.
        """
        seen: dict[Key, list[Subject]] = {}
        parted: dict[Key, alike.Parted | None] = {}
        every = (len(self.relations.resources) // max(1, len(part.resources)) + 1) * len(
            self.judges
        )
        for rows, key, judge in self.judges:
            check = rows.check
            self.done += 1
            if self.told is not None:
                self.told(self.done, max(every, self.done))
            if (check.view == "namespace") is not whole:
                continue
            if key not in seen:
                found = subjects(check.kinds, check.view, self.catalogue.views, part)
                seen[key] = _from_sources(found, check)
                self.shared[key] += [subject.resource for subject in seen[key]]
                held = _live(seen[key])
                parted[key] = self.groups[key].of(seen[key]) if held else None
            held_parts = parted[key]
            members = self.groups[key].members
            if judge is not None and held_parts is not None and id(check) in members:
                alike.judge(rows, seen[key], judge, held_parts)
            elif seen[key]:
                _judge(rows, seen[key], judge)

    # -- between processes ---------------------------------------------------------------------

    def answer(self) -> object:
        """All that was judged here, as values that can be sent."""
        order = self.relations.order
        resources = [
            array("q", (order[id(resource)] for resource in held)).tobytes()
            for held in self.shared.values()
        ]
        rows = [
            (number, rows.statuses, rows.details)
            for number, (rows, _, _) in enumerate(self.judges)
            if rows.statuses
        ]
        return resources, rows, self.gave_up()

    def take(self, answer: tuple[list[bytes], list[tuple[int, bytearray, Any]], bool]) -> None:
        """Add what another process judged, which follows what stands here."""
        resources, rows, given_up = answer
        self.given_up = self.given_up or given_up
        for held, sent in zip(self.shared.values(), resources, strict=True):
            numbers = array("q")
            numbers.frombytes(sent)
            held += [self.relations.resources[number] for number in numbers]
        for number, statuses, details in rows:
            self.judges[number][0].keep(statuses, details)

    def gave_up(self) -> bool:
        """Whether a check ran out of steps anywhere."""
        return self.given_up or any(judge and judge.given_up for _, _, judge in self.judges)


def _groups(
    judges: Iterable[tuple[Rows, Key, verdicts.Judge | None]],
) -> dict[Key, alike.Groups]:
    """For every set of subjects: the checks over them that may judge alike ones at once."""
    checks: dict[Key, list[Check]] = {}
    for rows, key, judge in judges:
        held = checks.setdefault(key, [])
        if judge is not None and judge.adjust is None:
            held.append(rows.check)
    return {key: alike.Groups(held) for key, held in checks.items()}


def _live(found: Sequence[Subject]) -> bool:
    """Whether they are many, of a cluster, where the place of a fault is that of its object."""
    return len(found) >= alike.SAMPLE and all(
        subject.resource.source in ("cluster", "snapshot") for subject in found
    )


def _judge(rows: Rows, found: Sequence[Subject], judge: verdicts.Judge | None) -> None:
    statuses = bytearray(len(found))
    details: dict[int, verdicts.Detail] = {}
    if judge is None:
        statuses = bytearray([verdicts.NOT_APPLICABLE]) * len(found)
    else:
        judge.run(found, statuses, details)
    rows.add([subject.resource for subject in found], statuses, details)


def _from_sources(found: list[Subject], check: Check) -> list[Subject]:
    if not check.sources:
        return found
    return [subject for subject in found if subject.resource.source in check.sources]

"""Objects that are alike in all that a check reads are judged once: one verdict stands for all.

A cluster holds thousands of objects made from few templates. Which parts of an object a check reads
is known from its expressions; what is read and tells objects apart (names, images) is left to the
checks that read it, and for the others the objects fall into few groups.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Check, Rules
from assay.engine.catalogue.paths import EACH, Steps
from assay.engine.cel import Program, nodes
from assay.engine.judge.population import Rows
from assay.engine.judge.subjects import Subject
from assay.engine.judge.verdicts import FAIL, NOT_APPLICABLE, PASS, Detail, Judge

# What is needed of a value: all of it (None), or of some fields, or of each element.
Need = Any
SAMPLE = 200  # objects by which a check is found to see few kinds of them
FEW = 20  # kinds among those
WORTH = 3  # checks for which it is worth while to part their subjects
MAX_GROUPS = 20_000
_UNKNOWN = 255  # no status: the group was not judged yet, or not for all alike
_MISSING = ...
_THERE = True


def needs(check: Check) -> dict[str, Need] | None:
    """What a check reads of its subject, by variable; None where that cannot be told."""
    rules = check.rules
    if rules.related or (check.view and check.view != "workload"):
        return None
    try:
        return _Reading(rules).needs
    except _OpaqueError:
        return None


class _OpaqueError(Exception):
    """An expression that reads more than the values of its subject."""


class _Reading:
    """The needs of one check, gathered from its expressions."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.needs: dict[str, Need] = {}
        self.subject = rules.names[: rules.names.index("params")]
        self.each = [self._rooted(steps) for steps in rules.each]
        for steps in self.each:
            _add(self.needs, steps, {})
        for program in (rules.when, rules.assertion, *(held for _, held in rules.variables)):
            if program is not None:
                self._program(program, told=False)
        for part in rules.message.parts:
            if not isinstance(part, str):
                self._program(part, told=True)
        for steps in rules.at:
            self._need(steps if steps[0] == "item" else self._rooted(steps), {})

    def _rooted(self, steps: Steps) -> Steps:
        if steps[0] == "item" and "item" in self.subject:
            raise _OpaqueError
        return steps if steps[0] in self.subject else (self.subject[0], *steps)

    def _program(self, program: Program, told: bool) -> None:
        bound = {name: (name,) for name in self.rules.names}
        self._walk(program.tree, bound, told)

    def _need(self, path: Steps, what: Need) -> None:
        root = path[0]
        if root == "item":
            for steps in self.each:
                _add(self.needs, (*steps, *path[1:]), what)
        elif root in self.subject:
            _add(self.needs, path, what)
        elif root not in ("params", "variables"):
            raise _OpaqueError  # relations; the address, which no two share

    def _walk(self, node: Any, bound: Mapping[str, Steps | None], told: bool) -> None:
        """Gather what a node reads as a value."""
        path = self._path(node, bound, told)
        if path is not None:
            if not (told and path == ("address",)):
                self._need(path, None)
        elif isinstance(node, nodes.Fold):
            self._fold(node, bound, told)
        else:
            for part in _parts(node):
                self._walk(part, bound, told)

    def _fold(self, node: nodes.Fold, bound: Mapping[str, Steps | None], told: bool) -> None:
        over = self._path(node.range, bound, told)
        inner = dict(bound)
        if over is None:
            self._walk(node.range, bound, told)
        elif node.macro in ("optMap", "optFlatMap"):
            self._need(over, {})
        else:
            over = (*over, EACH)
            self._need(over, {})
        for name in node.names:
            inner[name] = over
        for part in node.body:
            self._walk(part, inner, told)
        if node.macro in ("filter", "sortBy") and over is not None:
            self._need(over, None)  # elements themselves come out

    def _path(self, node: Any, bound: Mapping[str, Steps | None], told: bool) -> Steps | None:
        """The path that a chain of selections leads along; what stands in it is gathered."""
        if isinstance(node, nodes.Ident):
            return bound.get(node.name)
        if isinstance(node, nodes.Select):
            over = self._path(node.operand, bound, told)
            return None if over is None else (*over, node.field)
        if isinstance(node, nodes.Index):
            over = self._path(node.operand, bound, told)
            if over is None:
                return None
            key = node.key
            if isinstance(key, nodes.Literal) and isinstance(key.value, str):
                return (*over, key.value)
            self._walk(key, bound, told)
            return (*over, EACH)
        if isinstance(node, nodes.Call) and node.name == "orValue" and node.receiver is not None:
            over = self._path(node.receiver, bound, told)
            if over is not None:
                for part in node.args:
                    self._walk(part, bound, told)
            return over
        return None


def _parts(node: Any) -> Iterable[Any]:
    """The nodes directly inside a node. Raises _OpaqueError for one of an unknown kind."""
    if isinstance(node, nodes.Call):
        return (*((node.receiver,) if node.receiver is not None else ()), *node.args)
    if isinstance(node, nodes.Index):
        return (node.operand, node.key)
    if isinstance(node, nodes.Select):
        return (node.operand,)
    if isinstance(node, nodes.ListNode):
        return node.items
    if isinstance(node, nodes.MapNode):
        return [part for key, value, _ in node.entries for part in (key, value)]
    if isinstance(node, nodes.Literal | nodes.Ident):
        return ()
    raise _OpaqueError


def _add(into: dict[str, Need], path: Steps, what: Need) -> None:
    """Add to the needs those at a path."""
    for step in path[:-1]:
        inner = into.setdefault(step, {})
        if inner is None:
            return
        into = inner
    last = path[-1]
    if what is None:
        into[last] = None
    else:
        into.setdefault(last, {})


def merged(one: Need, other: Need) -> Need:
    """What two needs together ask for."""
    if one is None or other is None:
        return None
    both = dict(one)
    for name, need in other.items():
        both[name] = merged(both[name], need) if name in both else need
    return both


def projected(value: Any, need: Need) -> Any:
    """What a need leaves of a value: equal for two values that nothing needed tells apart."""
    if need is None:
        return value
    if isinstance(value, dict):
        if EACH in need:
            inner = need[EACH]
            if len(need) > 1:
                return value
            return {name: projected(held, inner) for name, held in value.items()}
        return tuple(
            [
                projected(value[name], inner) if name in value else _MISSING
                for name, inner in need.items()
            ]
        )
    if isinstance(value, list):
        if EACH not in need:
            return len(value) if not need else value
        inner = need[EACH]
        return [projected(held, inner) for held in value]
    return value if need or value is None else _THERE


def key(subject: Subject, names: Sequence[str], need: Mapping[str, Need]) -> bytes | None:
    """The same bytes for subjects that are alike; None for one that stands for itself."""
    resource = subject.resource
    if not resource.complete or resource.sensitive or resource.instances or subject.failed:
        return None
    if subject.doubt is not None or not subject.applies:
        return None
    held: list[Any] = [
        resource.kind,
        [place[-2:] for place in subject.places.get("containers", ())],
    ]
    held += [
        projected(value, need[name])
        for name, value in zip(names, subject.base, strict=False)
        if name in need
    ]
    try:
        return hashlib.blake2b(marshal.dumps(held, 2), digest_size=16).digest()
    except ValueError:  # a value that is no plain JSON
        return None


class Parted(NamedTuple):
    """Some subjects in their groups.

    groups   the number of each one's group, 0 also for those that stand for themselves
    places   by the number of a group: which of the subjects are in it
    alone    those that stand for themselves
    number   how many groups there are so far
    """

    groups: list[int]
    places: dict[int, list[int]]
    alone: list[int]
    number: int


class Groups:
    """The groups of the subjects of some checks, which all judge the same ones."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = list(checks)
        self._names: Sequence[str] = ()
        self._need: dict[str, Need] = {}
        self._numbers: dict[bytes, int] = {}
        self.members: set[int] = set()  # by id: the checks for which groups stand

    def of(self, found: Sequence[Subject]) -> Parted | None:
        """The subjects in their groups; None where no check is better off for it."""
        if self._checks:
            self._learn(found[:SAMPLE])
        if len(self.members) < WORTH:
            return None
        numbers = self._numbers
        parted = Parted([], {}, [], 0)
        for at, subject in enumerate(found):
            held = key(subject, self._names, self._need)
            number = -1 if held is None else numbers.get(held, -1)
            if number < 0 and held is not None and len(numbers) < MAX_GROUPS:
                number = numbers[held] = len(numbers)
            parted.groups.append(max(number, 0))
            if number < 0:
                parted.alone.append(at)
            else:
                parted.places.setdefault(number, []).append(at)
        return parted._replace(number=len(numbers))

    def _learn(self, sample: Sequence[Subject]) -> None:
        """Choose the checks that see few kinds of subjects."""
        union: dict[str, Need] = {}
        for check in self._checks:
            need = needs(check)
            if need is None:
                continue
            names = check.rules.names
            if len({key(subject, names, need) for subject in sample}) <= FEW:
                union = merged(union, need)
                self.members.add(id(check))
                self._names = names[: len(sample[0].base)]
        self._need, self._checks = union, []


def judge(rows: Rows, found: Sequence[Subject], judge: Judge, parted: Parted) -> None:
    """Judge the subjects, one of each group that is not known; the others have its verdict.

    What is said of a fail is that of the group's first: it tells no more than the group has in
    common, the address aside, which is left open until the finding is read.
    """
    known, said = rows.alike, rows.said
    known.extend(bytes([_UNKNOWN]) * max(1, parted.number - len(known)))
    new = [group for group in parted.places if known[group] == _UNKNOWN]
    asked = parted.alone + [parted.places[group][0] for group in new]
    details: dict[int, Detail] = {}
    verdicts = _run(rows, judge, found, asked, details)
    left: list[int] = []
    for group in new:
        first, *others = parted.places[group]
        if verdicts[first] not in (PASS, FAIL, NOT_APPLICABLE):
            left += others
            continue
        known[group] = verdicts[first]
        if first in details:
            said[group] = details[first]
    verdicts |= _run(rows, judge, found, left, details)
    statuses = bytearray(map(known.__getitem__, parted.groups))
    for at, status in verdicts.items():
        statuses[at] = status
    if said:
        for group, places in parted.places.items():
            if group in said:
                details |= dict.fromkeys(places, said[group])
    rows.keep(statuses, details)


def _run(
    rows: Rows,
    judge: Judge,
    found: Sequence[Subject],
    chosen: Sequence[int],
    details: dict[int, Detail],
) -> dict[int, int]:
    """Judge the subjects at these positions: their statuses, by position."""
    given = bytearray(len(chosen))
    told: dict[int, Detail] = {}
    if chosen:
        judge.run([found[at] for at in chosen], given, told)
    for number, detail in told.items():
        details[chosen[number]] = rows.short(detail, found[chosen[number]].resource)
    return dict(zip(chosen, given, strict=True))

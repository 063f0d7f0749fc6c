"""One check on one subject → a status; places, paths and messages only for what did not pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue import paths
from assay.engine.catalogue.controls import Check, View
from assay.engine.catalogue.paths import Steps
from assay.engine.cel import FAILURES, Program, StepsError, begin, describe
from assay.engine.cel.extensions import secrets
from assay.engine.judge import unplaced
from assay.engine.judge.literals import unknown_to
from assay.engine.judge.redaction import redacted
from assay.engine.judge.relations import Related, Relations
from assay.engine.judge.subjects import Subject, again
from assay.engine.judge.variables import Variables
from assay.engine.model import STATUSES, Path, Resource, Unknown, Violation, path_text

PASS, FAIL, NOT_APPLICABLE, UNKNOWN, ERROR, MANUAL = range(len(STATUSES))
MAX_VIOLATIONS = 200  # of one finding; the rest is counted in its message
MAX_GIVEN_UP = 5  # evaluations of a check that may run out of steps before the rest is left
GIVEN_UP = "not evaluated: the check ran out of steps on the resources before"
MAX_MESSAGE = 2_000  # characters
MAX_PASSED, MAX_PASSED_TEXT = 50_000, 200  # literals that are remembered, and their characters
NOTHING: dict[str, Any] = {}
CLOSER = -1  # no status: the short way cannot tell
EACH_CONTAINER = (("containers", paths.EACH),)


class Detail(NamedTuple):
    """What is said of a verdict that is not a plain pass."""

    message: str
    cause: str | None = None
    violations: tuple[Violation, ...] = ()


LOOK_CLOSER: tuple[int, Detail | None] = (CLOSER, None)
PASSED: tuple[int, Detail | None] = (PASS, None)
SKIPPED: tuple[int, Detail | None] = (NOT_APPLICABLE, None)


class Judge:
    """One check made ready: its parameters bound, its programs at hand."""

    def __init__(
        self,
        check: Check,
        params: Mapping[str, Any],
        relations: Relations,
        views: Mapping[str, View],
        adjust: Callable[[Resource], Mapping[str, Any] | str] | None = None,
    ) -> None:
        self.adjust = adjust
        self.check = check
        self.rules = rules = check.rules
        self.params = dict(params)
        self.relations = relations
        self.views = views
        # Nothing that the check may come to see of other resources is unknown.
        self.certain = relations.certain(rules.related)
        self._blind: bool | None = None
        self.has_item = "item" in rules.names
        self.programs = dict(rules.variables)
        self.given_up = 0  # evaluations that ran out of steps
        # Nothing but the name and the text of a literal decides: what has passed, passes again.
        plain = not (rules.when or rules.related or self.programs or rules.each or adjust)
        asked = {read[0] for read in rules.assertion.reads}
        self.literals_only = check.view == "literal" and plain and asked <= {"item", "params"}
        self.passed: set[tuple[str, str]] = set()

    def run(
        self, found: Sequence[Subject], statuses: bytearray, details: dict[int, Detail]
    ) -> None:
        """Judge every subject. What is complete and passes takes the short way.

        The short way evaluates and nothing else; whatever does not pass there is judged again
        the long way, which knows what to say of it.
        """
        short = self._short_items if self.has_item else self._short
        short = self._short_literals if self.literals_only else short
        certain = not self.rules.related or self.certain
        blind = any(subject.resource.unplaced for subject in found) and self.blind()
        for number, subject in enumerate(found):
            if self.given_up > MAX_GIVEN_UP:
                statuses[number], details[number] = ERROR, Detail(GIVEN_UP)
                continue
            if self.adjust is not None:
                given = self.adjust(subject.resource)
                if isinstance(given, str):
                    statuses[number] = NOT_APPLICABLE
                    details[number] = Detail(f"off by configuration: {given}")
                    continue
                self.params = dict(given)
            begin()
            status, detail = CLOSER, None
            resource = subject.resource
            if (certain and resource.complete) or (blind and resource.unplaced):
                status, detail = short(subject)
            if status == CLOSER:
                status, detail = self.verdict(subject)
            statuses[number] = status
            if detail is not None:
                details[number] = detail

    def blind(self) -> bool:
        """Whether an object of which only the namespace is unknown is judged as surely as others.

        The items of a view are as sure as what they were made from.
        """
        if self._blind is None:
            view = self.views.get(self.check.view)
            parts = view.parts.values() if view is not None else ()
            self._blind = self.literals_only or (
                self.check.view not in ("literal", "namespace")
                and unplaced.blind(self.rules)
                and all(map(unplaced.blind_view, parts))
            )
        return self._blind

    def _short(self, subject: Subject) -> tuple[int, Detail | None]:
        """The verdict, or CLOSER where something is in doubt or failed to evaluate."""
        if subject.doubt is not None or subject.failed or not subject.applies:
            return LOOK_CLOSER
        rules = self.rules
        if self.programs or rules.related:
            args = self._args(subject, False)
        else:
            args = (*subject.base, self.params, NOTHING, NOTHING, subject.resource.address)
        try:
            if rules.when is not None:
                applies = rules.when.fast(*args)
                if applies is not True:
                    return SKIPPED if applies is False else LOOK_CLOSER
            holds = rules.assertion.fast(*args)
        except FAILURES:
            return LOOK_CLOSER
        if holds is True:
            return PASSED
        if holds is not False:
            return LOOK_CLOSER
        return FAIL, self._failed(subject, [((), None)], not subject.resource.complete)

    def _short_items(self, subject: Subject) -> tuple[int, Detail | None]:
        """As `_short`, over items: PASS when there is none, or every one of them passes."""
        if subject.doubt is not None or subject.failed or not subject.applies:
            return LOOK_CLOSER
        rules = self.rules
        if rules.when is not None or self.programs or rules.related:
            return self._closer(subject)
        assertion, base, params = rules.assertion.fast, subject.base, self.params
        address = subject.resource.address
        if rules.each == EACH_CONTAINER and len(base) == 3:
            items: Iterable[Any] = base[2]
        else:
            items = (item for _, item in self.elements(subject))
        try:
            for item in items:
                if assertion(*base, item, params, NOTHING, NOTHING, address) is not True:
                    return self._closer(subject)
        except FAILURES:
            return LOOK_CLOSER
        return PASSED

    def _short_literals(self, subject: Subject) -> tuple[int, Detail | None]:
        """As `_short_items`, for a check of names and texts: each pair is asked about once."""
        passed = self.passed
        found = unknown_to(passed, subject.resource)
        if found is None:
            return self._short_items(subject)
        assertion, rest = self.rules.assertion.fast, (self.params, NOTHING, NOTHING, "")
        try:
            for name, text in found:
                if assertion(*subject.base, {"name": name, "text": text}, *rest) is not True:
                    return self._closer(subject)
                if len(passed) < MAX_PASSED and len(text) <= MAX_PASSED_TEXT:
                    passed.add((name, text))
        except FAILURES:
            return LOOK_CLOSER
        return PASSED

    def _closer(self, subject: Subject) -> tuple[int, Detail | None]:
        """Item by item, the short way still: what fails there has failed."""
        failed: list[tuple[Path, Any]] = []
        skipped = passed = False
        rules = self.rules
        when = rules.when.fast if rules.when is not None else None
        try:
            for path, item in self.elements(subject):
                args = self._args(subject, False, item)
                if when is not None:
                    applies = when(*args)
                    if applies is not True:
                        if applies is not False:
                            return LOOK_CLOSER
                        skipped = True
                        continue
                holds = rules.assertion.fast(*args)
                if holds is False:
                    failed.append((path, item))
                elif holds is not True:
                    return LOOK_CLOSER
                passed = True
        except FAILURES:
            return LOOK_CLOSER
        if failed:
            return FAIL, self._failed(subject, failed, not subject.resource.complete)
        return SKIPPED if skipped and not passed else PASSED

    def verdict(self, subject: Subject) -> tuple[int, Detail | None]:
        """The status code and, where it is no plain pass, what there is to say."""
        check = self.check
        if not subject.applies:
            return NOT_APPLICABLE, None
        if subject.failed:
            return ERROR, Detail(f"the view `{check.view}` failed: {subject.failed}")
        if subject.doubt is not None:
            return UNKNOWN, _undecided(subject.doubt)
        # The long way: errors absorbed and unknowns kept, as the language has it.
        return self._verdict(subject, True)

    def _verdict(self, subject: Subject, partial: bool) -> tuple[int, Detail | None]:
        if self.has_item:
            return self._items(subject, partial)
        args = self._args(subject, partial)
        status, reason = self._decide(args, partial)
        if status in (PASS, NOT_APPLICABLE):
            return status, None
        if status == FAIL:
            return FAIL, self._failed(subject, [((), None)], partial)
        return status, _said(reason)

    # -- evaluation ----------------------------------------------------------------------------

    def _decide(self, args: tuple[Any, ...], partial: bool) -> tuple[int, Any]:
        """Run `when` and the assertion. The reason is an Unknown or a text."""
        if self.given_up > MAX_GIVEN_UP:
            return ERROR, GIVEN_UP
        program = self.rules.when
        try:
            if program is not None:
                value = program.partial(*args) if partial else program.fast(*args)
                if value is False:
                    return NOT_APPLICABLE, None
                if value is not True:
                    return _odd(value, "when")
            program = self.rules.assertion
            value = program.partial(*args) if partial else program.fast(*args)
        except FAILURES as error:
            assert program is not None
            self.given_up += isinstance(error, StepsError)
            return ERROR, describe(program, error).message
        if value is True:
            return PASS, None
        if value is False:
            return FAIL, None
        return _odd(value, "assert")

    def _args(
        self, subject: Subject, partial: bool, item: Any = None, redact: bool = False
    ) -> tuple[Any, ...]:
        rules = self.rules
        variables: dict[str, Any] = {}
        if self.programs:
            variables = Variables(self.programs, partial)
        related: dict[str, Any] = {}
        if rules.related:
            related = Related(self.relations, subject.resource, rules.related, redact)
        address = subject.resource.address
        if self.has_item:
            args = (*subject.base, item, self.params, related, variables, address)
        else:
            args = (*subject.base, self.params, related, variables, address)
        if isinstance(variables, Variables):
            variables.bind(args)
        return args

    def args(self, subject: Subject, item: Any) -> tuple[Any, ...]:
        """The values of the check's variables for one item, for the long way."""
        return self._args(subject, True, item, redact=True)

    def _items(self, subject: Subject, partial: bool) -> tuple[int, Detail | None]:
        """Fail, else error, else unknown, else pass, over the items; `when` may skip some."""
        failed: list[tuple[Path, Any]] = []
        seen: dict[int, Any] = {}
        for path, item in self.elements(subject):
            args = self._args(subject, partial, item)
            status, reason = self._decide(args, partial)
            if status == FAIL:
                failed.append((path, item))
            else:
                seen.setdefault(status, reason)
        if failed:
            return FAIL, self._failed(subject, failed, partial)
        for status in (ERROR, UNKNOWN):
            if status in seen:
                return status, _said(seen[status])
        if NOT_APPLICABLE in seen and PASS not in seen:
            return NOT_APPLICABLE, None
        return PASS, None

    def elements(self, subject: Subject) -> Iterator[tuple[Path, Any]]:
        """The items of the view, or what the paths of `each` lead to, once for each place."""
        if not self.rules.each:
            yield from subject.items or ()
            return
        seen: set[Path] = set()
        for steps in self.rules.each:
            for path, item in self._walk(subject, steps):
                if path not in seen:
                    seen.add(path)
                    yield path, item

    def _walk(self, subject: Subject, steps: Steps) -> Iterator[tuple[Path, Any]]:
        first = steps[0]
        if first == "containers" and "containers" in subject.places:
            if len(steps) > 1 and steps[1] == paths.EACH:
                for place, container in zip(
                    subject.places["containers"], subject.base[2], strict=True
                ):
                    yield from paths.walk(container, steps[2:], place)
        elif first == "pod" and "pod" in subject.places:
            yield from paths.walk(subject.base[1], steps[1:], subject.places["pod"])
        elif first == "item" and subject.items is not None:
            for place, item in subject.items:
                for _, element in paths.walk(item, steps[1:]):
                    yield place, element
        else:
            whole = first in ("resource", "object")
            yield from paths.walk(subject.base[0], steps[1:] if whole else steps)

    # -- what is said of a fail ----------------------------------------------------------------

    def _failed(
        self, subject: Subject, failed: Sequence[tuple[Path, Any]], partial: bool
    ) -> Detail:
        shown = subject
        if subject.resource.sensitive:
            shown = again(subject, redacted(subject.resource), self.check.view, self.views)
            partial = True
        hidden = dict(self.elements(shown)) if self.has_item else {}
        violations: list[Violation] = []
        for path, item in failed[:MAX_VIOLATIONS]:
            told = hidden.get(path, item)
            message = self._message(shown, told, partial, subject)
            for place in self._blame(subject, path, item, partial):
                found = Violation(path_text(place), message, subject.resource.locate(place))
                if found not in violations:
                    violations.append(found)
        message = violations[0].message
        if len(failed) > MAX_VIOLATIONS:
            message += f" (and {len(failed) - MAX_VIOLATIONS} more)"
        return Detail(message, None, tuple(violations))

    def _message(self, shown: Subject, item: Any, partial: bool, owner: Subject) -> str:
        parts: list[str] = []
        redact = bool(owner.resource.sensitive or self.rules.related)
        given = shown._replace(resource=owner.resource)
        args = self._args(given, True, item, redact) if redact else None
        for part in self.rules.message.parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            if args is None:
                args = self._args(given, partial, item)
            try:
                value = (part.partial if redact or partial else part.fast)(*args)
            except FAILURES:
                value = None if redact or partial else _or_none(part, args)
            parts.append(_shown(value))
        return "".join(parts)[:MAX_MESSAGE]

    def _blame(self, subject: Subject, path: Path, item: Any, partial: bool) -> Iterator[Path]:
        """The paths that a violation points at."""
        if self.rules.at:
            found = False
            for steps in self.rules.at:
                for place in self._places(subject, steps, path, item):
                    found = True
                    yield place
            if found:
                return
        if path or (self.rules.each and not path):
            yield path
            return
        reads = self.rules.reads
        args = self._args(subject, partial, item)
        for program, below in self.rules.conjuncts:
            try:
                if (program.partial if partial else program.fast)(*args) is True:
                    continue
            except FAILURES:
                pass
            reads = below or reads
            break
        yield self._first(subject, reads)

    def _first(self, subject: Subject, reads: Sequence[Steps]) -> Path:
        """The path of the first read, up to its first `[]`."""
        for steps in reads:
            root, below = steps[0], steps[1:]
            if root == "item":
                field = self._field(subject, below)
                if field is not None:
                    return field
                continue
            place = subject.places.get(root, ())
            start: Path = place if isinstance(place, tuple) else _common(place)
            cut = below.index(paths.EACH) if paths.EACH in below else len(below)
            return (*start, *below[:cut])
        return ()

    def _field(self, subject: Subject, below: Steps) -> Path | None:
        """Where a view's field is read from in the resource itself."""
        view = self.views.get(self.check.view)
        part = view.parts.get(subject.resource.kind) if view is not None else None
        for name, program in part.item if part is not None and below else ():
            if name == below[0]:
                for read in program.reads:
                    if read[0] in ("resource", "object") and len(read) > 1:
                        steps = read[1:]
                        cut = steps.index(paths.EACH) if paths.EACH in steps else len(steps)
                        return steps[:cut]
        return None

    def _places(self, subject: Subject, steps: Steps, path: Path, item: Any) -> Iterator[Path]:
        """The places of an `at` path; one that is absent is itself the place."""
        root = steps[0]
        if root == "item":
            found = [place for place, _ in paths.walk(item, steps[1:], path)]
        else:
            found = [place for place, _ in self._walk(subject, steps)]
        if found:
            yield from found
        elif paths.EACH not in steps:
            start: Path = path if root == "item" else subject.places.get(root, ())
            named = root == "item" or root in subject.places or root in ("resource", "object")
            yield (*start, *(steps[1:] if named else steps))


def _or_none(part: Program, args: tuple[Any, ...]) -> Any:
    try:
        return part.partial(*args)
    except FAILURES:
        return None


def _common(places: Sequence[Path]) -> Path:
    """The list in which all containers stand, or the pod's spec where they stand in several."""
    parents = {place[:-1] for place in places}
    if len(parents) == 1:
        return parents.pop()
    return places[0][:-2] if places else ()


def _odd(value: Any, key: str) -> tuple[int, Any]:
    if isinstance(value, Unknown):
        return UNKNOWN, value
    return ERROR, f"`{key}` gives neither true nor false but a {type(value).__name__}"


def _said(reason: Any) -> Detail:
    return _undecided(reason) if isinstance(reason, Unknown) else Detail(str(reason))


def _undecided(unknown: Unknown) -> Detail:
    return Detail(f"depends on {unknown.origin}, which is not known here", unknown.cause)


def _shown(value: Any) -> str:
    """A value inside a message: short, on one line."""
    if value is None:
        return "?"
    if isinstance(value, Unknown):
        return f"({value.origin})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_shown(element) for element in value)
    return secrets.masked(" ".join(str(value).split()))

"""One policy in force on the objects that it matches → a status for each, as the server decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Check, Control
from assay.engine.cel import FAILURES, Program, describe
from assay.engine.judge.population import Rows
from assay.engine.judge.redaction import redacted
from assay.engine.judge.variables import Variables
from assay.engine.judge.verdicts import (
    ERROR,
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNKNOWN,
    Detail,
)
from assay.engine.model import Unknown, Violation, path_text
from assay.engine.policies.matching import Asked, Match, Matcher
from assay.engine.policies.programs import MAX_MESSAGE, BrokenError, Rule, Rules
from assay.engine.policies.spending import Spending

# The parameter objects of a request, or BrokenError where there is none and there must be.
Params = Callable[[Asked], Sequence[Any]]
NO_PARAMS: Sequence[Any] = (None,)
NO_VARIABLES = Variables({}, False)


class InForce(NamedTuple):
    """A policy with one of its bindings, or a template with one of its Constraints.

    matchers   all of which an object must match
    params     None where the policy takes no parameters
    fails      whether an expression that fails denies (`failurePolicy: Fail`)
    """

    control: Control
    check: Check
    rules: Rules
    matchers: tuple[Matcher, ...]
    params: Params | None
    fails: bool


Signature = tuple[str, str, str, str, str, bool]


def by_signature(asked: Sequence[Asked]) -> dict[Signature, list[int]]:
    """The numbers of the requests that no rule about kinds can tell apart."""
    found: dict[Signature, list[int]] = {}
    for number, each in enumerate(asked):
        key = (
            each.group,
            each.version,
            each.kind,
            each.plural,
            each.operation,
            bool(each.place),
        )
        found.setdefault(key, []).append(number)
    return found


def rows(
    policy: InForce,
    asked: Sequence[Asked],
    signatures: Mapping[Signature, list[int]],
    keys: Mapping[str, int],
) -> Rows:
    """The verdicts on every object of a kind that the policy matches."""
    numbers: list[int] = []
    for listed in signatures.values():
        if all(matcher.kinds(asked[listed[0]]) for matcher in policy.matchers):
            numbers += listed
    numbers.sort()
    chosen = [asked[number] for number in numbers]
    found = Rows(policy.control, policy.check, [each.resource for each in chosen])
    rest = [matcher.rest for matcher in policy.matchers if matcher.rest is not None]
    evaluator = _Evaluator(policy, keys)
    statuses, details = bytearray(len(chosen)), dict[int, Detail]()
    for number, each in enumerate(chosen):
        status, detail = _verdict(evaluator, rest, each)
        statuses[number] = status
        if detail is not None:
            details[number] = detail
    found.add(found.resources, statuses, details)
    return found


def _verdict(
    evaluator: _Evaluator, rest: Sequence[Match], asked: Asked
) -> tuple[int, Detail | None]:
    doubt: Unknown | None = None
    for match in rest:
        verdict = match(asked)
        if verdict is False:
            return NOT_APPLICABLE, None
        if isinstance(verdict, Unknown):
            doubt = verdict
    status, detail = evaluator.verdict(asked)
    if doubt is not None and status not in (PASS, NOT_APPLICABLE):
        return UNKNOWN, _undecided(doubt)
    return status, detail


class Shared(Variables):
    """Variables whose values other policies want too: an object's are computed once for all."""

    __slots__ = ("_keys", "_known")

    def __init__(
        self, programs: Mapping[str, Program], keys: Mapping[str, int], known: dict[int, Any]
    ) -> None:
        super().__init__(programs, False)
        self._keys = keys
        self._known = known

    def __missing__(self, name: str) -> Any:
        key = self._keys.get(name)
        if key is None:
            return super().__missing__(name)
        if key in self._known:
            self[name] = value = self._known[key]
            return value
        self._known[key] = value = super().__missing__(name)
        return value


def sharing(policies: Sequence[InForce]) -> dict[int, dict[str, int]]:
    """For each policy (by its id), the variables that another one defines alike, by a number.

    Alike are those of one text that read the object alone, themselves and through others.
    """
    numbers: dict[tuple[str, ...], int] = {}
    users: dict[int, set[int]] = {}
    found: dict[int, dict[str, int]] = {}
    for policy in policies:
        mine = found.setdefault(id(policy.rules), {})
        for name, program in policy.rules.variables.items():
            parts = [program.text.text]
            for read in program.reads:
                if read[0] == "variables" and len(read) > 1 and read[1] in mine:
                    parts.append(f"{read[1]} {mine[read[1]]}")
                elif read[0] not in ("object", "oldObject"):
                    break
            else:
                number = numbers.setdefault(tuple(parts), len(numbers))
                mine[name] = number
                users.setdefault(number, set()).add(id(policy.rules))
    return {
        rules: {name: number for name, number in names.items() if len(users[number]) > 1}
        for rules, names in found.items()
    }


class _Evaluator:
    def __init__(self, policy: InForce, keys: Mapping[str, int]) -> None:
        self.keys = keys
        self.policy = policy
        self.rules = policy.rules
        self.takes_params = policy.params is not None
        self.spending = Spending(policy.rules) if policy.rules.heavy else None

    def verdict(self, asked: Asked) -> tuple[int, Detail | None]:
        """The short way for what is complete and passes; the long way for the rest."""
        params = self.policy.params
        try:
            given = NO_PARAMS if params is None else params(asked)
        except BrokenError as broken:
            return self._failed(broken.message)
        if self.spending is not None:
            spent = self.spending.too_much(asked, given)
            if spent:
                return self._failed(spent)
        known = asked.placed or not self.rules.placed
        if asked.complete and known and not self.rules.open:
            try:
                short = self._short(asked, given)
            except FAILURES:
                short = None
            if short is not None:
                return short
        return self._long(asked, given)

    def _short(self, asked: Asked, given: Sequence[Any]) -> tuple[int, Detail | None] | None:
        """A pass or a fail, where everything is known and nothing fails; else None."""
        violations: list[Violation] = []
        for params in given:
            inside, outside = self._args(asked, asked.object, params, False)
            for condition in self.rules.conditions:
                if condition.fast(*outside) is not True:
                    return None
            for rule in self.rules.validations:
                verdict = rule.program.fast(*inside)
                if verdict is False:
                    violations.append(self._violation(asked, rule, params, inside, False))
                elif verdict is not True:
                    return None
            for annotation in self.rules.annotations:
                if not isinstance(annotation.fast(*inside), str | None):
                    return None
        return _failing(violations) if violations else (PASS, None)

    def _args(
        self, asked: Asked, object: Any, params: Any, partial: bool
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The arguments of expressions with variables, and of match conditions."""
        head = (object, asked.old, asked.request)
        given = (params,) if self.takes_params else ()
        outside = (*head, *given, asked.namespace)
        variables: Variables
        if not self.rules.variables:
            return (*outside, NO_VARIABLES), outside
        if partial or not self.keys:
            variables = Variables(self.rules.variables, partial)
        else:
            variables = Shared(self.rules.variables, self.keys, asked.known)
        inside = (*outside, variables)
        variables.bind(inside)
        return inside, outside

    def _long(self, asked: Asked, given: Sequence[Any]) -> tuple[int, Detail | None]:
        violations: list[Violation] = []
        errors: list[str] = []
        doubts: list[Unknown] = []
        applied = False
        for params in given:
            inside, outside = self._args(asked, asked.object, params, True)
            applies, reason = self._conditions(outside)
            if reason is not None:
                (doubts if isinstance(reason, Unknown) else errors).append(reason)  # type: ignore[arg-type]
            if not applies:
                continue
            applied = True
            for rule in self.rules.validations:
                verdict, reason = _boolean(rule.program, inside)
                if reason is not None:
                    (doubts if isinstance(reason, Unknown) else errors).append(reason)  # type: ignore[arg-type]
                elif verdict is False:
                    violations.append(self._violation(asked, rule, params, inside, True))
            errors += self._annotations(inside)
        if violations:
            return _failing(violations)
        if errors:
            return self._failed(errors[0])
        if doubts:
            return UNKNOWN, _undecided(doubts[0])
        return (PASS if applied else NOT_APPLICABLE), None

    def _failed(self, message: str) -> tuple[int, Detail | None]:
        """An expression that failed: denied, or let through, as `failurePolicy` says."""
        if self.policy.fails:
            return ERROR, Detail(message)
        return PASS, Detail(f"admitted, for `failurePolicy: Ignore`: {message}")

    def _conditions(self, outside: tuple[Any, ...]) -> tuple[bool, str | Unknown | None]:
        """Whether all hold; one that is false decides, whatever the others say."""
        reasons: list[str | Unknown] = []
        for condition in self.rules.conditions:
            verdict, reason = _boolean(condition, outside)
            if verdict is False:
                return False, None
            if reason is not None:
                reasons.append(reason)
        failed = next((each for each in reasons if isinstance(each, str)), None)
        reason = failed if failed is not None else reasons[0] if reasons else None
        return reason is None, reason

    def _annotations(self, inside: tuple[Any, ...]) -> Iterator[str]:
        for annotation in self.rules.annotations:
            try:
                value = annotation.partial(*inside)
            except FAILURES as error:
                yield describe(annotation, error).message
                continue
            if not isinstance(value, str | Unknown | None):
                yield "an audit annotation gives no text"

    def _violation(
        self, asked: Asked, rule: Rule, params: Any, inside: tuple[Any, ...], partial: bool
    ) -> Violation:
        message = self._message(asked, rule, params, inside, partial)
        if asked.object is asked.resource.values:
            return Violation(rule.where, message, asked.resource.locate(rule.path))
        path = ("request", "object", *rule.path)
        return Violation(path_text(path), message, asked.resource.locate(path))

    def _message(
        self, asked: Asked, rule: Rule, params: Any, inside: tuple[Any, ...], partial: bool
    ) -> str:
        """What the server would say; a text of several lines or none falls back, as there."""
        if rule.said is None:
            return rule.message
        if asked.resource.sensitive:
            if asked.object is not asked.resource.values:
                return rule.message
            inside, _ = self._args(asked, redacted(asked.resource), params, True)
            partial = True
        try:
            value = (rule.said.partial if partial else rule.said.fast)(*inside)
        except FAILURES:
            return rule.message if partial else self._message(asked, rule, params, inside, True)
        if not isinstance(value, str) or not value.strip() or "\n" in value.strip():
            return rule.message
        return value.strip() if len(value.encode()) <= MAX_MESSAGE else rule.message


def _boolean(program: Program, args: tuple[Any, ...]) -> tuple[bool | None, str | Unknown | None]:
    """The verdict of an expression, or why there is none."""
    try:
        value = program.partial(*args)
    except FAILURES as error:
        text = " ".join(program.text.text.split())
        return None, f"`{text[:120]}` failed: {describe(program, error).message}"
    if isinstance(value, Unknown):
        return None, value
    if not isinstance(value, bool):
        return None, f"an expression gives neither true nor false but a {type(value).__name__}"
    return value, None


def _failing(violations: Sequence[Violation]) -> tuple[int, Detail]:
    unique = tuple(dict.fromkeys(violations))
    return FAIL, Detail(unique[0].message, None, unique)


def _undecided(unknown: Unknown) -> Detail:
    return Detail(f"depends on {unknown.origin}, which is not known here", unknown.cause)

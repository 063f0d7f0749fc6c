"""Why a control says what it says of one resource: its checks, and every part of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Catalogue, Check, Control
from assay.engine.cel.explain import Part, explain
from assay.engine.judge.redaction import redacted
from assay.engine.judge.relations import Relations
from assay.engine.judge.subjects import Subject, again, subjects
from assay.engine.judge.verdicts import Judge
from assay.engine.model import STATUSES, Loaded, Path, Resource


class Step(NamedTuple):
    """One expression of a check as it was asked: `when`, `assert`, or a variable."""

    name: str
    path: Path  # of the item that it was asked of
    part: Part


class Reason(NamedTuple):
    """One check on one resource: its status and message, and the steps that led there."""

    check: Check
    resource: Resource
    status: str
    message: str
    steps: tuple[Step, ...]


def reasons(
    catalogue: Catalogue,
    control: Control,
    address: str,
    loaded: Iterable[Loaded],
    params: Mapping[str, Any],
) -> Iterator[Reason]:
    """Every check of a control that looks at resources of that address."""
    resources = [resource for each in loaded for resource in each.resources]
    relations = Relations(resources)
    bound = {param.name: params.get(param.name, param.default) for param in control.params}
    for check in control.checks:
        judge = Judge(check, bound, relations, catalogue.views)
        for subject in subjects(check.kinds, check.view, catalogue.views, relations):
            resource = subject.resource
            if resource.address != address:
                continue
            if check.sources and resource.source not in check.sources:
                continue
            status, detail = judge.verdict(subject)
            message = detail.message if detail is not None else ""
            shown = subject
            values = redacted(resource, written=True)
            if values is not resource.values:
                copy = again(subject, values, check.view, catalogue.views)
                shown = copy._replace(resource=resource)
            steps = tuple(_steps(judge, shown))
            yield Reason(check, resource, STATUSES[status], message, steps)


def _steps(judge: Judge, subject: Subject) -> Iterator[Step]:
    items: Sequence[tuple[Path, Any]] = [((), None)]
    if judge.has_item:
        items = list(judge.elements(subject))
    for path, item in items:
        args = judge.args(subject, item)
        check = judge.check
        for name, program in check.variables:
            yield Step(f"variables.{name}", path, explain(program, args))
        if check.when is not None:
            part = explain(check.when, args)
            yield Step("when", path, part)
            if part.value is False:
                continue
        yield Step("assert", path, explain(check.assertion, args))

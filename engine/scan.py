"""Controls × resources → findings: the one loop, and what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Catalogue, Control, fits, is_kubernetes
from assay.engine.errors import InputError, Problem, usage
from assay.engine.judge import bootstrap, cores, judging
from assay.engine.judge.population import Population, Rows, manual_finding, source_finding
from assay.engine.judge.relations import Relations
from assay.engine.judge.workloads import TEMPLATES
from assay.engine.model import (
    STATUSES,
    Coverage,
    Fault,
    Gap,
    Loaded,
    Place,
    Resource,
    Scan,
)

PAYS = 600  # resources from which on a second process saves time
Adjust = Callable[[Resource], Mapping[str, Any] | str]


class ScanOptions(NamedTuple):
    """What the user chose, apart from the sources.

    controls   ids to judge; empty for all
    params     control id → parameter → value
    expects    what must exist in the estate (`cloudtrail`); else its absence is not judged
    adjust     control id and its parameters → resource → parameters there, or why it is off
    owners     report name of a file → who answers for it
    jobs       processes that judge; 0 for as many as pay
    at         the time of the scan, RFC 3339, or None
    inputs     the paths that were given, for the report
    """

    controls: frozenset[str] = frozenset()
    params: Mapping[str, Mapping[str, Any]] = {}
    expects: frozenset[str] = frozenset()
    adjust: Callable[[str, Mapping[str, Any]], Adjust | None] | None = None
    owners: Callable[[str], Sequence[str]] | None = None
    at: str | None = None
    inputs: Sequence[str] = ()
    version: str = ""
    progress: Callable[[int, int], None] | None = None  # parts that are judged, of how many
    jobs: int = 0


def scan(catalogue: Catalogue, loaded: Iterable[Loaded], options: ScanOptions) -> Scan:
    """Judge every resource by every chosen control. Raises InputError for unusable options."""
    chosen = _chosen(catalogue, options.controls)
    params = _params(catalogue, options.params)
    loaded = list(loaded)
    resources = [resource for each in loaded for resource in each.resources]
    aside = bootstrap.aside(resources)
    relations = Relations(_with_estate(chosen, resources), aside)
    asked = judging.Asked(params, options.expects, options.adjust)
    rows = judging.judge(
        catalogue, chosen, asked, relations, options.progress, options.jobs or _jobs(relations)
    )
    errors = [source_finding(error) for each in loaded for error in each.errors]
    manual = [manual_finding(control) for control in chosen if control.manual]
    population = Population(rows, manual, errors)
    gaps = [gap for each in loaded for gap in each.gaps]
    return Scan(
        version=options.version,
        catalogue_digest=catalogue.digest,
        controls=tuple(chosen),
        findings=population.findings,
        counts=population.counts(),
        resources=resources,
        coverage=tuple(_coverage(rows, options.expects)),
        gaps=(*gaps, *aside.values(), *_other_versions(catalogue, relations)),
        faults=tuple[Fault, ...](),
        parameters=params,
        inputs=tuple(options.inputs),
        at=options.at,
        owners=options.owners,
    )


def _counted(row: Rows) -> Iterable[tuple[str, int, int]]:
    """Source, status and how many: for most checks all is of one source, and is counted at once."""
    sources = row.sources()
    if len(sources) == 1:
        for code in range(len(STATUSES)):
            number = row.statuses.count(code)
            if number:
                yield sources[0], code, number
        return
    pairs = Counter(
        (resource.source, status)
        for resource, status in zip(row.resources, row.statuses, strict=True)
    )
    for (source, status), number in pairs.items():
        yield source, status, number


def _jobs(relations: Relations) -> int:
    """How many processes pay: a fork and what it answers cost what judging some objects does."""
    return cores.available() if len(relations.resources) >= PAYS else 1


def _chosen(catalogue: Catalogue, ids: frozenset[str]) -> list[Control]:
    known = {control.id for control in catalogue.controls}
    for id in sorted(ids - known):
        raise usage(f"no control `{id}`", "`assay controls list` prints them all", "no-control")
    return [control for control in catalogue.controls if not ids or control.id in ids]


def _params(
    catalogue: Catalogue, given: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Each control's parameters: the defaults with what the user set."""
    bound: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for control in catalogue.controls:
        values = {param.name: param.default for param in control.params}
        types = {param.name: param.type for param in control.params}
        for name, value in given.get(control.id, {}).items():
            if name not in types:
                message = f"`{control.id}` has no parameter `{name}`"
                problems.append(Problem("no-parameter", message))
            elif not fits(types[name], value):
                message = f"`{control.id}`: `{name}` must be a {types[name]}"
                problems.append(Problem("parameter-type", message))
            else:
                values[name] = float(value) if types[name] == "double" else value
        bound[control.id] = values
    problems += [
        Problem("no-control", f"parameters are given for no control: `{id}`")
        for id in sorted(given.keys() - bound.keys())
    ]
    if problems:
        raise InputError(problems)
    return bound


def _with_estate(controls: Iterable[Control], resources: list[Resource]) -> list[Resource]:
    """The resources, with one for the estate as a whole if a control judges it."""
    if any("estate" in check.kinds for control in controls for check in control.checks):
        place = resources[0].place if resources else Place("")
        source = resources[0].source if resources else "manifest"
        return [*resources, Resource(source, "estate", "estate", {}, place)]
    return resources


def _coverage(rows: Iterable[Rows], expects: frozenset[str]) -> Iterable[Coverage]:
    """For every control and source: how many verdicts, and how many did not apply."""
    counted: dict[tuple[str, str, str], int] = {}
    for row in rows:
        expected = not row.check.expects or row.check.expects in expects
        if not row.resources:
            state = "not_applicable" if expected else "not_expected"
            counted.setdefault((row.control.id, "", state), 0)
        for source, status, number in _counted(row):
            state = "evaluated"
            if STATUSES[status] == "not_applicable":
                state = "not_applicable" if expected else "not_expected"
            key = (row.control.id, source, state)
            counted[key] = counted.get(key, 0) + number
    touched = {control for (control, _, _), number in counted.items() if number}
    for (control, source, state), number in counted.items():
        if number or control not in touched:
            yield Coverage(control, source, state, number)


def _other_versions(catalogue: Catalogue, relations: Relations) -> Iterable[Gap]:
    """Objects of a kind that controls know at another version: seen, and not evaluated."""
    if not any(map(is_kubernetes, relations.kinds)):
        return
    known: dict[tuple[str, str], set[str]] = {}
    for kind in _read_kinds(catalogue):
        group, version, name = _split(kind)
        known.setdefault((group, name), set()).add(version)
    for kind, resources in sorted(relations.kinds.items()):
        if not is_kubernetes(kind):
            continue
        group, version, name = _split(kind)
        others = known.get((_successor(group, name), name))
        if others and (version not in others or _successor(group, name) != group):
            served = ", ".join(sorted(others))
            for resource in resources:
                reason = f"controls read {name} at {_successor(group, name) or 'core'}/{served}"
                yield Gap("version", resource.address, "not_parsed", reason, resource.place)


def _read_kinds(catalogue: Catalogue) -> Iterable[str]:
    for control in catalogue.controls:
        for check in control.checks:
            yield from (kind for kind in check.kinds if is_kubernetes(kind))
            if check.view == "workload":
                yield from TEMPLATES
    for view in catalogue.views.values():
        yield from (kind for kind in view.parts if is_kubernetes(kind))


def _split(kind: str) -> tuple[str, str, str]:
    parts = kind.split("/")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "v1", parts[-1])


def _successor(group: str, kind: str) -> str:
    """The group that a kind of the retired group `extensions` was moved to."""
    if group != "extensions":
        return group
    return "networking.k8s.io" if kind in ("Ingress", "NetworkPolicy") else "apps"

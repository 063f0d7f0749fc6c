"""What the checks of one view or kind look at: resources with the items that the view finds.

Made once a scan for each view or list of kinds, and shared by all checks that want it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue import paths
from assay.engine.catalogue.controls import View, ViewPart, is_kubernetes
from assay.engine.cel import FAILURES, describe
from assay.engine.judge import unplaced
from assay.engine.judge.literals import Literals
from assay.engine.judge.relations import Relations, Slice, name_of
from assay.engine.judge.workloads import containers_of, template_of
from assay.engine.model import Path, Resource, Unknown

NO_ITEMS: tuple[tuple[Path, Any], ...] = ()


_RUNNING = ("cluster", "snapshot")  # whole in themselves: what is declared elsewhere is not there


class Subject(NamedTuple):
    """One resource as a check sees it.

    base       the values of the leading CEL variables (`resource`, or object, pod, containers)
    items      the view's items with their paths; None where the check has none
    places     the paths that variables other than the resource stand at
    failed     why the view could not be computed, else ""; `doubt` is what left it undecided
    applies    whether the view's `when` holds
    """

    resource: Resource
    base: tuple[Any, ...]
    items: Sequence[tuple[Path, Any]] | None = None
    places: dict[str, Any] = {}  # noqa: RUF012 - never changed
    failed: str = ""
    doubt: Unknown | None = None
    applies: bool = True


def subjects(
    kinds: Sequence[str], view: str, views: Mapping[str, View], all: Relations | Slice
) -> list[Subject]:
    """The subjects of a check, in scan order."""
    if view == "workload":
        found = (workload(resource) for resource in all.resources)
        return [subject for subject in found if subject is not None]
    if view == "literal":
        return [literal(resource) for resource in all.resources]
    if view == "namespace":
        return namespaces(all)
    if view == "job":
        return [jobs(resource) for resource in all.kinds.get("pipeline", ())]
    if view:
        parts = views[view].parts
        wanted = all.of_kinds(parts)
        wanted.sort(key=lambda resource: all.order[id(resource)])
        blind = {kind: unplaced.blind_view(part) for kind, part in parts.items()} if wanted else {}
        return [through(parts[each.kind], each, blind[each.kind]) for each in wanted]
    if len(kinds) == 1:
        return [Subject(resource, (resource.values,)) for resource in all.kinds.get(kinds[0], ())]
    wanted = all.of_kinds(kinds)
    wanted.sort(key=lambda resource: all.order[id(resource)])
    return [Subject(resource, (resource.values,)) for resource in wanted]


def again(
    subject: Subject, values: dict[str, Any], view: str, views: Mapping[str, View]
) -> Subject:
    """The same subject over other values, such as redacted ones."""
    old = subject.resource
    copy = Resource(old.source, old.kind, old.address, values, old.place, complete=False)
    if view == "workload":
        return workload(copy) or subject
    if view == "literal":
        return literal(copy)
    if view == "job":
        return jobs(copy)
    if view in views:
        return through(views[view].parts[old.kind], copy)
    return Subject(copy, (values,))


def workload(resource: Resource) -> Subject | None:
    """The built-in view of everything that makes pods."""
    found = template_of(resource)
    if found is None:
        return None
    path, template = found
    containers, places = containers_of(path, template)
    pod = {"metadata": template.get("metadata", {}), "spec": template.get("spec", {})}
    return Subject(
        resource, (resource.values, pod, containers), None, {"pod": path, "containers": places}
    )


def literal(resource: Resource) -> Subject:
    """The built-in view of every text in a resource: items with `name` and `text`."""
    return Subject(resource, (resource.values,), Literals(resource))


def jobs(pipeline: Resource) -> Subject:
    """The built-in view of a pipeline's expanded jobs."""
    items = list(paths.walk(pipeline.values.get("jobs", {}), (paths.EACH,), ("jobs",)))
    return Subject(pipeline, (pipeline.values,), items)


def _name(path: Path) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def through(part: ViewPart, resource: Resource, blind: bool = False) -> Subject:
    """A resource as a view from the catalogue shows it; `blind` to its namespace."""
    if resource.complete or (blind and resource.unplaced):
        found = _through(part, resource, False)
        if not found.failed:
            return found
    return _through(part, resource, True)


def _through(part: ViewPart, resource: Resource, partial: bool) -> Subject:
    values = resource.values
    try:
        if part.when is not None:
            when = (part.when.partial if partial else part.when.fast)(values)
            if isinstance(when, Unknown):
                return Subject(resource, (values,), NO_ITEMS, {}, "", when)
            if when is not True:
                return Subject(resource, (values,), NO_ITEMS, {}, "", None, False)
        items: list[tuple[Path, Any]] = []
        for path, element in _elements(part, values, partial):
            given = (values, element) if part.each or part.document is not None else (values,)
            item = {
                field: (program.partial if partial else program.fast)(*given)
                for field, program in part.item
            }
            items.append((path, item))
    except FAILURES as error:
        program = part.when or part.document or part.item[0][1]
        return Subject(resource, (values,), NO_ITEMS, {}, describe(program, error).message)
    return Subject(resource, (values,), items)


def _elements(part: ViewPart, values: dict[str, Any], partial: bool) -> Iterator[tuple[Path, Any]]:
    elements = paths.walk(values, part.each) if part.each else iter((((), None),))
    if part.document is None:
        yield from elements
        return
    for path, element in elements:
        given = (values, element) if part.each else (values,)
        found = (part.document.partial if partial else part.document.fast)(*given)
        if isinstance(found, list):
            for _, item in paths.walk(found, (paths.EACH,)):
                yield path or document_path(part), item
        elif isinstance(found, Unknown):
            yield path or document_path(part), found


def document_path(part: ViewPart) -> Path:
    """Where the text lies that a view's `document` reads."""
    for read in part.document.reads if part.document is not None else ():
        if read[0] in ("resource", "object") and len(read) > 1 and paths.EACH not in read:
            return read[1:]
    return ()


def namespaces(all: Relations | Slice) -> list[Subject]:
    """Each namespace that is declared or used: the object, or one made up for what uses it.

    What a chart or a folder puts into a namespace that another part of the scan declares, for its
    environment or for all, is judged with that declaration.
    """
    found: dict[tuple[object, str], Resource] = {}
    declared: set[tuple[str, str]] = set()
    for resource in all.kinds.get("Namespace", ()):
        name = str(name_of(resource))
        found[(resource.source, resource.environment, resource.root), name] = resource
        if resource.source not in _RUNNING:
            declared.add((resource.environment, name))
    for resource in all.resources:
        if resource.namespace and is_kubernetes(resource.kind):
            scope = (resource.source, resource.environment, resource.root)
            if (scope, resource.namespace) in found:
                continue
            if resource.source not in _RUNNING and any(
                (environment, resource.namespace) in declared
                for environment in (resource.environment, "default")
            ):
                continue
            found[scope, resource.namespace] = _undeclared(resource)
    return [
        Subject(
            owner, (owner.values,), [((), {"name": name, "declared": owner.kind == "Namespace"})]
        )
        for (_, name), owner in found.items()
    ]


def _undeclared(user: Resource) -> Resource:
    name = user.namespace or ""
    return Resource(
        user.source,
        "namespace",
        f"Namespace/-/{name}",
        {"metadata": {"name": name}},
        user.place,
        root=user.root,
        environment=user.environment,
        namespace=name,
    )

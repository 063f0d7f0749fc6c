"""An export for Gatekeeper as a folder: templates, then constraints, and the suite of examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.engine.admission.collect import Collected
from assay.engine.admission.convert import Policy
from assay.reports.gatekeeper import documents, listing, suite, templates
from assay.reports.gatekeeper.settings import Settings

SUBJECT = templates.SUBJECT
Examples = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]  # by control and check


def export(found: Collected, examples: Examples, settings: Settings) -> listing.Export:
    """Two folders that are applied one after the other: a Constraint needs its template's CRD."""
    both = [*found.policies, *found.relations]
    first: list[tuple[str, dict[str, Any]]] = [
        (
            f"templates/{each.name}.yaml",
            templates.template(each, settings)
            if isinstance(each, Policy)
            else templates.audit_template(each, settings),
        )
        for each in both
    ]
    second: list[tuple[str, dict[str, Any]]] = []
    if found.relations:
        second.append(("constraints/syncset.yaml", templates.syncset(found.relations)))
    if settings.expansion:
        second += [
            (f"constraints/expansion-{each['metadata']['name']}.yaml", each)
            for each in templates.expansions()
        ]
    second += [
        (f"constraints/{each.name}.yaml", templates.constraint(each, settings)) for each in both
    ]
    files = {file: documents.dump(object) for file, object in (*first, *second)}
    for folder, parts in (("templates", first), ("constraints", second)):
        inside = [file.removeprefix(f"{folder}/") for file, _ in parts]
        files[f"{folder}/kustomization.yaml"] = documents.kustomization(inside)
    files["kustomization.yaml"] = documents.kustomization(["templates", "constraints"])
    given = []
    for each in both:
        listed = list(suite.cases(each, examples.get((each.control.id, each.check.id), ())))
        if settings.expansion and any(target.template is not None for target in each.targets):
            listed = [case for case in listed if case.object["kind"] == "Pod"]
        if listed:
            given.append((each, listed))
    files["suite.yaml"], extra = suite.render(given, settings)
    files |= extra
    files[listing.PARAMS] = listing.parameters(object for _, object in first)
    objects = [(listing.name_of(object), file) for file, object in (*first, *second)]
    return listing.Export(files, objects, found.refusals)

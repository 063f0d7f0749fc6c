"""An export of ValidatingAdmissionPolicies as a folder of files that applies in order."""

from __future__ import annotations

from typing import Any

from assay.engine.admission.collect import Collected
from assay.reports.gatekeeper import documents, listing, vap
from assay.reports.gatekeeper.settings import Settings

SINCE = vap.SINCE


def export(found: Collected, settings: Settings) -> listing.Export:
    """Parameters first, then policies, then the bindings that put them into force."""
    parts: list[tuple[str, dict[str, Any]]] = []
    given = [policy for policy in found.policies if policy.params]
    if settings.param_kind == "crd" and given:
        parts.append(("parameters/definition.yaml", vap.definition(given)))
    for policy in given:
        held = vap.parameters(policy, settings)
        if held is not None:
            parts.append((f"parameters/{policy.name}.yaml", held))
    parts += [(f"policies/{each.name}.yaml", vap.policy(each, settings)) for each in found.policies]
    parts += [
        (f"bindings/{each.name}.yaml", vap.binding(each, settings)) for each in found.policies
    ]
    files = {file: documents.dump(object) for file, object in parts}
    files["kustomization.yaml"] = documents.kustomization([file for file, _ in parts])
    files[listing.PARAMS] = listing.parameters(object for _, object in parts)
    objects = [(listing.name_of(object), file) for file, object in parts]
    return listing.Export(files, objects, found.refusals)

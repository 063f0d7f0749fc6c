"""A folder of a user's own admission policies → the objects in it, each with its place.

Every YAML or JSON document that is an object is taken as it stands: kustomizations are not built,
for their policies lie beside them.
"""

from __future__ import annotations

from typing import NamedTuple

from assay.engine.errors import usage
from assay.engine.files import Tree, discover
from assay.engine.kubernetes import loader
from assay.engine.model import Gap, Resource, SourceError

POLICY_GROUP = "admissionregistration.k8s.io"
TEMPLATE_GROUP = "templates.gatekeeper.sh"
CONSTRAINT_GROUP = "constraints.gatekeeper.sh"
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "kustomization")


class Documents(NamedTuple):
    """What a folder of policies holds, by what it is for; `others` may be parameters."""

    policies: list[Resource]
    bindings: list[Resource]
    templates: list[Resource]
    constraints: list[Resource]
    mutating: list[Resource]
    others: list[Resource]
    errors: list[SourceError]
    gaps: list[Gap]

    def names(self) -> frozenset[str]:
        """The names of the policies and templates: the ids that their findings have."""
        held = (each.values.get("metadata") or {} for each in (*self.policies, *self.templates))
        return frozenset(str(metadata.get("name", "?")) for metadata in held)


def read(folders: list[str]) -> Documents:
    """The objects below some folders. Raises InputError for one that does not exist or is empty."""
    tree = discover(folders)
    files = [
        file
        for file in tree.files
        if file.name.rpartition("/")[2].lower() not in KUSTOMIZATIONS and not _is_chart(file.name)
    ]
    loaded = loader.load(Tree(tree.bases, files, tree.gaps))
    found = sorted_out(loaded.resources)
    gaps = [*tree.gaps, *(gap for gap in loaded.gaps if gap.blocks)]
    found = found._replace(errors=loaded.errors, gaps=gaps)
    if not (found.policies or found.templates or found.mutating or found.errors):
        said = ", ".join(folders)
        raise usage(
            f"no admission policy was found in {said}",
            "it takes ValidatingAdmissionPolicies with their bindings, and ConstraintTemplates "
            "with their Constraints",
            "no-policy",
        )
    return found


def _is_chart(name: str) -> bool:
    return name.rpartition("/")[2] == "Chart.yaml"


def sorted_out(resources: list[Resource]) -> Documents:
    """Objects by what they are for."""
    found = Documents([], [], [], [], [], [], [], [])
    for resource in resources:
        group, _, kind = resource.kind.partition("/")[0], "", resource.kind.rpartition("/")[2]
        if group == POLICY_GROUP and kind == "ValidatingAdmissionPolicy":
            found.policies.append(resource)
        elif group == POLICY_GROUP and kind == "ValidatingAdmissionPolicyBinding":
            found.bindings.append(resource)
        elif group == POLICY_GROUP and kind.startswith("MutatingAdmissionPolicy"):
            found.mutating.append(resource)
        elif group == TEMPLATE_GROUP and kind == "ConstraintTemplate":
            found.templates.append(resource)
        elif group == CONSTRAINT_GROUP:
            found.constraints.append(resource)
        else:
            found.others.append(resource)
    return found

"""Names of exported policies: from the control's id, and from the check's where there are more."""

from __future__ import annotations

import re
from collections.abc import Collection

from assay.engine.catalogue.controls import Check, Control

# Names of variables that the policies themselves have.
GIVEN = frozenset(
    {"address", "anyObject", "containers", "failed", "namespace", "object", "params", "pod"}
)
MAX_NAME = 63
MAX_KIND = MAX_NAME - len("List")  # the API server appends that, and holds the whole to 63


def policy_name(control: Control, check: Check) -> str:
    """The name of a check's policy: unique in the catalogue, and a DNS label."""
    if len(control.checks) == 1:
        return control.id
    own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", check.id.rpartition("/")[2])
    slug = re.sub(r"[^a-z0-9]+", "-", own.lower()).strip("-")
    return f"{control.id}-{slug}"[:MAX_NAME].rstrip("-")


def template_kind(name: str) -> str:
    """`workload-no-privileged` → `AssayWorkloadNoPrivileged`: the kind of its constraints."""
    kind = "Assay" + "".join(word[:1].upper() + word[1:] for word in name.split("-"))
    return kind[:MAX_KIND]


def free(name: str, taken: Collection[str]) -> str:
    """The name, with underscores behind it until it is not taken."""
    while name in taken:
        name += "_"
    return name

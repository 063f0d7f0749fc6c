"""Which values of a Kubernetes object must never be shown: their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from assay.engine.kubernetes import kinds
from assay.engine.model import Path, value_at

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Names of environment variables whose literal value is a secret; a file or a URL without
# credentials is not one.
_NAME = re.compile(
    r"(?i)(?:^|[_.-])(?:password|passwd|passphrase|pwd|secret|token|credentials?"
    r"|(?:api|access|secret|private|encryption|signing)[_.-]?key|client[_.-]?secret)"
    r"(?:$|[_.-](?:value|text|v?[0-9]+)$)"
)


def paths(kind: str, values: dict[str, Any]) -> frozenset[Path]:
    """The paths of the sensitive values; `kind` is the bare one, such as `Secret`."""
    found: list[Path] = []
    if kind == "Secret":
        for field in ("data", "stringData"):
            held = values.get(field)
            if isinstance(held, dict):
                found += [(field, key) for key in held]
    annotations = value_at(values, ("metadata", "annotations"))
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        found.append(("metadata", "annotations", LAST_APPLIED))
    for path, variable in _variables(kind, values):
        text = variable.get("value")
        if isinstance(text, str) and text and is_secret(str(variable.get("name", ""))):
            found.append((*path, "value"))
    return frozenset(found)


def is_secret(name: str) -> bool:
    """Whether the name of a variable says that its literal value is a secret."""
    return bool(_NAME.search(name))


def variables(kind: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The environment variables with literal values, of all containers of a workload."""
    return [variable for _, variable in _variables(kind, values) if "value" in variable]


def _variables(kind: str, values: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    template = kinds.POD_TEMPLATES.get(kind)
    if template is None:
        return
    pod = (*template, "spec")
    spec = value_at(values, pod)
    for field in ("containers", "initContainers", "ephemeralContainers"):
        containers = spec.get(field) if isinstance(spec, dict) else None
        for number, container in enumerate(containers if isinstance(containers, list) else ()):
            held = container.get("env") if isinstance(container, dict) else None
            for at, variable in enumerate(held if isinstance(held, list) else ()):
                if isinstance(variable, dict):
                    yield (*pod, field, number, "env", at), variable

"""Which values of a Kubernetes object must never be shown: their paths."""

from __future__ import annotations

import re
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
    template = kinds.POD_TEMPLATES.get(kind)
    if template is not None:
        found += _literals(values, (*template, "spec"))
    return frozenset(found)


def _literals(values: dict[str, Any], pod: Path) -> list[Path]:
    found: list[Path] = []
    spec = value_at(values, pod)
    for field in ("containers", "initContainers", "ephemeralContainers"):
        containers = spec.get(field) if isinstance(spec, dict) else None
        for number, container in enumerate(containers if isinstance(containers, list) else ()):
            variables = container.get("env") if isinstance(container, dict) else None
            for at, variable in enumerate(variables if isinstance(variables, list) else ()):
                if (
                    isinstance(variable, dict)
                    and isinstance(variable.get("value"), str)
                    and variable["value"]
                    and _NAME.search(str(variable.get("name", "")))
                ):
                    found.append((*pod, field, number, "env", at, "value"))
    return found

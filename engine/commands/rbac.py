"""Kinds that controls read → the rights that an audit needs: to list them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# Plurals that no rule of English gives.
_PLURALS = {"Endpoints": "endpoints", "ClusterServiceVersion": "clusterserviceversions"}
_VOWELS = "aeiou"


def plural(kind: str) -> str:
    """The name of a kind's resource, as Kubernetes and its generators form it."""
    if kind in _PLURALS:
        return _PLURALS[kind]
    name = kind.lower()
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2] not in _VOWELS:
        return f"{name[:-1]}ies"
    return f"{name}s"


def rules(kinds: Iterable[str]) -> list[dict[str, Any]]:
    """The rules of a ClusterRole that lists the kinds: one for each group, in order.

    Secrets are left out: who may list them may read them. The audit says that they were denied.
    """
    groups: dict[str, set[str]] = {}
    for name in kinds:
        version, _, kind = name.rpartition("/")
        if name != "Secret":
            groups.setdefault(version.rpartition("/")[0], set()).add(plural(kind))
    groups.setdefault("", set()).add("namespaces")  # where to ask for what is denied as a whole
    return [
        {"apiGroups": [group], "resources": sorted(held), "verbs": ["list"]}
        for group, held in sorted(groups.items())
    ]


def text(kinds: Iterable[str]) -> str:
    """The rules as YAML, the content of the chart's rules.yaml."""
    lines = ["# Generated from the controls by tests/tools/audit_role.py."]
    for rule in rules(kinds):
        lines += [f'- apiGroups: ["{rule["apiGroups"][0]}"]', "  resources:"]
        lines += [f"    - {name}" for name in rule["resources"]]
        lines.append("  verbs: [list]")
    return "\n".join(lines) + "\n"

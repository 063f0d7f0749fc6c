"""Writes engine/judge/cluster_roles.json from what a fresh API server has, as kubectl lists it.

kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o json |
    python tests/tools/cluster_roles.py v1.37.2
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "engine" / "judge" / "cluster_roles.json"
AGGREGATED = ("view", "edit", "admin")  # in the order in which they contain each other


def collect(listed: dict[str, Any]) -> dict[str, Any]:
    """Role name → rules, with the aggregated roles as the server's controller fills them."""
    items = [item for item in _sorted(listed) if item["kind"] == "ClusterRole"]
    rules = {item["metadata"]["name"]: item.get("rules") or [] for item in items}
    labels = {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in items}
    for target in AGGREGATED:
        label = f"rbac.authorization.k8s.io/aggregate-to-{target}"
        parts = [name for name in rules if labels[name].get(label) == "true"]
        rules[target] = [rule for name in parts for rule in rules[name]]
    return rules


def others(listed: dict[str, Any]) -> dict[str, Any]:
    """`Kind/namespace/name` → the rules of a Role; the role and the subjects of a binding."""
    found: dict[str, Any] = {}
    for item in _sorted(listed):
        key = (
            f"{item['kind']}/{item['metadata'].get('namespace') or '-'}/{item['metadata']['name']}"
        )
        if item["kind"] == "Role":
            found[key] = item.get("rules") or []
        elif item["kind"].endswith("Binding"):
            subjects = item.get("subjects") or []
            found[key] = {"roleRef": item["roleRef"], "subjects": subjects}
    return found


def _sorted(listed: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(listed["items"], key=lambda item: item["metadata"]["name"])


if __name__ == "__main__":
    given = json.load(sys.stdin)
    found = {"kubernetes": sys.argv[1], "roles": collect(given), "others": others(given)}
    FILE.write_text(json.dumps(found, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")

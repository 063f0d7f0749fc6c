"""Writes engine/judge/cluster_roles.json from `kubectl get clusterroles -o json` on stdin.

kubectl get clusterroles -o json | python tests/tools/cluster_roles.py v1.37.2
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
    items = sorted(listed["items"], key=lambda item: item["metadata"]["name"])
    rules = {item["metadata"]["name"]: item.get("rules") or [] for item in items}
    labels = {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in items}
    for target in AGGREGATED:
        label = f"rbac.authorization.k8s.io/aggregate-to-{target}"
        parts = [name for name in rules if labels[name].get(label) == "true"]
        rules[target] = [rule for name in parts for rule in rules[name]]
    return rules


if __name__ == "__main__":
    found = {"kubernetes": sys.argv[1], "roles": collect(json.load(sys.stdin))}
    FILE.write_text(json.dumps(found, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")

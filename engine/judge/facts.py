"""What every cluster has without anyone declaring it: the built-in cluster roles.

A binding to `cluster-admin` or `edit` must be judged by what that role allows, though no manifest
holds it. Source: the roles of a running API server (`tests/tools/cluster_roles.py` writes the
file); `admin`, `edit` and `view` with the rules that the server's controller aggregates into them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from assay.engine.model import Resource

CLUSTER_ROLE = "rbac.authorization.k8s.io/v1/ClusterRole"


@cache
def _roles() -> dict[str, Any]:
    text = resources.files("assay.engine.judge").joinpath("cluster_roles.json").read_text("utf-8")
    roles: dict[str, Any] = json.loads(text)["roles"]
    return roles


def cluster_role(name: Any, user: Resource) -> Resource | None:
    """The built-in cluster role of that name, placed where `user` speaks of it."""
    if not isinstance(name, str) or name not in _roles():
        return None
    values = {"metadata": {"name": name}, "rules": _roles()[name]}
    address = f"rbac.authorization.k8s.io/ClusterRole/-/{name}"
    return Resource(
        user.source,
        CLUSTER_ROLE,
        address,
        values,
        user.place,
        root=user.root,
        environment=user.environment,
    )

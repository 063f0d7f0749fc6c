"""What every cluster has without anyone declaring it: the built-in roles and their bindings.

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
def _facts() -> dict[str, Any]:
    text = resources.files("assay.engine.judge").joinpath("cluster_roles.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _roles() -> dict[str, Any]:
    roles: dict[str, Any] = _facts()["roles"]
    return roles


def version() -> str:
    """The version of Kubernetes whose roles are known: `v1.37.2`."""
    return str(_facts()["kubernetes"])


def built_in(kind: str, namespace: str, name: str) -> Any:
    """The rules of a built-in role; `roleRef` and `subjects` of a binding; None for no such one."""
    if kind == "ClusterRole":
        return _roles().get(name)
    return _facts()["others"].get(f"{kind}/{namespace or '-'}/{name}")


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

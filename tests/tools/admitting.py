"""Objects sent to a real API server as dry-run: what its policies warn of, and what it returns."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from tools.cluster import Cluster

from assay.engine.admission import targets

WARNED = re.compile(
    r"Validation failed for ValidatingAdmissionPolicy '([^']+)' with binding '[^']+': (.*)",
    re.DOTALL,
)
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = f"{POLICIES.removesuffix('ies')}ybindings"


class Answer(NamedTuple):
    """What the server said: the object with its defaults (None: refused), policy → message."""

    object: dict[str, Any] | None
    refused: str
    warned: dict[str, str]


def path_of(object: dict[str, Any]) -> str:
    """Where an object of its kind is created."""
    version = object["apiVersion"]
    plural = targets.plural_of(version.rpartition("/")[0], object["kind"])
    assert plural, object["kind"]
    namespace = object["metadata"].get("namespace")
    inner = f"namespaces/{namespace}/" if namespace else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}/{inner}{plural}"


def send(cluster: Cluster, object: dict[str, Any]) -> Answer:
    """One object as a server-side dry-run."""
    status, answer, warnings = cluster.answered("POST", f"{path_of(object)}?dryRun=All", object)
    warned = {}
    for warning in warnings:
        found = WARNED.match(warning)
        if found:
            warned[found[1]] = found[2]
    created = status in (200, 201)
    return Answer(answer if created else None, "" if created else str(answer["message"]), warned)


def send_all(cluster: Cluster, objects: list[dict[str, Any]]) -> list[Answer]:
    """All of them, some at a time."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda each: send(cluster, each), objects))

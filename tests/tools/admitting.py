"""Objects sent to a real API server as dry-run: which policies they violate, and what it returns.

The verdicts come from the audit log, which holds them all; warnings are cut at 4 KiB a request.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from tools.cluster import Cluster

from assay.engine.admission import targets

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = f"{POLICIES.removesuffix('ies')}ybindings"
FAILED = "validation.policy.admission.k8s.io/validation_failure"


class Answer(NamedTuple):
    """What the server said: the object with its defaults (None: refused), policy → message."""

    object: dict[str, Any] | None
    refused: str
    failed: dict[str, str]


def path_of(object: dict[str, Any]) -> str:
    """Where an object of its kind is created."""
    version = object["apiVersion"]
    plural = targets.plural_of(version.rpartition("/")[0], object["kind"])
    assert plural, object["kind"]
    namespace = object["metadata"].get("namespace")
    inner = f"namespaces/{namespace}/" if namespace else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}/{inner}{plural}"


def send_all(cluster: Cluster, objects: list[dict[str, Any]]) -> list[Answer]:
    """All of them as server-side dry-runs, some at a time; the policies' bindings audit."""

    def send(object: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
        return cluster.answered("POST", f"{path_of(object)}?dryRun=All", object)

    log = cluster.kubeconfig.with_name("audit.log")
    start = log.stat().st_size
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, objects))
    with log.open("rb") as stream:
        stream.seek(start)
        events = [json.loads(line) for line in stream]
    failed = {event["auditID"]: event.get("annotations", {}).get(FAILED) for event in events}
    found = []
    for status, answer, audit in answers:
        created = status in (200, 201)
        listed = json.loads(failed[audit] or "[]")
        verdicts = {each["policy"]: each["message"] for each in listed}
        refused = "" if created else str(answer["message"])
        found.append(Answer(answer if created else None, refused, verdicts))
    return found

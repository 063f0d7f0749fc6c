"""Record the estate's cluster: load its manifests and charts into a real API server, and snapshot.

    python tests/tools/record_cluster.py

Writes fixtures/estate/VARIANT/cluster/production.jsonl.gz for both variants, with the charts as
production renders them. Needs the parts of tests/tools/k8s and Helm. Custom kinds are served by
definitions without a schema; nothing runs, so there is no status and there are no Pods.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from tools.cluster import Cluster, running

from assay.engine import cli
from assay.engine.commands import rbac
from assay.engine.files import discover
from assay.engine.kubernetes import loader
from assay.engine.kubernetes.renderings import Rendering
from assay.engine.model import Resource

ROOT = Path(__file__).parents[2]
TIME = "2026-10-01T02:17:00Z"
# What decides on all others comes last: nobody is there to answer a webhook.
ORDER = {
    "Namespace": -1,
    "CustomResourceDefinition": -1,
    "ValidatingWebhookConfiguration": 1,
    "MutatingWebhookConfiguration": 1,
    "ValidatingAdmissionPolicyBinding": 1,
}


def declared(variant: str) -> list[Resource]:
    """What the estate declares of Kubernetes, charts as production renders them."""
    folder = Path("fixtures/estate") / variant
    charts = [
        Rendering(
            "production",
            file.parent.as_posix(),
            values=((file.parent / "values-production.yaml").as_posix(),),
        )
        for file in sorted(folder.glob("charts/*/Chart.yaml"))
    ]
    tree = discover([str(folder / "manifests"), str(folder / "charts")])
    loaded = loader.load(tree, loader.Options(renderings=tuple(charts)))
    assert not loaded.errors, loaded.errors
    kept = [found for found in loaded.resources if "apiVersion" in found.values and not found.hook]
    return sorted(kept, key=lambda found: ORDER.get(found.values["kind"], 0))


def path(value: dict[str, Any]) -> str:
    """Where an object is created."""
    version = value["apiVersion"]
    base = "/apis" if "/" in version else "/api"
    namespace = value["metadata"].get("namespace")
    inner = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}/{version}{inner}/{rbac.plural(value['kind'])}"


def definition(value: dict[str, Any]) -> dict[str, Any]:
    """A definition under which the custom object can be stored as it is."""
    group, _, version = value["apiVersion"].partition("/")
    plural = rbac.plural(value["kind"])
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced" if value["metadata"].get("namespace") else "Cluster",
            "names": {"kind": value["kind"], "plural": plural, "singular": value["kind"].lower()},
            "versions": [{**served, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def fill(cluster: Cluster, resources: list[Resource]) -> None:
    """Create every object; a kind that is not served gets a definition first."""
    import time

    # Where others install something, such as istio-system.
    for namespace in sorted({resource.namespace or "" for resource in resources} - {""}):
        if not any(resource.address == f"Namespace/-/{namespace}" for resource in resources):
            held = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            cluster.request("POST", path(held), held)
    for resource in resources:
        value = resource.values
        for attempt in range(40):
            status, answer = cluster.request("POST", path(value), value)
            if status == 404 and not attempt:
                held = definition(value)
                made, said = cluster.request("POST", path(held), held)
                if made not in (200, 201, 409):
                    sys.exit(f"{held['metadata']['name']}: {said.get('message', said)}")
            if status != 404:
                break
            time.sleep(0.25)  # until the definition is served
        if status not in (200, 201, 409):
            sys.exit(f"{resource.address} ({resource.place.file}): {answer.get('message', answer)}")
        if status == 409:  # made by the server itself
            cluster.request(
                "PATCH",
                f"{path(value)}/{value['metadata']['name']}",
                value,
                "application/merge-patch+json",
            )


def main() -> None:
    os.chdir(ROOT)
    for variant in ("weak", "hardened"):
        target = Path("fixtures/estate") / variant / "cluster"
        target.mkdir(exist_ok=True)
        file = target / "production.jsonl.gz"
        with running() as cluster:
            fill(cluster, declared(variant))
            os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
            code = cli.main(["snapshot", "--cluster", "test", "-o", str(file), "--at", TIME])
        if code:
            sys.exit(f"the snapshot of the {variant} estate is not whole")


if __name__ == "__main__":
    main()

"""How long the audit of a live cluster takes, beside the bare client's reading of the same pages.

    python tests/bench/cluster.py [NUMBER]

Starts the API server of tests/tools/k8s, loads NUMBER Deployments (20,000) and a tenth of them
before that, and prints wall seconds, peak memory and the ratio to the bare client: the pages read
with the `kubernetes` client's connection and `json.loads`, nothing kept. The last column is the
growth from a tenth to the whole, 10 where time is linear.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from tools.cluster import Cluster, running

NUMBER = 20_000
NAMESPACES = 20
THREADS = 8
RUNS = 3
READER = """\
import json, sys, time
from kubernetes import config
client = config.new_client_from_config(context="test")
pool, host = client.rest_client.pool_manager, client.configuration.host
headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
for auth in client.configuration.auth_settings().values():
    headers[auth["key"]] = auth["value"]
start, token, number = time.perf_counter(), "", 0
while True:
    path = f"{host}/apis/apps/v1/deployments?limit=500&continue={token}"
    page = json.loads(pool.request("GET", path, headers=headers).data)
    number += len(page["items"])
    token = page["metadata"].get("continue")
    if not token:
        break
"""


def deployment(number: int) -> dict[str, Any]:
    """A Deployment as a chart makes it; every seventh has faults."""
    name, good = f"service-{number:05}", number % 7
    labels = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": "Helm",
    }
    container: dict[str, Any] = {
        "name": "main",
        "image": f"registry.example.test/team/{name}@sha256:{number:064x}",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "DB", "valueFrom": {"secretKeyRef": {"name": name, "key": "url"}}},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
        "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}},
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    if good:
        container["securityContext"] = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    pod = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def fill(cluster: Cluster, numbers: range) -> None:
    """Create the Deployments of these numbers."""
    parts = [numbers[first::THREADS] for first in range(THREADS)]

    def create(part: range) -> None:
        for number in part:
            place = f"/apis/apps/v1/namespaces/bench-{number % NAMESPACES}/deployments"
            cluster.create(place, deployment(number))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(create, parts))


def measure(command: list[str], codes: tuple[int, ...] = (0, 1)) -> tuple[float, int]:
    """The shortest of RUNS in wall seconds, and the largest peak memory in MiB."""
    walls, memory = [], 0
    for _ in range(RUNS):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        walls.append(time.perf_counter() - start)
        memory = max(memory, used.ru_maxrss // 1024)
        if os.waitstatus_to_exitcode(status) not in codes:
            sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return min(walls), memory


def commands(scratch: Path) -> dict[str, list[str]]:
    """What is measured, by name."""
    assay = str(Path(sys.executable).parent / "assay")
    file = str(scratch / "cluster.jsonl.gz")
    report = f"json={scratch / 'report.json'}"
    workload = ["--framework", "pod-security-restricted"]
    return {
        "bare client and json.loads": [sys.executable, "-c", READER],
        "assay scan --cluster, every control": [assay, "scan", "--cluster", "test", "-f", report],
        "… the text report": [assay, "scan", "--cluster", "test", "--quiet"],
        "… the restricted level": [assay, "scan", "--cluster", "test", "-f", report, *workload],
        "assay snapshot": [assay, "snapshot", "--cluster", "test", "-o", file],
        "assay scan --snapshot": [assay, "scan", "--snapshot", file, "-f", report],
    }


def main(number: int) -> None:
    tenth = number // 10
    with running() as cluster, tempfile.TemporaryDirectory() as scratch:
        os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
        for each in range(NAMESPACES):
            name = {"name": f"bench-{each}"}
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": name}
            cluster.create("/api/v1/namespaces", body)
        fill(cluster, range(tenth))
        before = {name: measure(words) for name, words in commands(Path(scratch)).items()}
        fill(cluster, range(tenth, number))
        print(f"{number} Deployments{'':25} {'wall s':>8} {'MiB':>6} {'ratio':>7} {'growth':>7}")
        base = 0.0
        for name, words in commands(Path(scratch)).items():
            wall, memory = measure(words)
            base = base or wall
            growth = wall / before[name][0]
            print(f"{name:42} {wall:8.2f} {memory:6d} {wall / base:7.2f} {growth:7.1f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER)

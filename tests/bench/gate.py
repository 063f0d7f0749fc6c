"""How long the gate takes: start-up, one small file, and folders given, beside peers if installed.

    python tests/bench/gate.py [FOLDER ...]

Prints wall and processor seconds (median of RUNS) and peak memory of whole processes. A peer
(checkov, kube-score) is run on the same folder where it is on PATH.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 5
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: b}
spec: {containers: [{name: a, image: nginx}]}
"""
PEERS = {
    "checkov": ["checkov", "--quiet", "--compact", "-d"],
    "kube-score": ["kube-score", "score", "--ignore-container-cpu-limit"],
}


def measure(command: list[str], runs: int = RUNS) -> tuple[float, float, int]:
    """Median wall and processor seconds, and the largest peak memory in MiB."""
    walls, processors, memory = [], [], 0
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        walls.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processors.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        memory = max(memory, used.ru_maxrss // 1024)
    return statistics.median(walls), statistics.median(processors), memory


def row(name: str, command: list[str], base: float | None = None, runs: int = RUNS) -> float:
    """Print a row; the ratio is to `base`."""
    wall, processor, memory = measure(command, runs)
    ratio = f"{wall / base:8.1f}" if base else " " * 8
    print(f"{name:44} {wall:8.3f} {processor:8.3f} {memory:6d} {ratio}", flush=True)
    return wall


def main(folders: list[str]) -> None:
    assay = str(Path(sys.executable).parent / "assay")
    print(f"{'':44} {'wall s':>8} {'cpu s':>8} {'MiB':>6} {'ratio':>8}")
    bare = row("bare interpreter", [sys.executable, "-c", "pass"])
    row("assay --help", [assay, "--help"], bare)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "pod.yaml")
        file.write_text(POD)
        row("assay scan of one small file", [assay, "scan", str(file)], bare)
    for folder in folders:
        ours = row(f"assay scan {folder}", [assay, "scan", folder, "-f", "json"], None, 3)
        for name, command in PEERS.items():
            if shutil.which(command[0]):
                row(f"{name} {folder}", [*command, folder], ours, 1)


if __name__ == "__main__":
    main(sys.argv[1:])

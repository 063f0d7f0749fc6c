"""How long each report takes for 12,000 findings, and how much memory all of the first group.

    python tests/bench/reports.py [FINDINGS]

Target: the first group together under 4 s and 200 MB.
"""

from __future__ import annotations

import resource
import sys
import time

from assay.engine.catalogue.load import load
from assay.engine.model import STATUSES, Finding, Place, Resource, Scan, Violation
from assay.reports import formats
from assay.reports.parts.cleaned import cleaned

FIRST = (
    "json",
    "sarif",
    "gitlab-codequality",
    "gitlab-sast",
    "junit",
    "markdown",
    "csv",
    "html",
    "oscal-ar",
    "oscal-ap",
    "oscal-poam",
)


def made(size: int) -> Scan:
    """A scan of so many findings over the shipped controls; one in five fails."""
    controls = load([]).controls
    resources = [
        Resource(
            "terraform",
            "aws_instance",
            f"module.app[{n % 30}].aws_instance.node{n // 30}",
            {},
            Place(f"live/app{n // 300}/main.tf", 1 + n % 97, 3, 1 + n % 97, 20),
            root=f"live/app{n // 300}",
        )
        for n in range(max(size // len(controls), 1) * 4)
    ]

    def findings():  # type: ignore[no-untyped-def]
        each = size // len(controls) + 1
        for number in range(size):
            control, which = controls[number // each], resources[number * 7 % len(resources)]
            status = STATUSES[(0, 0, 1, 2, 0, 0, 1, 2, 0, 3)[number % 10]]
            cause = "apply" if status == "unknown" else None
            said = f"{which.address} is not as it must be" if status in ("fail", "unknown") else ""
            bad = (Violation("ingress[0].cidr_blocks", said, which.place),)
            yield Finding(
                control.id, "aws_instance", status, control.severity, which, cause, said,
                bad if status == "fail" else (), None, "Set it." if status == "fail" else "",
            )  # fmt: skip

    counts = dict.fromkeys(STATUSES, 0)
    for each in findings():
        counts[each.status] += 1
    return Scan(
        "0", "0" * 64, controls, findings, counts, resources, (), (), (), {}, ("live",),
        "2026-01-31T02:00:00Z",
    )  # fmt: skip


def main(size: int) -> None:
    """Print a row a format."""
    scan = cleaned(made(size))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    total = 0.0
    print(f"{'format':20} {'cpu s':>7} {'KiB':>8}   ({size} findings)")
    for name in formats.FORMATS:
        start = time.process_time()
        found = formats.pieces(name, scan, {}, False, False)
        written = sum(len(each) for each in found)
        took = time.process_time() - start
        total += took if name in FIRST else 0
        print(f"{name:20} {took:7.2f} {written // 1024:8d}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"first group: {total:.2f} s; peak {peak} MiB ({base} MiB before the first)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12_000)

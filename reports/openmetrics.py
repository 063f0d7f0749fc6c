"""A scan → OpenMetrics 1.0 text: counts that a monitoring system can keep and alert on.

Numbers and names of the catalogue alone: no address and no message becomes a label, so the number
of series is bounded by the catalogue. What was not evaluated has series of its own.
Source: OpenMetrics 1.0 (prometheus/OpenMetrics, specification/OpenMetrics.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from assay.engine.model import STATUSES, Scan

Labels = tuple[tuple[str, str], ...]


def render(scan: Scan) -> Iterator[str]:
    """The families in a fixed order, `# EOF` last."""
    info: Labels = (("version", scan.version), ("catalogue", scan.catalogue_digest))
    yield from _family("assay_scan", "info", "what judged", [("assay_scan_info", info, 1)])
    if scan.at is not None:
        seconds = datetime.fromisoformat(scan.at).timestamp()
        name = "assay_scan_time_seconds"
        yield from _family(name, "gauge", "when it was judged", [(name, (), seconds)], "seconds")
    totals: dict[Labels, int] = {(("status", status),): scan.counts[status] for status in STATUSES}
    yield from _gauge("assay_evaluations", "evaluations by status", totals)
    yield from _gauge("assay_findings", "evaluations by control and status", _findings(scan))
    excepted = Counter[Labels](
        (("control", each.control), ("severity", each.severity))
        for each in scan.notable()
        if each.excepted_by
    )
    yield from _gauge("assay_excepted_findings", "findings that something excepts", excepted)
    resources = Counter[Labels]((("source", each.source),) for each in scan.resources)
    yield from _gauge("assay_resources", "resources that were found", resources)
    reached: Counter[Labels] = Counter()
    for each in scan.coverage:
        key = (("control", each.control), ("source", each.source), ("state", each.state))
        reached[key] += each.number
    yield from _gauge("assay_coverage", "how far controls reached into sources", reached)
    gaps = Counter[Labels](
        (("kind", each.kind), ("state", each.state), ("blocks", str(each.blocks).lower()))
        for each in scan.gaps
    )
    yield from _gauge("assay_gaps", "parts of the input that were not evaluated", gaps)
    notices = Counter[Labels]((("code", each.code),) for each in scan.notices)
    yield from _gauge("assay_notices", "what people should know", notices)
    faults = Counter[Labels]((("code", each.code),) for each in scan.faults)
    yield from _gauge("assay_faults", "faults of the run itself", faults)
    yield "# EOF\n"


def _findings(scan: Scan) -> Counter[Labels]:
    """For every control and status that any evaluation has, how many."""
    domains = {control.id: control.domain for control in scan.controls}
    counted: Counter[tuple[str, str, str]] = Counter(
        (each.control, each.severity, each.status) for each in scan.findings()
    )
    found: Counter[Labels] = Counter()
    for (control, severity, status), number in counted.items():
        labels = (
            ("control", control),
            ("domain", domains.get(control, "")),
            ("severity", severity),
            ("status", status),
        )
        found[labels] = number
    return found


def _gauge(name: str, help: str, numbers: Mapping[Labels, int]) -> Iterator[str]:
    samples = [(name, labels, number) for labels, number in sorted(numbers.items())]
    return _family(name, "gauge", help, samples)


def _family(
    name: str,
    type: str,
    help: str,
    samples: Iterable[tuple[str, Labels, float]],
    unit: str = "",
) -> Iterator[str]:
    yield f"# TYPE {name} {type}\n"
    if unit:
        yield f"# UNIT {name} {unit}\n"
    yield f"# HELP {name} {help}\n"
    for sample, labels, number in samples:
        shown = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels)
        yield f"{sample}{{{shown}}} {number}\n" if shown else f"{sample} {number}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

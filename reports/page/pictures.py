"""Pictures of a scan as inline SVG: status by domain, zones and exposure, runs over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.engine.model import STATUSES, Resource
from assay.reports.page.markup import text

WIDTH = 860
LEFT = 150  # room for names
BARS = {
    "pass": "bp",
    "fail": "bf",
    "not_applicable": "bn",
    "unknown": "bu",
    "error": "be",
    "manual": "bm",
}
MAX_ZONES, MAX_KINDS, MAX_RUNS = 12, 10, 180


def domains(counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Stacked bars, one a domain; each has its numbers as words too."""
    if not counts:
        return
    height = 34 * len(counts) + 34
    most = max(sum(each.values()) for each in counts.values()) or 1
    yield _open(height, "Status by domain", _told(counts))
    x = LEFT
    for status in STATUSES:
        yield f'<rect class="{BARS[status]}" x="{x}" y="6" width="12" height="12"/>'
        yield f'<text x="{x + 17}" y="17">{status.replace("_", " ")}</text>'
        x += 30 + 8 * len(status)
    for row, (name, found) in enumerate(counts.items()):
        y = 34 + 34 * row
        yield f'<text x="0" y="{y + 17}">{text(name)}</text>'
        x = LEFT
        for status in STATUSES:
            width = round((WIDTH - LEFT - 70) * found.get(status, 0) / most)
            if found.get(status):
                width = max(width, 2)
                yield f'<rect class="{BARS[status]} edge" x="{x}" y="{y}" width="{width}" '
                yield f'height="24"><title>{found[status]} {status}</title></rect>'
                x += width
        yield f'<text class="t2" x="{x + 8}" y="{y + 17}">{sum(found.values())}</text>'
    yield "</svg><figcaption>Evaluations by domain and status.</figcaption></figure>\n"


def _told(counts: Mapping[str, Mapping[str, int]]) -> str:
    return "; ".join(
        f"{name}: " + ", ".join(f"{number} {status}" for status, number in each.items() if number)
        for name, each in counts.items()
    )


def estate(resources: Sequence[Resource]) -> Iterator[str]:
    """What lies in which zone, and what the internet can reach by what it declares."""
    zones, exposed = Counter[str](), Counter[str]()
    for resource in resources:
        for zone in _zones(resource.values):
            zones[zone] += 1
        if is_exposed(resource):
            exposed[resource.kind.rpartition("/")[2]] += 1
    if not zones and not exposed:
        return
    boxes = sorted(zones.items())[:MAX_ZONES]
    kinds = sorted(exposed.items(), key=lambda each: (-each[1], each[0]))[:MAX_KINDS]
    rows = max(len(boxes), len(kinds), 1)
    told = ", ".join(f"{number} in {zone}" for zone, number in boxes) or "no zone is named"
    told += "; exposed: " + (", ".join(f"{n} {kind}" for kind, n in kinds) or "nothing")
    yield _open(rows * 38 + 44, "Zones and exposure of the estate", told)
    yield '<text x="0" y="18">Zones that resources name</text>'
    for row, (zone, number) in enumerate(boxes):
        y = 32 + 38 * row
        yield f'<rect class="box" x="0" y="{y}" width="360" height="30" rx="5"/>'
        yield f'<text x="12" y="{y + 20}">{text(zone)}</text>'
        yield f'<text class="t2" x="348" y="{y + 20}" text-anchor="end">{number}</text>'
    yield '<text x="430" y="18">Open to the internet by declaration</text>'
    for row, (kind, number) in enumerate(kinds):
        y = 32 + 38 * row
        yield f'<rect class="box" x="430" y="{y}" width="420" height="30" rx="5"/>'
        yield f'<rect class="bf" x="430" y="{y}" width="6" height="30"/>'
        yield f'<text x="446" y="{y + 20}">{text(kind)}</text>'
        yield f'<text class="t2" x="838" y="{y + 20}" text-anchor="end">{number}</text>'
    if not kinds:
        yield '<text class="t2" x="430" y="52">nothing declares it</text>'
    yield "</svg><figcaption>Numbers count resources of every root and environment.</figcaption>"
    yield "</figure>\n"


def is_exposed(resource: Resource) -> bool:
    """Whether the resource declares that it is reached from the internet."""
    values, kind = resource.values, resource.kind.rpartition("/")[2]
    if kind == "Service":
        spec = values.get("spec")
        return isinstance(spec, dict) and spec.get("type") in ("LoadBalancer", "NodePort")
    if kind in ("Ingress", "Gateway"):
        return True
    if kind in ("aws_lb", "aws_alb", "aws_elb"):
        return values.get("internal") is not True
    flags = ("publicly_accessible", "map_public_ip_on_launch", "associate_public_ip_address")
    return any(values.get(flag) is True for flag in flags)


def _zones(values: Mapping[str, Any]) -> Iterator[str]:
    zone = values.get("availability_zone")
    if isinstance(zone, str):
        yield zone
    many = values.get("availability_zones")
    yield from (
        (each for each in many or () if isinstance(each, str)) if isinstance(many, list) else ()
    )


def timeline(runs: Sequence[Any]) -> Iterator[str]:
    """The runs of a history, oldest first: each a line, incomplete ones and gaps told apart."""
    if len(runs) < 2:
        return
    runs = runs[-MAX_RUNS:]
    start, end = runs[0].at, runs[-1].at
    whole = max((end - start).total_seconds(), 1.0)
    gaps = sum(bool(each.reason) for each in runs)
    told = f"{len(runs)} runs from {start:%Y-%m-%d} to {end:%Y-%m-%d}, {gaps} after a gap"
    yield _open(92, "Runs over time", told)
    yield f'<line class="ln" x1="10" y1="50" x2="{WIDTH - 10}" y2="50"/>'
    for run in runs:
        x = round(10 + (WIDTH - 20) * (run.at - start).total_seconds() / whole, 1)
        kind, top = ("bp", 32) if run.complete else ("bf", 22)
        yield f'<rect class="{kind}" x="{x - 1.5}" y="{top}" width="3" height="{68 - top}">'
        yield f"<title>{run.at:%Y-%m-%d %H:%M} {text(run.reason or 'complete')}</title></rect>"
        if run.reason:
            yield f'<text x="{x}" y="16" text-anchor="middle">gap</text>'
    yield f'<text class="t2" x="10" y="86">{start:%Y-%m-%d}</text>'
    yield f'<text class="t2" x="{WIDTH - 10}" y="86" text-anchor="end">{end:%Y-%m-%d}</text>'
    yield "</svg><figcaption>Taller lines are incomplete runs; nothing is claimed for a gap."
    yield "</figcaption></figure>\n"


def _open(height: int, title: str, told: str) -> str:
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{text(title)}: {text(told)}">'
    )

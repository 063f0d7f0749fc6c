"""A scan → JUnit XML: a suite a control, a case a finding; what was not evaluated is no pass.

fail → failure (excepted ones too, annotated), error and gaps → error, unknown and manual →
skipped; what does not apply is counted as a property and is no case.
Source: the Jenkins xUnit schema (junit-10.xsd), which GitLab reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from assay.engine.model import Finding, Place, Scan
from assay.reports.parts.times import plain_time

# Characters that XML 1.0 cannot hold, not even as a reference.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(scan: Scan) -> Iterator[str]:
    """The document a suite at a time."""
    counts = scan.counts
    stopped = sum(1 for gap in scan.gaps if gap.blocks) + len(scan.faults)
    cases = sum(counts.values()) - counts["not_applicable"] + stopped
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield (
        f'<testsuites name="assay" tests="{cases}" failures="{counts["fail"]}" '
        f'errors="{counts["error"] + stopped}" skipped="{counts["unknown"] + counts["manual"]}" '
        f'time="0">\n'
    )
    names = Names()
    for control, found in groupby(scan.findings(), key=lambda each: each.control):
        yield from _suite(control, list(found), scan, names)
    yield from _rest(scan, names)
    yield "</testsuites>\n"


class Names:
    """Names of cases, each once a class: receivers merge cases of one name."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def unique(self, suite: str, name: str) -> str:
        """The name, with a number from the second of its kind on."""
        count = self._seen[suite, name] = self._seen.get((suite, name), 0) + 1
        return name if count == 1 else self.unique(suite, f"{name} #{count}")


def _suite(control: str, found: list[Finding], scan: Scan, names: Names) -> Iterator[str]:
    count = dict.fromkeys(("pass", "fail", "not_applicable", "unknown", "error", "manual"), 0)
    for finding in found:
        count[finding.status] += 1
    yield _open(
        control,
        len(found) - count["not_applicable"],
        count["fail"],
        count["error"],
        count["unknown"] + count["manual"],
        scan,
    )
    yield f'<properties><property name="not_applicable" value="{count["not_applicable"]}"/>'
    yield "</properties>\n"
    for finding in found:
        if finding.status != "not_applicable":
            yield _case(finding, names)
    yield "</testsuite>\n"


def _open(name: str, tests: int, failures: int, errors: int, skipped: int, scan: Scan) -> str:
    stamp = f' timestamp="{plain_time(scan.at)}"' if scan.at else ""
    return (
        f'<testsuite name={_attribute(name)} tests="{tests}" failures="{failures}" '
        f'errors="{errors}" skipped="{skipped}" time="0"{stamp}>\n'
    )


def _case(finding: Finding, names: Names) -> str:
    resource = finding.resource
    where = resource.root if resource.root not in ("", ".") else ""
    if resource.environment != "default":
        where += f" ({resource.environment})"
    name = " ".join(filter(None, (finding.check + ":", resource.address, where and f"in {where}")))
    place = finding.violations[0].place if finding.violations else resource.place
    return _element(names.unique(finding.control, name), finding.control, place, _outcome(finding))


def _outcome(finding: Finding) -> str:
    status = finding.status
    if status == "pass":
        return ""
    if status == "fail":
        said = finding.message
        if finding.excepted_by:
            said = f"excepted by {finding.excepted_by}: {said}"
        lines = [
            f"{each.place.file}:{each.place.line}:{each.place.column}: {each.message}"
            + (f" [{each.path}]" if each.path else "")
            for each in finding.violations
        ]
        if finding.fix:
            lines.append(f"fix: {finding.fix}")
        return (
            f"<failure message={_attribute(said)} type={_attribute(finding.severity)}>"
            f"{_text(chr(10).join(lines))}</failure>"
        )
    if status == "error":
        return f'<error message={_attribute(finding.message)} type="error"/>'
    cause = f" ({finding.cause})" if finding.cause else ""
    return f"<skipped message={_attribute(f'{status}{cause}: {finding.message}')}/>"


def _rest(scan: Scan, names: Names) -> Iterator[str]:
    gaps = [gap for gap in scan.gaps if gap.blocks]
    if not gaps and not scan.faults:
        return
    total = len(gaps) + len(scan.faults)
    yield _open("assay-coverage", total, 0, total, 0, scan)
    for gap in gaps:
        name = names.unique("assay-coverage", f"{gap.kind}: {gap.subject}")
        said = f"not evaluated: {gap.state.replace('_', ' ')}: {gap.reason}"
        outcome = f'<error message={_attribute(said)} type="coverage"/>'
        yield _element(name, "assay-coverage", gap.place or Place(""), outcome)
    for fault in scan.faults:
        name = names.unique("assay-coverage", f"fault: {fault.code}")
        outcome = f'<error message={_attribute(fault.message)} type="fault"/>'
        yield _element(name, "assay-coverage", Place(""), outcome)
    yield "</testsuite>\n"


def _element(name: str, suite: str, place: Place, outcome: str) -> str:
    at = f' file={_attribute(place.file)} line="{place.line}"' if place.file else ""
    head = f'<testcase name={_attribute(name)} classname={_attribute(suite)}{at} time="0"'
    return f"{head}>{outcome}</testcase>\n" if outcome else f"{head}/>\n"


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("�", text), {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("�", text), {"\r": "&#13;"})

"""Every format: valid, complete, safe with hostile names, the same bytes each time."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from assay.engine.model import Fault, Finding, Gap, Notice, Place, Resource, Scan, Violation
from assay.reports import formats, markdown

HERE = Path(__file__).parent
HOSTILE = "<script>alert(1)</script>\x1b[31m\x00\u202e]]>&\"'`|\n=cmd|'A0 @all [x](javascript:1)"
STATUSES = ("pass", "fail", "not_applicable", "unknown", "error", "manual")


class Control:
    """What reports read of a control."""

    def __init__(self, id: str, title: str = "Pods are good") -> None:
        self.id, self.title, self.severity, self.domain = id, title, "high", "network"
        self.why, self.frameworks, self.checks, self.equivalents = "Because.", (), (), {}
        self.file, self.line, self.manual, self.params = "rules/a.yaml", 1, "", ()


def resource(address: str, file: str = "a.yaml", line: int = 1) -> Resource:
    return Resource("manifest", "Pod", address, {}, Place(file, line, 1))


def finding(status: str, address: str, message: str = "bad", **more: Any) -> Finding:
    owner = more.pop("owner", None) or resource(address, more.pop("file", "a.yaml"))
    violations = (Violation("spec", message, owner.place),) if status == "fail" else ()
    cause = "apply" if status == "unknown" else None
    return Finding(
        "network-x", "Pod", status, "high", owner, cause, message, violations, fix="Mend.", **more
    )


def made(*findings: Finding, at: str | None = None, **more: Any) -> Scan:
    counts = {each: sum(found.status == each for found in findings) for each in STATUSES}
    resources = list({id(each.resource): each.resource for each in findings}.values())
    scan = Scan(
        "1.2", "d" * 64, (Control("network-x"),), lambda: iter(findings), counts, resources,
        (), (), (), {}, ("estate",), at,
    )  # fmt: skip
    return scan._replace(**more)


def everything(word: str = "plain") -> Scan:
    """One finding of each status and one of everything else, all named by the word."""
    place = Place(f"{word}.yaml", 3, 2)
    return made(
        *(finding(status, f"Pod/x/{word}-{status}", f"{word} said", file=f"{word}.yaml")
          for status in STATUSES),
        finding("fail", f"Pod/x/{word}-excepted", excepted_by="EXC-1", file="b.yaml"),
        gaps=(
            Gap("file", f"{word}-gap", "not_parsed", f"{word} reason", place),
            Gap("permission", "v1/Secret", "denied", "forbidden"),
            Gap("document", "readme", "not_applicable", "nothing", None, False),
        ),
        faults=(Fault("run-fault", f"{word} fault"),),
        notices=(Notice("exception-unused", "EXC-2", f"{word} notice", place),),
        at="2026-01-31T02:00:00Z",
    )  # fmt: skip


def rendered(name: str, scan: Scan) -> bytes:
    whole = formats.pieces(name, scan, {}, False, False)
    return b"".join(each if isinstance(each, bytes) else each.encode() for each in whole)


def text(name: str, scan: Scan) -> str:
    return rendered(name, scan).decode()


NAMES = [name for name in formats.FORMATS if not name.startswith("oscal")]
WORDY = [name for name in NAMES if name not in ("text", "openmetrics", "pdf")]


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_scan_and_a_full_one_render_to_the_same_bytes_twice(name: str) -> None:
    assert rendered(name, made()) == rendered(name, made())
    assert rendered(name, everything()) == rendered(name, everything())


@pytest.mark.parametrize("name", WORDY)
def test_what_was_not_evaluated_is_in_every_format(name: str) -> None:
    shown = text(name, everything())
    for status in ("unknown", "error", "manual"):
        assert f"plain-{status}" in shown.replace("\\", ""), status
    for word in ("plain-gap", "v1/Secret", "plain fault"):
        assert word in shown.replace("\\", ""), word
    assert "EXC-1" in shown.replace("\\", "")


@pytest.mark.parametrize("name", WORDY)
def test_hostile_names_are_data(name: str) -> None:
    shown = text(name, everything(HOSTILE))
    assert "\x1b" not in shown
    assert "\x00" not in shown
    if name in ("html", "junit"):
        assert "<script" not in shown
    if name in ("json", "sarif", "ocsf", "hdf", "gitlab-codequality", "gitlab-sast"):
        json.loads(shown)


def entries(scan: Scan) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text("gitlab-codequality", scan))
    return found


def test_code_quality_has_unique_fingerprints_and_relative_paths() -> None:
    found = entries(made(*(finding("fail", f"Pod/x/{n}", file=f"./{n}.yaml") for n in range(9))))
    assert len({each["fingerprint"] for each in found}) == len(found) == 9
    for each in found:
        assert set(each) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert each["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert not each["location"]["path"].startswith(("/", "./"))


def test_code_quality_fingerprints_survive_moved_lines_and_new_instances() -> None:
    def prints(line: int, *addresses: str) -> set[str]:
        owners = (
            Resource("terraform", "aws_x", address, {}, Place("m.tf", line))
            for address in addresses
        )
        found = made(*(finding("fail", "", owner=owner) for owner in owners))
        return {each["fingerprint"] for each in entries(found)}

    alone = prints(3, "module.a[0].aws_x.y")
    assert len(alone) == 1
    assert alone == prints(30, "module.b.aws_x.y[1]", "module.a[0].aws_x.y")
    assert alone != prints(3, "module.a[0].aws_x.z")


def test_an_excepted_fail_stays_one_and_does_not_stop_a_merge() -> None:
    entry = next(each for each in entries(everything()) if "EXC-1" in each["description"])
    assert entry["severity"] == "info"
    tree = ET.fromstring(text("junit", everything()))
    said = [each.get("message") or "" for each in tree.iter("failure")]
    assert [each for each in said if each.startswith("excepted by EXC-1")]


def test_junit_counts_what_it_holds_and_names_every_case_once() -> None:
    twins = made(*(finding("fail", "Pod/x/same", owner=resource("Pod/x/same")) for _ in range(3)))
    for scan in (everything(), everything(HOSTILE), twins, made()):
        tree = ET.fromstring(text("junit", scan))
        cases = list(tree.iter("testcase"))
        assert len({(each.get("classname"), each.get("name")) for each in cases}) == len(cases)
        for suite in (tree, *tree.iter("testsuite")):
            inside = list(suite.iter("testcase"))
            counted = {
                "tests": len(inside),
                "failures": sum(each.find("failure") is not None for each in inside),
                "errors": sum(each.find("error") is not None for each in inside),
                "skipped": sum(each.find("skipped") is not None for each in inside),
            }
            assert {key: int(suite.get(key, "-1")) for key in counted} == counted


def test_junit_is_read_by_a_reader_of_others() -> None:
    reader = pytest.importorskip("junitparser")
    found = reader.JUnitXml.fromstring(rendered("junit", everything()))
    assert (found.tests, found.failures, found.errors, found.skipped) == (9, 2, 4, 2)


def test_gitlab_sast_is_valid_and_its_times_have_no_zone_letter() -> None:
    schema = json.loads((HERE / "schemas" / "gitlab-sast-15.json").read_text())
    for scan in (everything(), everything(HOSTILE), made()):
        document = json.loads(text("gitlab-sast", scan))
        jsonschema.validate(document, schema)
        ids = [each["id"] for each in document["vulnerabilities"]]
        assert len(set(ids)) == len(ids)
    found = json.loads(text("gitlab-sast", everything()))["scan"]
    assert found["start_time"] == found["end_time"] == "2026-01-31T02:00:00"
    assert found["status"] == "failure"


def rows(scan: Scan) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text("csv", scan), newline="")))


def test_csv_has_a_row_for_every_finding_and_gap_and_no_formula() -> None:
    found = rows(everything())
    assert [each["record"] for each in found].count("finding") == 7
    assert [each["status"] for each in found if each["record"] == "finding"][:6] == list(STATUSES)
    assert {"gap", "notice", "fault", "ignored"} <= {each["record"] for each in found}
    for start in ("=", "+", "-", "@", "\t", "\r", " =", "\n="):
        for row in rows(everything(f"{start}1+1")):
            for cell in row.values():
                assert not re.match(r"\s*[=+\-@]", cell), cell


def test_markdown_fits_a_comment_and_says_what_was_cut() -> None:
    many = made(
        *(finding("fail", f"Pod/x/{n}", f"Pod {n} is bad", file=f"{n}.yaml") for n in range(2000)),
        finding("unknown", "Pod/x/unsure"),
    )
    shown = text("markdown", many)
    assert len(shown.encode()) < markdown.MAX_BYTES + 200
    written = shown.count("| `network-x` |")
    assert f"**{2001 - written} more rows are left out here**" in shown
    assert "Pod/x/unsure" in shown


def test_markdown_links_nothing_and_mentions_nobody() -> None:
    shown = text("markdown", everything(HOSTILE))
    plain = re.sub(r"`[^`\n]*`", "", shown)
    assert re.search(r"(?<!\\)(?:\]\(|<script|@all)", plain) is None
    assert "\\@all" in plain


def test_an_instance_is_no_line_of_its_own_for_people() -> None:
    place = Place("m.tf", 3)
    owners = [Resource("terraform", "x", f"module.m[{n}].x.y", {}, place) for n in range(30)]
    scan = made(*(finding("fail", "", owner=each) for each in owners))
    assert len(entries(scan)) == 1
    assert "29 more instances" in entries(scan)[0]["description"]
    assert len(rows(scan)) == 30


def test_sarif_says_what_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.reports import sarif

    many = made(*(finding("fail", f"Pod/x/{n}", file=f"{n}.yaml") for n in range(50)))
    for limit, value in (("MAX_RESULTS", 20), ("MAX_BYTES", 20_000)):
        with monkeypatch.context() as patch:
            patch.setattr(sarif, limit, value)
            shown = text("sarif", many)
        run = json.loads(shown)["runs"][0]
        cut = 50 - len(run["results"])
        assert 0 < cut < 50
        said = run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"]
        assert said.startswith(f"{cut} results are left out")
        assert limit != "MAX_BYTES" or len(shown.encode()) <= value


def test_an_alias_is_the_format_that_it_means() -> None:
    assert [each.format for each in formats.parse(["codequality=a", "md=b", "sast=c"])] == [
        "gitlab-codequality",
        "markdown",
        "gitlab-sast",
    ]
    assert set(formats.ALIASES.values()) <= set(formats.FORMATS)
    assert not set(formats.ALIASES) & set(formats.FORMATS)

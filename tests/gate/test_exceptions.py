"""Exceptions and baselines annotate fails; the gate opens only for what they cover."""

from __future__ import annotations

import resource
import signal
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assay.engine import baseline, cli, exceptions, gate
from assay.engine.errors import InputError
from assay.engine.model import Finding, Gap, Place, Resource, Scan, Violation

TODAY = date(2026, 6, 1)
GOOD = """
id: EX-1
controls: [backup-database]
resources: [{address: aws_db_instance.a}]
reason: The database is rebuilt each night.
compensating: The source is backed up.
requester: ann@example.com
approver: bob@example.com
approved: 2026-01-01
expires: 2026-12-01
"""


def finding(address: str, status: str = "fail", severity: str = "high", **values: Any) -> Finding:
    place = Place("main.tf", 3, 1)
    resource = Resource("terraform", "aws_db_instance", address, values, place)
    violation = Violation("backup", f"{address} is bad", place)
    found = (violation,) if status == "fail" else ()
    return Finding(
        "backup-database", "aws_db_instance", status, severity, resource, None, "", found
    )


def scan(*findings: Finding, gaps: tuple[Gap, ...] = ()) -> Scan:
    resources = [each.resource for each in findings]
    return Scan("0", "d", (), lambda: iter(findings), {}, resources, (), gaps, (), {}, (), None)


def accepted(tmp_path: Path, text: str) -> tuple[exceptions.Acceptance, ...]:
    (tmp_path / "a.yaml").write_text(text)
    return exceptions.read(str(tmp_path), frozenset({"backup-database"}))


def outcome(found: Scan) -> tuple[dict[str, str | None], list[str]]:
    covered = {each.resource.address: each.excepted_by for each in found.findings()}
    return covered, [notice.code for notice in found.notices]


def test_an_exception_covers_exactly_what_it_names(tmp_path: Path) -> None:
    found = scan(finding("aws_db_instance.a"), finding("aws_db_instance.ab"))
    applied = exceptions.apply(found, accepted(tmp_path, GOOD), TODAY)
    assert outcome(applied) == ({"aws_db_instance.a": "EX-1", "aws_db_instance.ab": None}, [])
    assert {each.status for each in applied.findings()} == {"fail"}
    blocks = gate.blocks(applied, gate.GateOptions())
    assert [block.subject for block in blocks] == ["backup-database aws_db_instance.ab"]


@pytest.mark.parametrize(
    ("change", "today", "code"),
    [
        (("expires: 2026-12-01", "expires: 2026-05-31"), TODAY, "exception-expired"),
        (("expires: 2026-12-01", "expires: next summer"), TODAY, "exception-expired"),
        (("expires: 2026-12-01", "expires: 2027-01-02"), TODAY, "exception-expired"),
        (("approved: 2026-01-01", "approved: 2026-06-02"), TODAY, "exception-expired"),
        (("aws_db_instance.a", "aws_db_instance.z"), TODAY, "exception-unused"),
    ],
    ids=["expired", "malformed", "more than a year", "not yet", "unused"],
)
def test_what_is_not_in_force_covers_nothing(
    tmp_path: Path, change: tuple[str, str], today: date, code: str
) -> None:
    applied = exceptions.apply(
        scan(finding("aws_db_instance.a")), accepted(tmp_path, GOOD.replace(*change)), today
    )
    assert outcome(applied) == ({"aws_db_instance.a": None}, [code])


def test_a_broad_exception_covers_patterns_and_is_named(tmp_path: Path) -> None:
    text = GOOD.replace("{address: aws_db_instance.a}", "{address: 'aws_db_*'}") + "broad: true\n"
    applied = exceptions.apply(scan(finding("aws_db_instance.a")), accepted(tmp_path, text), TODAY)
    assert outcome(applied) == ({"aws_db_instance.a": "EX-1"}, ["exception-broad"])
    assert applied.notices[0].message.endswith("covers whatever matches, now 1 fail")


def test_the_first_of_several_exceptions_is_named_and_each_counts_as_used(tmp_path: Path) -> None:
    broad = GOOD.replace("EX-1", "EX-2").replace("{address: aws_db_instance.a}", "{kind: 'aws*'}")
    again = GOOD.replace("EX-1", "EX-3").replace("{address", "{kind: aws_db_instance, address")
    for number, text in enumerate((broad + "broad: true\n", GOOD, again)):
        (tmp_path / f"{number}.yaml").write_text(text)
    found = exceptions.read(str(tmp_path), frozenset({"backup-database"}))
    applied = exceptions.apply(scan(finding("aws_db_instance.a"), finding("b")), found, TODAY)
    assert outcome(applied) == ({"aws_db_instance.a": "EX-2", "b": "EX-2"}, ["exception-broad"])
    assert outcome(exceptions.apply(scan(finding("aws_db_instance.a")), found[1:], TODAY)) == (
        {"aws_db_instance.a": "EX-1"},
        [],
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("{address: aws_db_instance.a}", "{address: 'aws_db_*'}"), "exception-broad"),
        (("{address: aws_db_instance.a}", "{kind: aws_db_instance}"), "exception-broad"),
        (("bob@example.com", "Ann@example.com"), "exception-approver"),
        (("backup-database", "backup-databse"), "no-control"),
        (("reason:", "raeson:"), "control-key"),
        (("compensating: The source is backed up.\n", ""), "control-missing"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: tuple[str, str], code: str) -> None:
    with pytest.raises(InputError) as caught:
        accepted(tmp_path, GOOD.replace(*change))
    assert code in [problem.code for problem in caught.value.problems]


def test_a_baseline_holds_fails_by_content_and_expires(tmp_path: Path) -> None:
    before = scan(finding("aws_db_instance.a", backup=1), finding("aws_db_instance.b", backup=2))
    file = tmp_path / "baseline.json"
    file.write_text(baseline.write(before, TODAY))
    held = baseline.read(str(file))
    after = scan(finding("aws_db_instance.a", backup=1), finding("aws_db_instance.b", backup=3))
    applied = baseline.apply(after, held, TODAY)
    covered = {"aws_db_instance.a": "baseline", "aws_db_instance.b": None}
    assert outcome(applied) == (covered, ["baseline-unused"])
    late = baseline.apply(before, held, date(2026, 12, 1))
    assert outcome(late) == (dict.fromkeys(covered), ["baseline-expired"])


def test_no_secret_decides_a_digest_of_a_baseline() -> None:
    found = [finding("aws_db_instance.a", backup=f"not-a-real-secret-{n}") for n in (1, 2)]
    plain = [baseline.entry(each) for each in found]
    for each in found:
        each.resource.sensitive = frozenset({("backup",)})
    marked = [baseline.entry(each) for each in found]
    assert plain[0] != plain[1]
    assert marked[0] == marked[1]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "x"}', "[" * 100_000])
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        baseline.read(str(file))
    assert [problem.code for problem in caught.value.problems] == ["baseline-shape"]


@pytest.mark.parametrize(
    ("found", "options", "reasons"),
    [
        (scan(finding("a", severity="low")), {"fail_on": "medium"}, []),
        (scan(finding("a", severity="medium")), {"fail_on": "medium"}, ["fail"]),
        (scan(finding("a", "error")), {}, ["error"]),
        (scan(finding("a", "error")), {"allow": (("error", "a"),)}, []),
        (scan(finding("a", "unknown")), {}, []),
        (scan(finding("a", "unknown")), {"strict": True}, ["unknown"]),
        (scan(finding("a", "unknown")._replace(cause="module")), {}, ["unknown"]),
        (scan(gaps=(Gap("module", "m", "unavailable", "r"),)), {}, ["coverage"]),
        (scan(gaps=(Gap("module", "m", "unavailable", "r"),)), {"allow": (("module", "*"),)}, []),
        (scan(gaps=(Gap("document", "m", "not_parsed", "r", None, False),)), {}, []),
        (
            scan(finding("a", "pass"), gaps=(Gap("module", "m", "unavailable", "r"),)),
            {"coverage": 0.5},
            [],
        ),
    ],
)
def test_the_gate(found: Scan, options: dict[str, Any], reasons: list[str]) -> None:
    blocks = gate.blocks(found, gate.GateOptions(**options))
    assert [block.reason for block in blocks] == reasons


def test_a_baseline_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.tf").write_text('resource "aws_db_instance" "a" {}')
    words = ["baseline", "write", "main.tf", "-o", "known.json"]
    assert cli.main(words) == 0
    before = (tmp_path / "known.json").read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, old[1]))
    try:
        assert cli.main(words) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert capsys.readouterr().err.startswith("error[report-write]: ")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()}["known.json"] == before
    assert {file.name for file in tmp_path.iterdir()} == {"main.tf", "known.json"}

"""`assay compare`: checkov's verdicts beside ours, and other tools' skips as exceptions."""

from __future__ import annotations

import json
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tools import rulings

from assay.engine import comparison
from assay.engine.catalogue.load import load
from assay.engine.cli import main

TERRAFORM = """
    resource "aws_db_instance" "one" {
      multi_az = false
      #checkov:skip=CKV_AWS_157:a cache, rebuilt in an hour
    }
    resource "aws_db_instance" "two" {
      multi_az = true
    }
    # trivy:ignore:AVD-AWS-9999
    resource "aws_db_instance" "three" {}
"""
MANIFEST = """
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: web
      namespace: shop
      annotations: {checkov.io/skip1: CKV_K8S_16=needed for the probe}
    spec:
      template:
        spec:
          containers: [{name: web, image: web, securityContext: {privileged: true}}]
"""


def entry(check: str, path: str, resource: str) -> dict[str, Any]:
    return {"check_id": check, "file_path": path, "file_line_range": [2, 5], "resource": resource}


CHECKOV = [
    {
        "check_type": "terraform",
        "results": {
            "passed_checks": [entry("CKV_AWS_157", "/main.tf", "aws_db_instance.three")],
            "failed_checks": [
                entry("CKV_AWS_157", "/main.tf", "aws_db_instance.one"),
                entry("CKV_AWS_00000", "/main.tf", "aws_db_instance.one"),
            ],
        },
    },
    {
        "check_type": "kubernetes",
        "results": {
            "passed_checks": [],
            "failed_checks": [entry("CKV_K8S_16", "/web.yaml", "Deployment.shop.web")],
        },
    },
    {"passed": 0, "failed": 0},
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "main.tf").write_text(textwrap.dedent(TERRAFORM))
    (tmp_path / "web.yaml").write_text(textwrap.dedent(MANIFEST))
    (tmp_path / "checkov.out").write_text(json.dumps(CHECKOV))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_both_verdicts_side_by_side(project: Path, capsys: Any) -> None:
    assert main(["compare", "checkov", ".", "--output", "checkov.out", "-f", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    rows = [
        (row["check"], row["resource"], row["theirs"], row["ours"], row["agrees"])
        for row in found["rows"]
    ]
    assert (found["pairs"], found["agreements"], found["unmatched"]) == (3, 2, 1)
    assert rows == [
        ("CKV_AWS_157", "aws_db_instance.one", "fail", "fail", True),
        ("CKV_AWS_157", "aws_db_instance.three", "pass", "fail", False),
        ("CKV_K8S_16", "Deployment.shop.web", "fail", "fail", True),
    ]


def test_a_ruling_settles_a_disagreement(project: Path, capsys: Any, monkeypatch: Any) -> None:
    ruling = {
        "number": 900,
        "checks": ["CKV_AWS_157"],
        "ours": ["fail"],
        "subject": "a database in one zone",
        "because": "A fail: the default is one zone",
    }
    monkeypatch.setattr(comparison, "_rulings", lambda: [ruling])
    assert main(["compare", "checkov", ".", "--output", "checkov.out"]) == 0
    said = capsys.readouterr().out
    assert "ruling: 900: a database in one zone. A fail: the default is one zone" in said
    assert "3 verdicts of both: 2 agree, 66.7 %; 1 differ, 0 of them without a ruling" in said


def test_shipped_rulings_are_those_of_the_documentation() -> None:
    shipped = (rulings.ROOT / "rules/rulings.json").read_text("utf-8")
    assert shipped == rulings.text(), "run tests/tools/rulings.py"


def test_shipped_rulings_name_checks_that_controls_name() -> None:
    known = {
        check for control in load().controls for check in control.equivalents.get("checkov", ())
    }
    for ruling in comparison._rulings():
        assert ruling["checks"], ruling["number"]
        assert set(ruling["checks"]) <= known, ruling["number"]


@pytest.mark.parametrize("text", ["", "[", '[{"results": {"failed_checks": [{}]}}]', "[1]"])
def test_output_that_is_none_is_one_clear_message(text: str, project: Path, capsys: Any) -> None:
    Path("checkov.out").write_text(text)
    assert main(["compare", "checkov", ".", "--output", "checkov.out"]) == 2
    assert "error[compare-output]" in capsys.readouterr().err


def test_without_checkov_it_says_how_to_get_it(project: Path, capsys: Any) -> None:
    assert main(["compare", "checkov", ".", "--command", "no-such-checkov"]) == 2
    said = capsys.readouterr().err
    assert "error[compare-missing]" in said
    assert "pipx install checkov" in said


def test_skips_are_listed_and_become_exceptions(project: Path, capsys: Any) -> None:
    words = ["--requester", "ann", "--approver", "bob", "--at", "2026-01-31T00:00:00Z"]
    Path("exceptions").mkdir()
    output = ["-o", "exceptions/skips.yaml"]
    assert main(["compare", "skips", ".", "-f", "json", *output, *words]) == 0
    found = json.loads(capsys.readouterr().out)["skips"]
    assert [(each["tool"], each["check"], each["line"]) for each in found] == [
        ("checkov", "CKV_AWS_157", 4),
        ("trivy", "AVD-AWS-9999", 9),
        ("checkov", "CKV_K8S_16", 7),
    ]
    assert found[0]["excuses"] == [
        {"control": "multi-az-database", "address": "aws_db_instance.one"}
    ]
    assert found[1]["controls"] == []
    when = ["--at", "2026-02-01T00:00:00Z", "--control", "multi-az-database", "-f", "json"]
    main(["scan", ".", "--exceptions", "exceptions", *when])
    judged = json.loads(capsys.readouterr().out)
    assert [
        (each["resource"]["address"], each["status"], each["excepted_by"])
        for each in judged["findings"]
    ] == [
        ("aws_db_instance.one", "fail", "checkov-skip-1"),
        ("aws_db_instance.two", "pass", None),
        ("aws_db_instance.three", "fail", None),
    ]


def test_exceptions_need_two_people(project: Path, capsys: Any) -> None:
    words = ["compare", "skips", ".", "-o", "out.yaml"]
    assert main(words) == 2
    assert main([*words, "--requester", "ann", "--approver", "Ann"]) == 2
    assert main([*words, "--requester", "ann", "--approver", "bob", "--days", "400"]) == 2
    assert capsys.readouterr().err.count("error[usage]") == 3


def test_the_commands_of_the_page_work(project: Path, capsys: Any) -> None:
    page = (rulings.ROOT / "docs/compare.md").read_text("utf-8")
    commands = [
        line[8:].split(" #")[0] for line in page.splitlines() if line.startswith("$ assay ")
    ]
    Path("infra").symlink_to(".")
    Path("checkov.json").write_text(Path("checkov.out").read_text())
    Path("exceptions").mkdir()
    codes = {}
    for command in commands:
        if command.endswith("checkov infra/"):
            continue  # runs checkov itself
        codes[command.split()[0] + str(len(codes))] = main(shlex.split(command))
    assert codes == {"compare0": 1, "compare1": 0, "compare2": 0}
    assert "- id: checkov-skip-1" in Path("exceptions/moved.yaml").read_text("utf-8")
    assert capsys.readouterr().err == ""

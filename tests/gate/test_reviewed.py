"""Exceptions and baselines are read from the reviewed commit, and a change to them is a finding."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from assay.engine import cli

TERRAFORM = 'resource "aws_db_instance" "orders" { multi_az = false }\n'
EXCEPTION = """
id: EX-1
controls: [multi-az-database]
resources: [{address: aws_db_instance.orders}]
reason: Rebuilt each night.
compensating: The source is copied.
requester: ann
approver: bob
approved: 2026-01-01
expires: 2026-12-01
"""
WORDS = ["--control", "multi-az-database", "--at", "2026-03-01", "--exceptions", "exceptions"]


def git(*words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("tf/main.tf", TERRAFORM), ("exceptions/a.yaml", EXCEPTION)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "reviewed")
    return tmp_path


def scan(*words: str) -> tuple[int, list[tuple[str, str, str | None]]]:
    """The exit code, and each finding's control, status and who accepted it."""
    code = cli.main(["scan", "tf", "-f", "json=out.json", *WORDS, *words])
    found = json.loads(Path("out.json").read_text())["findings"]
    return code, [(each["check"], each["status"], each["excepted_by"]) for each in found]


def test_what_was_reviewed_counts(repository: Path) -> None:
    expected = [("aws_db_instance", "fail", "EX-1")]
    assert scan("--exceptions-at", "HEAD") == (0, expected)


def test_an_exception_of_the_branch_itself_covers_nothing(repository: Path) -> None:
    file = repository / "exceptions" / "a.yaml"
    file.write_text(EXCEPTION.replace("orders", "another"))
    git("commit", "-qam", "reviewed: another one")
    file.write_text(EXCEPTION)
    changed = ("exceptions-changed", "error", None)
    assert scan("--exceptions-at", "HEAD") == (1, [("aws_db_instance", "fail", None), changed])
    assert scan() == (0, [("aws_db_instance", "fail", "EX-1")])


@pytest.mark.parametrize("what", ["change", "remove", "add"])
def test_every_change_is_a_finding_that_can_be_allowed_by_name(repository: Path, what: str) -> None:
    file = repository / "exceptions" / ("b.yml" if what == "add" else "a.yaml")
    if what == "remove":
        file.unlink()
    else:
        file.write_text(EXCEPTION.replace("EX-1", "EX-2"))
    expected = [("aws_db_instance", "fail", "EX-1"), ("exceptions-changed", "error", None)]
    assert scan("--exceptions-at", "HEAD") == (1, expected)
    allowed = ["--allow", f"source:exceptions/{file.name}"]
    assert scan("--exceptions-at", "HEAD", *allowed) == (0, expected)


def test_a_baseline_is_read_there_too(repository: Path) -> None:
    words = ["baseline", "write", "tf", "-o", "baseline.json", "--at", "2026-03-01"]
    assert cli.main(words) == 0
    git("add", ".")
    git("commit", "-qm", "reviewed: a baseline")
    (repository / "exceptions" / "a.yaml").unlink()
    (repository / "exceptions" / "keep").write_text("")
    git("add", "-A")
    git("commit", "-qm", "no exception")
    baseline = ["--baseline", "baseline.json", "--exceptions-at", "HEAD"]
    assert scan(*baseline) == (0, [("aws_db_instance", "fail", "baseline")])
    (repository / "baseline.json").write_text("{}")
    assert scan(*baseline)[0] == 1
    assert scan(*baseline)[1][0] == ("aws_db_instance", "fail", "baseline")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--exceptions-at", "no-such-branch"], "git"),
        (["--exceptions-at", "--output=x"], "usage"),
        (["--exceptions-at", "-x"], "usage"),
    ],
)
def test_what_is_no_revision_is_said(
    repository: Path, words: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["scan", "tf", *WORDS, *words]) == 2
    assert f"error[{code}]" in capsys.readouterr().err


def test_a_comment_only_refers_to_an_exception(repository: Path) -> None:
    (repository / "tf" / "main.tf").write_text(
        f"# assay:exception EX-1\n{TERRAFORM}"
        "# assay:exception EX-2\n"
        'resource "aws_db_instance" "other" { multi_az = false } # assay:exception EX-1\n'
    )
    other = ("aws_db_instance", "fail", None)
    assert scan() == (1, [("aws_db_instance", "fail", "EX-1"), other])
    notices = json.loads(Path("out.json").read_text())["notices"]
    assert [(each["code"], each["subject"], each["line"]) for each in notices] == [
        ("exception-reference", "EX-2", 3)
    ]
    (repository / "exceptions" / "a.yaml").write_text(EXCEPTION.replace("12-01", "02-01"))
    assert scan()[1][0] == ("aws_db_instance", "fail", None)
    notices = json.loads(Path("out.json").read_text())["notices"]
    assert [each["code"] for each in notices] == ["exception-expired"] + ["exception-reference"] * 3


def test_a_repositorys_settings_run_nothing(repository: Path) -> None:
    git("config", "core.fsmonitor", "touch ran")
    git("config", "core.pager", "touch ran")
    assert scan("--exceptions-at", "HEAD")[0] == 0
    assert not (repository / "ran").exists()

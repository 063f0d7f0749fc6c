"""The files for pipelines: where their ecosystems look for them, doing what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.engine import cli
from assay.engine.commands import init_texts

ROOT = Path(__file__).parents[2]
DATABASE = 'resource "aws_db_instance" "%s" { multi_az = false }\n'
INPUT = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


def git(*words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    ran = subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an old fail, and `assay` on PATH."""
    folder = tmp_path / "repository"
    programs = tmp_path / "bin"
    (folder / "tf").mkdir(parents=True)
    programs.mkdir()
    program = programs / "assay"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; from assay.engine.cli import main; '
        'sys.exit(main(sys.argv[1:]))" "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    (folder / "tf" / "main.tf").write_text(DATABASE % "old")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "old")
    return folder


def component(**given: str) -> dict[str, Any]:
    """The jobs of the component with inputs put in, as GitLab does."""
    text = (ROOT / "templates/assay/template.yml").read_text("utf-8")
    head, _, body = text.partition("\n---\n")
    inputs = yaml.safe_load(head)["spec"]["inputs"]
    used = set(INPUT.findall(body))
    assert used == set(inputs)
    assert set(given) <= used
    values = {name: str(given.get(name, spec["default"])) for name, spec in inputs.items()}
    found: dict[str, Any] = yaml.safe_load(INPUT.sub(lambda match: values[match[1]], body))
    return found


def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        ["bash", "-e", "-c", script], env=environment, capture_output=True, text=True
    )


def test_the_component_gates_what_a_merge_request_brings(repository: Path) -> None:
    job = component(install="true", arguments="--control multi-az-database")["assay"]
    script = "\n".join(job["script"])
    base = git("rev-parse", "HEAD")
    assert run(script).returncode == 1
    assert run(script, CI_MERGE_REQUEST_DIFF_BASE_SHA=base).returncode == 0
    (repository / "tf" / "new.tf").write_text(DATABASE % "new")
    ran = run(script, CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert ran.returncode == 1
    assert "aws_db_instance.new" in ran.stdout
    reports = job["artifacts"]["reports"]
    assert sorted(reports) == ["codequality", "junit", "sast"]
    for name in (*reports.values(), *job["artifacts"]["paths"]):
        assert Path(name).stat().st_size > 0


def test_the_component_keeps_evidence(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    key, public = str(tmp_path / "key.pem"), str(tmp_path / "public.pem")
    run(f"openssl ecparam -name prime256v1 -genkey -noout -out {key}").check_returncode()
    run(f"openssl pkey -in {key} -pubout -out {public}").check_returncode()
    job = component(install="true")["assay-evidence"]
    given = {"ASSAY_SIGNING_KEY": key, "CI_PIPELINE_CREATED_AT": "2026-03-02T02:00:00Z"}
    ran = run("\n".join(job["script"]), **given)
    assert ran.returncode == 0, ran.stderr
    bundle = job["artifacts"]["paths"][0]
    assert cli.main(["evidence", "verify", bundle, "--key", public]) == 0


@pytest.mark.parametrize("name", ["gitlab", "github"])
def test_the_plain_files_are_those_that_init_writes(name: str) -> None:
    written = (ROOT / f"deploy/ci/{name}.yml").read_text("utf-8")
    assert written == getattr(init_texts, name)()


def test_the_plain_files_do_what_they_say(repository: Path) -> None:
    (repository / "assay.yaml").write_text("environments: {}\n")
    git("add", ".")
    git("commit", "-qm", "configured")
    base = git("rev-parse", "HEAD")
    job = yaml.safe_load(init_texts.gitlab())["assay"]
    script = "\n".join(job["script"])
    assert run(script, CI_MERGE_REQUEST_DIFF_BASE_SHA=base).returncode == 0
    assert run(script).returncode == 1
    steps = yaml.safe_load(init_texts.github())["jobs"]["gate"]["steps"]
    scan = next(step for step in steps if step.get("name") == "assay scan")["run"]
    assert run(scan, BASE=base).returncode == 0
    assert run(scan, BASE="").returncode == 1
    results = json.loads(Path("assay.sarif").read_text())["runs"][0]["results"]
    assert results


def test_the_action_scans_and_no_input_becomes_a_command(repository: Path, tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert action["runs"]["using"] == "composite"
    steps = action["runs"]["steps"]
    for step in steps:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
    wanted = {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}
    assert set(steps[1]["env"].values()) == wanted
    program = tmp_path / "temp/assay/bin/assay"
    program.parent.mkdir(parents=True)
    program.symlink_to(tmp_path / "bin" / "assay")
    given = {
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "ASSAY_PATHS": "tf",
        "ASSAY_CONFIG": "",
        "ASSAY_FAIL_ON": "low",
        "ASSAY_SINCE": "",
        "ASSAY_SARIF": "assay.sarif",
        "ASSAY_ARGUMENTS": "--control multi-az-database",
    }
    assert set(given) == set(steps[1]["env"]) | {"RUNNER_TEMP", "GITHUB_STEP_SUMMARY"}
    assert run(steps[1]["run"], **given).returncode == 1
    assert "Assay: 1 fail" in (tmp_path / "summary.md").read_text()
    assert run(steps[1]["run"], **(given | {"ASSAY_SINCE": "HEAD"})).returncode == 0
    run(
        steps[1]["run"], **(given | {"ASSAY_PATHS": "tf; touch ran", "ASSAY_SINCE": "$(touch ran)"})
    )
    assert not (repository / "ran").exists()


def test_the_hooks_are_what_pre_commit_runs(repository: Path) -> None:
    hooks = {
        each["id"]: each for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    }
    keys = {"id", "name", "description", "entry", "args", "language", "pass_filenames", "files"}
    assert all(set(each) == keys and each["language"] == "python" for each in hooks.values())
    scan = hooks["assay"]
    words = [*shlex.split(scan["entry"]), *scan["args"]]
    assert subprocess.run(words, capture_output=True).returncode == 0
    (repository / "tf" / "new.tf").write_text(DATABASE % "new")
    assert subprocess.run(words, capture_output=True).returncode == 1
    for name in ("a.tf", "x/values.yaml", "a.yml", "CODEOWNERS", "a/b.auto.tfvars", "p.json"):
        assert re.search(scan["files"], name)
    assert not re.search(scan["files"], "README.md")
    assert cli.main(["controls", "new", "workload-owner"]) == 0
    own = hooks["assay-controls"]
    words = [*shlex.split(own["entry"]), *own["args"]]
    assert subprocess.run(words, capture_output=True).returncode == 0


def test_the_container_runs_as_nobody_and_fetches_nothing_at_run_time() -> None:
    text = (ROOT / "Containerfile").read_text("utf-8")
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 65532:65532$", last, re.MULTILINE)
    assert "--no-index" in last
    assert last.index("apt-get") < last.index("USER")
    assert 'ENTRYPOINT ["assay"]' in last
    extras = re.search(r'"\.\[([a-z,]+)\]"', text)
    assert extras is not None
    assert f"assay-policy[{extras[1]}]" in last


def test_assay_judges_its_own_pipeline_files(tmp_path: Path) -> None:
    (tmp_path / ".gitlab-ci.yml").write_text(yaml.dump(component(), sort_keys=False))
    report = f"json={tmp_path / 'out.json'}"
    assert (
        cli.main(["scan", str(tmp_path / ".gitlab-ci.yml"), "--fail-on", "critical", "-f", report])
        == 0
    )
    found = json.loads((tmp_path / "out.json").read_text())["findings"]
    assert {each["status"] for each in found} >= {"pass"}
    assert "error" not in {each["status"] for each in found}

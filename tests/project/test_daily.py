"""init, doctor, completion and `controls new`: what a person meets first, tried as they would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from assay.engine import cli
from assay.engine.commands import completion

ROOT = Path(__file__).parents[2]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


# -- init ------------------------------------------------------------------------------------

REPOSITORY = {
    ".gitlab-ci.yml": "test: {script: [make]}\n",
    "CODEOWNERS": "* @platform\n",
    "infra/app/main.tf": 'variable "zones" {}\n'
    'resource "aws_db_instance" "a" {\n  multi_az = var.zones\n}\n',
    "infra/app/dev.tfvars": "zones = false\n",
    "infra/app/env/prod.tfvars": "zones = true\n",
    "infra/app/common.auto.tfvars": "",
    "infra/live/staging/main.tf": 'provider "aws" {}\n',
    "modules/net/main.tf": "",
    "charts/api/Chart.yaml": "apiVersion: v2\nname: api\nversion: 1.0.0\n",
    "charts/api/values.yaml": "a: 1\n",
    "charts/api/values-prod.yaml": "a: 2\n",
    "charts/api/templates/values-dev.yaml": "",
    "charts/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n",
    "deploy/kustomization.yaml": "resources: []\n",
}


def test_init_writes_what_the_repository_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, REPOSITORY)
    assert cli.main(["init"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("found: 3 Terraform roots, 1 chart, 1 kustomization, ")
    assert "local: .gitlab/assay.yml" in said
    assert said.endswith("next: assay scan . --config assay.yaml\n")
    written = yaml.safe_load((tmp_path / "assay.yaml").read_text())
    dev, prod = ["infra/app/dev.tfvars"], ["infra/app/env/prod.tfvars"]
    assert written == {
        "environments": {
            "dev": {"terraform": [{"root": "infra/app", "var-files": dev}]},
            "staging": {"terraform": [{"root": "infra/live/staging"}]},
            "production": {
                "terraform": [{"root": "infra/app", "var-files": prod}],
                "charts": [{"chart": "charts/api", "values": ["charts/api/values-prod.yaml"]}],
            },
        },
        "owners": "CODEOWNERS",
    }
    assert not (tmp_path / ".github").exists()
    words = ["scan", "infra", "--config", "assay.yaml", "-f", "json=out.json"]
    cli.main([*words, "--control", "multi-az-database"])
    found = json.loads((tmp_path / "out.json").read_text())["findings"]
    assert [(each["resource"]["environment"], each["status"]) for each in found] == [
        ("dev", "fail"),
        ("production", "pass"),
    ]


def test_init_replaces_nothing_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"assay.yaml": "mine", ".github/x": ""})
    assert cli.main(["init"]) == 0
    assert (tmp_path / "assay.yaml").read_text() == "mine"
    assert "assay.yaml is there already" in capsys.readouterr().out
    assert (tmp_path / ".github/workflows/assay.yml").is_file()
    assert cli.main(["init", "--force", "--ci", "none"]) == 0
    assert (tmp_path / "assay.yaml").read_text() != "mine"


def test_init_names_with_signs_are_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"a b: #c/prod/main.tf": 'provider "aws" {}\n', "{x}/dev.tfvars": ""})
    assert cli.main(["init", "--ci", "none"]) == 0
    written = yaml.safe_load((tmp_path / "assay.yaml").read_text())
    assert written["environments"] == {"production": {"terraform": [{"root": "a b: #c/prod"}]}}


def test_init_knows_the_host_by_gits_remotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init"]) == 0
    assert "no CI was recognised" in capsys.readouterr().out
    subprocess.run(["git", "init", "-q"], check=True)
    url = "git@gitlab.example.com:a/b.git"
    subprocess.run(["git", "remote", "add", "origin", url], check=True)
    assert cli.main(["init"]) == 0
    assert (tmp_path / ".gitlab/assay.yml").is_file()
    assert cli.main(["init", "missing"]) == 2


@pytest.mark.parametrize("host", ["gitlab", "github"])
def test_the_ci_files_pass_their_own_gate(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "--ci", host]) == 0
    if host == "gitlab":
        shutil.copy(tmp_path / ".gitlab/assay.yml", tmp_path / ".gitlab-ci.yml")
    assert cli.main(["scan", ".", "--fail-on", "high", "-f", "json=out.json"]) in (0, 1)
    found = json.loads((tmp_path / "out.json").read_text())["findings"]
    assert [each for each in found if each["status"] == "error"] == []
    loaded = yaml.safe_load(next(tmp_path.rglob(".g*/**/assay.yml")).read_text())
    assert loaded


# -- controls new ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["apps/v1/Deployment", "Pod", "aws_s3_bucket", "aws_route", "google_x", "batch/v1/Job"]
)
def test_a_new_control_loads_and_its_examples_hold(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["controls", "new", "workload-owner", "--for", kind]) == 0
    assert "assay controls test policies" in capsys.readouterr().out
    assert cli.main(["controls", "test", "policies"]) == 0
    assert capsys.readouterr().out == "2 of 2 examples hold\n"
    assert cli.main(["controls", "new", "workload-owner", "--for", kind]) == 2
    assert cli.main(["controls", "new", "workload-owner", "--for", kind, "--force"]) == 0


@pytest.mark.parametrize("id", ["owner", "nothing-here", "multi-az-database", "network-", "../x"])
def test_an_id_that_cannot_be_is_refused(
    id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["controls", "new", id]) == 2
    assert list(tmp_path.iterdir()) == []


# -- doctor ----------------------------------------------------------------------------------


def test_doctor_looks_at_every_part(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["doctor", "-f", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    parts = [each["part"] for each in found["parts"]]
    assert parts[:4] == ["Python", "catalogue", "YAML", "cache"]
    assert {"extra live", "extra charts", "git", "helm", "kubectl", "cage"} <= set(parts)
    monkeypatch.setenv("PATH", "")
    assert cli.main(["doctor"]) == 0
    assert "--changed-since and --exceptions-at cannot be used" in capsys.readouterr().out


def test_doctor_fails_for_what_was_asked_and_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    pytest.importorskip("kubernetes")
    assert cli.main(["doctor", "--cluster", "nowhere"]) == 1
    said = capsys.readouterr().out
    assert "BROKEN   cluster nowhere" in said
    (tmp_path / "assay.yaml").write_text("nothing: 1\n")
    assert cli.main(["doctor", "--config", str(tmp_path / "assay.yaml")]) == 1
    pytest.importorskip("opensearchpy")
    url = "https://user:not-a-real-password@127.0.0.1:1"
    assert cli.main(["doctor", "--server", url, "--timeout", "2"]) == 1
    assert "not-a-real-password" not in capsys.readouterr().out


def test_a_program_that_fails_or_hangs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from assay.engine.commands import doctor

    for name, text in (("helm", "exit 3"), ("kubectl", "exec sleep 30")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(doctor, "SECONDS", 0.5)
    assert cli.main(["doctor", "-f", "json"]) == 1
    rows = {each["part"]: each for each in json.loads(capsys.readouterr().out)["parts"]}
    assert (rows["helm"]["state"], rows["helm"]["found"]) == ("broken", "ends with 3")
    assert rows["kubectl"]["state"] == "broken"


# -- completion ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["sc"], ["scan"]),
        (["scan", "--form"], ["--format"]),
        (["scan", "-f", "gitlab"], ["gitlab-codequality", "gitlab-sast"]),
        (["scan", "--fail-on", "h"], ["high"]),
        (["scan", "."], []),
        (["controls", "sho"], ["show"]),
        (["controls", "show", "multi-az-database-r"], ["multi-az-database-reader"]),
        (["explain", "multi-az-database-r"], ["multi-az-database-reader"]),
        (["scan", "--control", "multi-az-database-r"], ["multi-az-database-reader"]),
        (["scan", "--framework", "cis-gk"], ["cis-gke"]),
        (["export", "v"], ["vap"]),
        (["completion", "f"], ["fish"]),
        (["nothing", ""], []),
        ([], [*cli.COMMANDS, "--help", "--version"]),
    ],
)
def test_candidates(words: list[str], found: list[str]) -> None:
    assert completion.candidates(words) == found


def test_bash_completes(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    (tmp_path / "assay").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from assay.engine.cli import main; '
        'import sys; sys.exit(main(sys.argv[1:]))" "$@"\n'
    )
    (tmp_path / "assay").chmod(0o755)
    script = (
        'eval "$(assay completion bash)"; COMP_WORDS=(assay scan --fail); COMP_CWORD=2; _assay; '
        'echo "${COMPREPLY[@]}"; COMP_WORDS=(assay ""); COMP_CWORD=1; _assay; '
        'echo "${#COMPREPLY[@]}"'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run(
        [bash, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"--fail-on\n{len(cli.COMMANDS) + 2}\n"


@pytest.mark.parametrize(("shell", "flag"), [("zsh", "-n"), ("fish", "--no-execute")])
def test_the_other_scripts_are_read_by_their_shells(shell: str, flag: str, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(completion.SCRIPTS[shell])
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    assert subprocess.run([program, flag, str(tmp_path / "script")], check=False).returncode == 0


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "tcsh"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err

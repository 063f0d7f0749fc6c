"""Secrets that are written down: found by form and by name, told without being shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from assay.engine import cli
from assay.engine.cel.extensions import secrets
from assay.reports.formats import BINARY, FORMATS

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("ASSAY_CORPORA") or HERE.parent / "shared/corpora") / "manifests"
# Made up, of the forms that issuers give; put together here so that no scanner finds them whole.
FOUND = {
    "aws-access-key": "AKIA" + "QWERTZUIOPASDFGH",
    "gitlab-token": "glpat-" + "x7Yq2Lw9Zr4Vb8Nm1Kts",
    "github-token": "ghp_" + "x7Yq2Lw9Zr4Vb8Nm1KtsPfGhJdQeWcAoUiRl",
    "slack-token": "xoxb-" + "7391746502-x7Yq2Lw9Zr4Vb8Nm",
    "stripe-key": "sk_live_" + "x7Yq2Lw9Zr4Vb8Nm1Kts",
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJzaG9wIn0." + "x7Yq2Lw9Zr4Vb8Nm1KtsPf",
    "connection-string": "postgres://shop:" + "Zr4Vb8Nm@db.internal/orders",
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEx7Yq2Lw9Zr4Vb8Nm1Kts",
}
NONE = (
    ("DB_PASSWORD", "${DB_PASSWORD}"),
    ("DB_PASSWORD", "$(DB_PASSWORD)"),
    ("DB_PASSWORD", "{{ .Values.password }}"),
    ("DB_PASSWORD", "change-me-please"),
    ("DB_PASSWORD", "<your password>"),
    ("DB_PASSWORD", "vault:shop/data/db#password"),
    ("API_TOKEN", "/run/secrets/token"),
    ("API_TOKEN", "arn:aws:secretsmanager:eu-central-1:1:secret:a"),
    ("ACCESS_KEY", "8312341g-5678-abcd-4a2b2c-33bcsd655"),
    ("existingSecret", "shop-database-credentials"),
    ("secretName", "x7Yq2Lw9Zr4Vb8Nm"),
    ("passwordPolicy", "length(12) and notUsername"),
    ("DATABASE_URL", "postgres://db.internal:5432/orders"),
    ("DATABASE_URL", "postgres://shop:${PASSWORD}@db.internal/orders"),
    ("image", "registry.example.com/a@sha256:" + "1" * 64),
)
LINES = {
    "password: Zr4Vb8Nm1Kts": "password: ************",
    '  api_token = "x7Yq2Lw9Zr4Vb8Nm"': '  api_token = "****************"',
    "{name: DB_PASSWORD, value: Zr4Vb8Nm1Kts}": "{name: DB_PASSWORD, value: ************}",
    "  - name: LOG_LEVEL": "  - name: LOG_LEVEL",
    "url: https://shop.example.com/": "url: https://shop.example.com/",
}


@pytest.mark.parametrize("kind", FOUND)
def test_forms_of_issuers(kind: str) -> None:
    assert secrets.kind("x", FOUND[kind]) == kind
    said = secrets.mark("x", FOUND[kind])
    assert said.startswith(f"{kind}, ")
    assert said.endswith(" characters")
    assert FOUND[kind][-6:] not in said


@pytest.mark.parametrize(("name", "text"), NONE)
def test_placeholders_references_and_templates_do_not_count(name: str, text: str) -> None:
    assert secrets.kind(name, text) == ""


@pytest.mark.parametrize("line", LINES)
def test_lines_of_files_are_covered(line: str) -> None:
    assert secrets.masked(line) == LINES[line]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with one secret of each way of writing it down."""
    password, key = "Zr4Vb8Nm" + "1Kts", FOUND["aws-access-key"]
    (tmp_path / "main.tf").write_text(
        f'variable "db_password" {{\n  default = "{password}"\n}}\n'
        f'resource "aws_instance" "a" {{\n  user_data = "export KEY={key}"\n}}\n'
    )
    (tmp_path / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n"
        f"data: {{DB_PASSWORD: {password}, k: {key}}}\n"
    )
    (tmp_path / ".gitlab-ci.yml").write_text(
        f"a: {{script: [make], variables: {{T_TOKEN: {key}}}}}\n"
    )
    (tmp_path / "values.yaml").write_text(f"auth:\n  password: {password}\n")
    return tmp_path


def test_no_output_shows_a_secret(written: Path, capsys, tmp_path: Path) -> None:
    shown = []
    for form in (name for name in FORMATS if name not in BINARY):
        given = ["scan", str(written), "-f", form, "--at", "2026-01-01T00:00:00Z"]
        cli.main([*given, "--fingerprint-key", "0123456789abcdef"])
        shown.append(capsys.readouterr())
    for command in (["resources", str(written), "-f", "json"],):
        cli.main(command)
        shown.append(capsys.readouterr())
    for out in shown:
        for text in (out.out, out.err):
            assert "Zr4Vb8Nm" not in text
            assert FOUND["aws-access-key"] not in text


def test_each_place_is_found_and_one_secret_has_one_fingerprint(written: Path, capsys) -> None:
    def run(*more: str) -> list[dict]:
        words = ["--control", "secret-no-literals", "--control", "secret-ci-no-literals"]
        cli.main(["scan", str(written), "-f", "json", *words, *more])
        found = json.loads(capsys.readouterr().out)["findings"]
        return [v for f in found if f["status"] == "fail" for v in f["violations"]]

    plain, keyed = run(), run("--fingerprint-key", "0123456789abcdef")
    assert sorted(v["path"] for v in plain) == [
        "auth.password",
        "data.DB_PASSWORD",
        "data.k",
        "jobs.a",
        "user_data",
        "variables.db_password.default",
    ]
    assert not any("fingerprint" in v["message"] for v in plain)
    prints = {
        v["path"]: v["message"].rpartition("fingerprint ")[2]
        for v in keyed
        if "fingerprint" in v["message"]
    }
    assert prints["auth.password"] == prints["data.DB_PASSWORD"]
    assert prints["data.k"] == prints["user_data"]
    assert prints["data.k"] != prints["auth.password"]
    other = run("--fingerprint-key", "another key of mine")
    assert not {v["message"] for v in other} & {
        v["message"] for v in keyed if "finger" in v["message"]
    }


def test_a_fingerprint_key_that_is_too_short(written: Path, capsys) -> None:
    assert cli.main(["scan", str(written), "--fingerprint-key", "short"]) == 2
    assert "fingerprint-key" in capsys.readouterr().err


@pytest.mark.corpora
def test_what_is_found_in_manifests_that_nobody_here_wrote(capsys) -> None:
    if not CORPUS.is_dir():
        pytest.skip("needs the corpora (ASSAY_CORPORA)")
    cli.main(["scan", str(CORPUS), "--control", "secret-no-literals", "-f", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    failed = [v for f in found if f["status"] == "fail" for v in f["violations"]]
    # The password of root in an example that can be deployed as it is: a person would say so too.
    assert [(v["file"].rpartition("/")[2], v["path"]) for v in failed] == [
        ("mysql-pod.yaml", "spec.containers[0].env[3].value")
    ]

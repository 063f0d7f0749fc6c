"""`assay.yaml`: environments with their inputs, parameters by environment and path, the rest."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from assay.engine.catalogue.load import load
from assay.engine.cli import main
from assay.engine.project.config import KEYS, check, read

FILES = {
    "mod/main.tf": """
        variable "multi_az" { type = bool }
        resource "aws_db_instance" "this" {
          engine   = "postgres"
          multi_az = var.multi_az
        }
    """,
    "live/dev/main.tf": """
        provider "aws" {}
        variable "multi_az" { type = bool }
        module "db" {
          source   = "../../mod"
          multi_az = var.multi_az
        }
    """,
    "live/prod/main.tf": """
        provider "aws" {}
        variable "multi_az" { type = bool }
        module "db" {
          source   = "../../mod"
          multi_az = var.multi_az
        }
    """,
    "shared.tfvars": "multi_az = false\n",
    "k8s/dev/a.yaml": """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: a, namespace: b}
        spec: {template: {spec: {containers: [{name: a, image: "registry.example.com/a:1"}]}}}
    """,
    "k8s/prod/a.yaml": """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: a, namespace: b}
        spec: {template: {spec: {containers: [{name: a, image: "other.example.com/a:1"}]}}}
    """,
    "vendor/b.yaml": """
        apiVersion: v1
        kind: Pod
        metadata: {name: vendored, namespace: b}
        spec: {containers: [{name: a, image: "other.example.com/a:1"}]}
    """,
    "CODEOWNERS": """
        *            @platform
        /k8s/        @services
        /k8s/prod/   @sre @dba
    """,
}
CONFIG = """
    environments:
      dev:
        terraform: [{root: live/dev, vars: {multi_az: true}}]
        paths: [k8s/dev]
      prod:
        terraform: [{root: live/prod, var-files: [shared.tfvars]}]
        paths: [k8s/prod]
    registries: [registry.example.com/]
    severities: {multi-az-database: critical}
    owners: CODEOWNERS
    exclude: ["vendor/**"]
"""
CONTROLS = ("multi-az-database", "delivery-images-allowed-registries")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scanned(config: str, capsys: Any, *more: str) -> list[tuple[Any, ...]]:
    Path("assay.yaml").write_text(textwrap.dedent(config))
    chosen = [word for control in CONTROLS for word in ("--control", control)]
    main(["scan", ".", "--config", "assay.yaml", "-f", "json", *chosen, *more])
    out, err = capsys.readouterr()
    assert out, err
    return [
        (
            each["control"],
            each["resource"]["environment"],
            each["status"],
            each["severity"],
            tuple(each.get("owners", ())),
            each["message"],
        )
        for each in json.loads(out)["findings"]
        if each["resource"]["kind"] != "estate"
    ]


def test_environments_have_inputs_of_their_own(project: Path, capsys: Any) -> None:
    wrong = "container `a` of apps/Deployment/b/a runs `other.example.com/a:1`"
    found = scanned(CONFIG, capsys)
    assert [row[:5] for row in found] == [
        ("multi-az-database", "dev", "pass", "critical", ("@platform",)),
        ("multi-az-database", "prod", "fail", "critical", ("@platform",)),
        ("delivery-images-allowed-registries", "dev", "pass", "high", ("@services",)),
        ("delivery-images-allowed-registries", "prod", "fail", "high", ("@sre", "@dba")),
    ]
    assert found[3][5].startswith(wrong)


def test_one_environment_alone(project: Path, capsys: Any) -> None:
    found = scanned(CONFIG, capsys, "--environment", "dev")
    assert [(row[1], row[2]) for row in found] == [("dev", "pass"), ("dev", "pass")]


def test_a_root_in_two_environments_is_two_evaluations(project: Path, capsys: Any) -> None:
    config = """
        environments:
          blue: {terraform: [{root: live/dev, vars: {multi_az: true}}]}
          green: {terraform: [{root: live/dev, vars: {multi_az: false}}]}
        exclude: [live/prod, k8s, vendor]
    """
    found = scanned(config, capsys)
    assert [(row[1], row[2]) for row in found] == [("blue", "pass"), ("green", "fail")]


def test_parameters_and_disables_by_environment_and_path(project: Path, capsys: Any) -> None:
    config = f"""{CONFIG}
    disable: []
    paths:
      - match: "k8s/prod/**"
        params: {{delivery-images-allowed-registries: {{registries: [other.example.com/]}}}}
      - match: mod
        environments: [prod]
        disable: [{{control: multi-az-database, reason: replaced in spring}}]
    """
    found = scanned(config, capsys)
    assert [row[:3] for row in found] == [
        ("multi-az-database", "dev", "pass"),
        ("multi-az-database", "prod", "not_applicable"),
        ("delivery-images-allowed-registries", "dev", "pass"),
        ("delivery-images-allowed-registries", "prod", "pass"),
    ]
    assert found[1][5] == "off by configuration: replaced in spring"


def test_it_lies_anywhere_and_names_what_is_beside_it(project: Path, capsys: Any) -> None:
    inside = scanned(CONFIG, capsys)
    Path("assay.yaml").rename("k8s/assay.yaml")
    assert scanned(CONFIG.replace(": [k8s/", ": ["), capsys) != []
    moved = CONFIG.replace("k8s/", "").replace("live/", "../live/").replace("shared", "../shared")
    moved = moved.replace("CODEOWNERS", "../CODEOWNERS").replace("vendor", "../vendor")
    Path("k8s/assay.yaml").write_text(textwrap.dedent(moved))
    chosen = [word for control in CONTROLS for word in ("--control", control)]
    main(["scan", ".", "--config", "k8s/assay.yaml", "-f", "json", *chosen])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [(each["resource"]["environment"], each["status"]) for each in findings] == [
        (row[1], row[2]) for row in inside
    ]


MISTAKES = {
    "registrys: []": ("control-key", 1, 1),
    "environments: {dev: {terraform: {}}}": ("control-type", 1, 33),
    "environments: {dev: {terraform: [{var-files: a}]}}": ("control-missing", 1, 34),
    "disable: [{control: multi-az-databases, reason: a}]": ("no-control", 1, 21),
    "disable: [{control: multi-az-database}]": ("control-missing", 1, 11),
    "severities: {multi-az-database: grave}": ("control-value", 1, 33),
    "params: {multi-az-broker: {zones: three}}": ("parameter-type", 1, 35),
    "params: {multi-az-broker: {zone: 3}}": ("control-key", 1, 28),
    "paths: [{params: {}}]": ("control-missing", 1, 9),
    "expects: [unicorns]": ("config-unknown", 1, 10),
    "tiers: {web: [app]}": ("config-unknown", 1, 14),
    "environments: {a: {paths: [k8s]}, b: {paths: [k8s]}}": ("config-twice", 1, 38),
    "a: [": ("yaml-syntax", 1, 5),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_every_mistake_has_a_place(text: str, project: Path, capsys: Any) -> None:
    Path("assay.yaml").write_text(text)
    assert main(["scan", ".", "--config", "assay.yaml"]) == 2
    code, line, column = MISTAKES[text]
    said = capsys.readouterr().err
    assert f"error[{code}]" in said
    assert f"--> assay.yaml:{line}:{column}" in said


def test_what_the_configuration_names_must_exist(project: Path, capsys: Any) -> None:
    for text in ("owners: NOBODY", "exceptions: nowhere", "baseline: none.json", "rules: [none]"):
        Path("assay.yaml").write_text(text)
        assert main(["scan", ".", "--config", "assay.yaml"]) == 2
        assert "error[" in capsys.readouterr().err


def test_the_documented_configuration_is_one(project: Path, capsys: Any) -> None:
    """The example of docs/configuration.md, but for the files that it names."""
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    text = page.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    catalogue = load()
    Path("assay.yaml").write_text(text)
    found = check(read("assay.yaml"), catalogue)
    assert found.environments == ("dev", "prod")
    assert len(found.rules) == 4
    assert {f"`{key}`" for key in KEYS} <= {f"`{line.split(':')[0]}`" for line in text.splitlines()}

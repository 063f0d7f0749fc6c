"""The estate's charts: one rendering for each environment, findings at the lines of templates."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from assay.engine import cli

TOOLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay-tools"
ESTATE = Path(__file__).parents[2] / "fixtures" / "estate"
ENVIRONMENTS = ("dev", "staging", "production")
SERVICES = ("pricing", "stock", "storefront")


@pytest.fixture(params=["program", "wheel"])
def helm(request, monkeypatch):
    monkeypatch.chdir(ESTATE.parents[1])
    if request.param == "wheel":
        pytest.importorskip("helm_python")
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        return
    if shutil.which("helm") is None:
        if shutil.which("helm", path=str(TOOLS)) is None:
            pytest.skip("helm is neither on PATH nor among the tools")
        monkeypatch.setenv("PATH", str(TOOLS), prepend=os.pathsep)


def scanned(variant, capsys, *words):
    charts = f"fixtures/estate/{variant}"
    config = ["--config", f"{charts}/environments.yaml"]
    code = cli.main(["scan", f"{charts}/charts", f"{charts}/manifests", *config, "-f", "json"])
    report = json.loads(capsys.readouterr().out)
    found = [
        each
        for each in report["findings"]
        if each["resource"]["source"] == "chart" and each["resource"]["kind"] != "helm-values"
    ]
    return code, found


def test_each_environment_is_rendered_and_holds(helm, capsys):
    code, found = scanned("hardened", capsys)
    assert code == 0
    assert {each["status"] for each in found} == {"pass", "not_applicable"}
    roots = {(each["resource"]["root"], each["resource"]["environment"]) for each in found}
    charts = "fixtures/estate/hardened/charts"
    assert roots == {
        (f"{charts}/{name}", environment) for name in SERVICES for environment in ENVIRONMENTS
    }


def test_a_finding_is_at_its_line_of_the_template_and_names_the_environment(helm, capsys):
    code, found = scanned("weak", capsys)
    assert code == 1
    shared = {
        each["resource"]["environment"]: each["violations"][0]
        for each in found
        if each["control"] == "network-no-host-network" and each["status"] == "fail"
    }
    # Only where the tag is still `latest`: production has another one.
    assert shared.keys() == {"dev", "staging"}
    file = "fixtures/estate/weak/charts/stock/templates/count.yaml"
    for violation in shared.values():
        assert violation["file"] == file
        line = Path(file).read_text("utf-8").splitlines()[violation["line"] - 1]
        assert line.strip() == "hostNetwork: true"


def test_no_secret_of_a_values_file_is_shown(helm, capsys):
    for format in ("text", "json", "sarif"):
        assert cli.main(["scan", "fixtures/estate/weak/charts", "-f", format]) == 1
        out = capsys.readouterr()
        assert "DATABASE_PASSWORD" in out.out
        assert "hunter2" not in out.out + out.err

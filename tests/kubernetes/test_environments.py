"""Charts as the configuration renders them: for drift too, and told what the cluster serves."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from assay.engine import cli
from assay.engine.kubernetes import packed, snapshot
from assay.engine.kubernetes.cluster import Read

TOOLS = Path(os.environ.get("ASSAY_TOOLS") or Path.home() / ".cache" / "assay-tools")
TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: api, namespace: {{ .Release.Namespace }}}
data:
  size: "{{ .Values.size }}"
  monitored: "{{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}"
"""
CONFIG = """\
environments:
  staging:
    namespace: web
    charts: [{chart: api, values: [small.yaml]}]
  production:
    namespace: web
    charts: [{chart: api, values: [large.yaml], api-versions: [monitoring.coreos.com/v1]}]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    program = shutil.which("helm") or shutil.which("helm", path=str(TOOLS))
    if program is None:
        pytest.skip("helm is neither on PATH nor among the tools")
    monkeypatch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "api/templates").mkdir(parents=True)
    (tmp_path / "api/Chart.yaml").write_text("apiVersion: v2\nname: api\nversion: 1.0.0\n")
    (tmp_path / "api/values.yaml").write_text("size: none\n")
    (tmp_path / "api/templates/a.yaml").write_text(TEMPLATE)
    for size in ("small", "large"):
        (tmp_path / f"{size}.yaml").write_text(f"size: {size}\n")
    (tmp_path / "assay.yaml").write_text(CONFIG)
    return tmp_path


def running(folder, **data):
    metadata = {"name": "api", "namespace": "web"}
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    file = folder / "live.gz"
    file.write_bytes(snapshot.write(Read(packed.of([item]), [], []), "c", "u", "v1", None))


def drift(capsys, *words):
    code = cli.main(["drift", "api", "--snapshot", "live.gz", *words])
    return code, capsys.readouterr().out.splitlines()[-1]


def test_drift_compares_with_the_environment_that_is_named(folder, capsys):
    running(folder, size="large", monitored="true")
    config = ("--config", "assay.yaml")
    same = "0 missing, 0 changed, 0 undeclared, 0 unknown"
    assert drift(capsys, *config, "--environment", "production") == (0, same)
    two = "0 missing, 2 changed, 0 undeclared, 0 unknown"
    assert drift(capsys, *config, "--environment", "staging") == (1, two)


def test_drift_of_several_environments_at_once_is_refused(folder, capsys):
    running(folder)
    code = cli.main(["drift", "api", "--snapshot", "live.gz", "--config", "assay.yaml"])
    assert code == 2
    assert "give --environment, one of: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "false"),
        (("--api-versions", "monitoring.coreos.com/v1"), "true"),
        (("--api-versions", "a.io/v1,monitoring.coreos.com/v1"), "true"),
    ],
)
def test_charts_are_told_what_the_cluster_serves(folder, capsys, words, told):
    assert cli.main(["resources", "api", "-f", "json", "--namespace", "web", *words]) == 0
    listed = json.loads(capsys.readouterr().out)["resources"]
    (found,) = (each for each in listed if each["kind"] == "ConfigMap")
    assert found["values"]["data"]["monitored"] == told
    running(folder, size="none", monitored=told)
    assert drift(capsys, "--namespace", "web", *words)[0] == 0

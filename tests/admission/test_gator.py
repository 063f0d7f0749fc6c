"""Everything exported for Gatekeeper, run by Gatekeeper's own gator."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.generated_objects import objects

from assay.engine.admission import names, rego
from assay.engine.admission.collect import Collected, collect
from assay.engine.catalogue import load
from assay.engine.cli import main
from assay.engine.files import discover
from assay.engine.kubernetes import loader
from assay.engine.scan import ScanOptions, scan
from assay.reports.gatekeeper import library

pytestmark = pytest.mark.gator
CATALOGUE = load.load()
OBJECTS = 150


@pytest.fixture(scope="module")
def gator() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    tool = Path(os.environ.get("ASSAY_TOOLS") or Path(cache) / "assay-tools") / "gator"
    if not os.access(tool, os.X_OK):
        pytest.skip("no gator in the tools folder: run tests/tools/k8s/build")
    return tool


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gatekeeper")
    assert main(["export", "gatekeeper", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def collected() -> Collected:
    return collect(CATALOGUE, subject=library.SUBJECT, relational=rego.convert)


def verify(gator: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [gator, "verify", folder], capture_output=True, text=True, check=False, timeout=300
    )


def test_gator_verifies_every_example(gator: Path, exported: Path) -> None:
    suite = yaml.safe_load((exported / "suite.yaml").read_text("utf-8"))
    cases = [case for test in suite["tests"] for case in test["cases"]]
    assert len(suite["tests"]) >= 90
    assert len(cases) >= 250
    said = verify(gator, exported)
    assert said.returncode == 0, said.stdout[-3000:] + said.stderr


def test_gator_would_see_a_wrong_policy(gator: Path, exported: Path, tmp_path: Path) -> None:
    """The suite can fail: with one policy turned round, its cases do."""
    name = "workload-no-privileged"
    suite = yaml.safe_load((exported / "suite.yaml").read_text("utf-8"))
    suite["tests"] = [test for test in suite["tests"] if test["name"] == name]
    for test in suite["tests"]:
        test["template"] = "template.yaml"
        test["constraint"] = str(exported / test["constraint"])
        for case in test["cases"]:
            case["object"] = str(exported / case["object"])
    template = yaml.safe_load((exported / f"templates/{name}.yaml").read_text("utf-8"))
    source = template["spec"]["targets"][0]["code"][0]["source"]
    source["validations"][0]["expression"] = "size(variables.failed) != 0"
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(suite), "utf-8")
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(template), "utf-8")
    assert verify(gator, tmp_path).returncode == 1


def test_gator_says_what_the_scan_says(
    gator: Path, exported: Path, collected: Collected, tmp_path: Path
) -> None:
    """Verdict and message of every exported policy on generated objects, all of them."""
    given = list(objects(OBJECTS, seed=23))
    for number, object in enumerate(given):
        (tmp_path / f"{number:04}.json").write_text(json.dumps(object), "utf-8")
    said = subprocess.run(
        [
            *(gator, "test", "-o", "json", "-f", tmp_path),
            *("-f", exported / "templates", "-f", exported / "constraints"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert said.stdout.startswith("["), said.stderr
    found: set[tuple[str, str, str]] = set()
    for result in json.loads(said.stdout):
        object = result["violatingObject"]
        if object["metadata"]["name"].startswith("made-"):
            held = object["metadata"]
            where = f"{object['kind']}/{held.get('namespace', '')}/{held['name']}"
            found.add((result["constraint"]["metadata"]["name"], where, result["msg"]))
    assert found == _scanned(collected, tmp_path)


def _scanned(collected: Collected, folder: Path) -> set[tuple[str, str, str]]:
    both: list[Any] = [*collected.policies, *collected.relations]
    known = {(each.control.id, each.check.id): each.name for each in both}
    loaded = loader.load(discover([str(folder)]))
    found = set()
    for finding in scan(CATALOGUE, [loaded], ScanOptions()).findings():
        name = known.get((finding.control, finding.check))
        if name is None or finding.status == "pass":
            continue
        assert finding.status in ("fail", "not_applicable"), finding
        resource = finding.resource
        if finding.status == "fail" and resource.values["metadata"]["name"].startswith("made-"):
            kind = resource.kind.rpartition("/")[2]
            kind = "Namespace" if kind == "namespace" else kind
            held = resource.values["metadata"]
            where = f"{kind}/{held.get('namespace', '')}/{held['name']}"
            found.add((name, where, finding.message))
    return found


def test_expansion_makes_the_pods_of_controllers(gator: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    words = ["export", "gatekeeper", str(folder), "--expansion"]
    assert main([*words, "--control", "workload-no-privileged"]) == 0
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {"name": "c", "image": "d", "securityContext": {"privileged": True}}
                    ]
                }
            }
        },
    }
    file = tmp_path / "deployment.json"
    file.write_text(json.dumps(deployment), "utf-8")
    parts = [folder / "templates", folder / "constraints", file]
    said = subprocess.run(
        [gator, "test", *(word for part in parts for word in ("-f", part))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 1
    assert "container `c` of Pod/b/" in said.stdout
    assert verify(gator, folder).returncode == 0


def test_a_kind_of_constraint_is_the_name_of_its_template(collected: Collected) -> None:
    kinds = [names.template_kind(each.name) for each in collected.policies]
    assert len(set(kinds)) == len(kinds)
    assert max(map(len, kinds)) <= 63

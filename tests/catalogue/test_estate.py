"""The fixture estate twice: every control fails on the weak one and passes on the hardened one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from assay.engine import gate
from assay.engine.catalogue.load import load
from assay.engine.commands import rbac
from assay.engine.files import discover
from assay.engine.kubernetes import loader as kubernetes
from assay.engine.model import Scan
from assay.engine.pipelines import loader as pipelines
from assay.engine.scan import ScanOptions, scan
from assay.engine.terraform import loader as terraform

ESTATE = Path(__file__).parents[2] / "fixtures" / "estate"
CATALOGUE = load()
IDS = [control.id for control in CATALOGUE.controls]
ROOT = "live/production"  # staging calls the same modules
# What the estate is said to have: without it, its absence is nobody's fault.
EXPECTED = frozenset({"calico", "cost", "istio", "prometheus", "tracing", "vault", "velero"})
# Row of the estate → what must be judged there → by which controls.
ROWS = yaml.safe_load((Path(__file__).parent / "estate_rows.yaml").read_text("utf-8"))
# The log sources of row 22.
SOURCES = {
    *("argocd", "auditd", "cloudflare", "cloudtrail", "falco", "gitlab"),
    *("keycloak", "kubernetes", "nginx", "opensearch", "postgresql", "vault"),
}
MANUAL = {control.id for control in CATALOGUE.controls if not control.checks}
TIERS = ("frontend", "services", "data", "ops")


@cache
def scanned(variant: str) -> Scan:
    tree = discover([str(ESTATE / variant)])
    loaded = [
        terraform.load(tree, terraform.Options()),
        kubernetes.load(tree, kubernetes.Options()),
        pipelines.load(tree, pipelines.Options()),
    ]
    return scan(CATALOGUE, loaded, ScanOptions(expects=EXPECTED))


@cache
def statuses(variant: str) -> dict[str, Counter[str]]:
    """control → status → how many findings."""
    found: dict[str, Counter[str]] = {id: Counter() for id in IDS}
    for finding in scanned(variant).findings():
        found.setdefault(finding.control, Counter())[finding.status] += 1
    return found


@pytest.mark.parametrize("id", IDS)
def test_each_control_fails_on_weak_and_holds_on_hardened(id: str) -> None:
    control = CATALOGUE.control(id)
    assert control is not None
    if not control.checks:
        assert statuses("hardened")[id].keys() == {"manual"}, "a person decides, and is asked to"
        return
    assert statuses("weak")[id]["fail"], "nothing on the weak estate breaks this control"
    hardened = statuses("hardened")[id]
    assert hardened["pass"], "nothing on the hardened estate meets this control"
    assert hardened.keys() <= {"pass", "not_applicable"}, hardened


@pytest.mark.parametrize("row", ROWS)
def test_row_by_row_what_must_be_judged_fails_on_weak_and_holds_on_hardened(row: str) -> None:
    table = {
        what: [
            (id, bool(statuses("weak")[id][bad]), bool(statuses("hardened")[id][good]))
            for id in controls
            for bad, good in [("manual", "manual") if id in MANUAL else ("fail", "pass")]
        ]
        for what, controls in ROWS[row].items()
    }
    assert table == {
        what: [(id, True, True) for id in controls] for what, controls in ROWS[row].items()
    }


def test_every_row_of_the_estate_has_its_table_and_the_detections_theirs() -> None:
    assert [int(row.partition(".")[0]) for row in ROWS] == list(range(1, 32))
    assert [row for row, table in ROWS.items() if not table] == ["22. Sigma detections"]
    detections = Path(__file__).parents[2] / "sigma" / "detections"
    assert {path.name for path in detections.iterdir() if any(path.rglob("*.yml"))} == SOURCES


@pytest.mark.parametrize("variant", ["weak", "hardened"])
def test_all_of_the_estate_is_read(variant: str) -> None:
    result = scanned(variant)
    # The weak pipeline includes a page from the web, which nobody can read here.
    blocking = {gap.kind for gap in result.gaps if gap.blocks}
    assert blocking == ({"include"} if variant == "weak" else set())
    assert result.counts["error"] == 0
    roots = {resource.root for resource in result.resources if resource.source == "terraform"}
    expected = {"production", "staging", "google", "azure", "platform", "tools"}
    assert {Path(root).name for root in roots} == expected
    spaces = {resource.namespace for resource in result.resources if resource.source == "manifest"}
    assert spaces >= set(TIERS)


def test_the_gate_lets_hardened_through_and_stops_weak() -> None:
    assert gate.blocks(scanned("hardened"), gate.GateOptions(strict=True)) == []
    stopped = gate.blocks(scanned("weak"), gate.GateOptions())
    assert {block[0] for block in stopped} == {"fail", "coverage"}


def test_weak_fails_in_every_core_domain() -> None:
    failing = {
        control.domain for control in CATALOGUE.controls if statuses("weak")[control.id]["fail"]
    }
    assert failing >= {"network", "secret", "identity", "backup", "multi-az"}


def test_findings_of_a_module_lead_to_its_line() -> None:
    found = {
        (finding.resource.root.rpartition("/")[2], finding.resource.address): finding
        for finding in scanned("weak").findings()
        if finding.control == "multi-az-database" and finding.check == "aws_db_instance"
        if finding.resource.address.startswith("module.")
    }
    address = "module.database.aws_db_instance.orders"
    assert found.keys() == {("production", address), ("staging", address)}
    source = (ESTATE / "weak/terraform/modules/database/main.tf").read_text("utf-8").splitlines()
    for finding in found.values():
        place = finding.violations[0].place
        assert place.file.endswith("modules/database/main.tf")
        assert source[place.line - 1] == 'resource "aws_db_instance" "orders" {'


@pytest.mark.terraform
@pytest.mark.parametrize("variant", ["weak", "hardened"])
def test_terraform_itself_takes_the_configuration(variant: str, tmp_path: Path) -> None:
    program, plugins = shutil.which("terraform"), os.environ.get("ASSAY_TERRAFORM_PLUGINS")
    if program is None or not plugins:
        pytest.skip("needs terraform, and ASSAY_TERRAFORM_PLUGINS with a mirror of the providers")
    shutil.copytree(ESTATE / variant / "terraform", tmp_path / "estate")
    environment = {key: value for key, value in os.environ.items() if key != "TF_CLI_CONFIG_FILE"}
    for words in (["init", "-backend=false", f"-plugin-dir={plugins}"], ["validate"]):
        ran = subprocess.run(
            [program, *words, "-no-color"],
            cwd=tmp_path / "estate" / ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.apiserver
@pytest.mark.parametrize("variant", ["weak", "hardened"])
def test_the_api_server_itself_takes_the_manifests(variant: str, apiserver) -> None:
    for tier in (*TIERS, "istio-system"):
        apiserver.request(
            "POST",
            "/api/v1/namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tier}},
        )
    refused = {}
    for file in sorted((ESTATE / variant / "manifests").rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text("utf-8")):
            # Custom kinds are not served here; neither may a namespace be made twice.
            if _is_custom(document["apiVersion"]) or document["kind"] == "Namespace":
                continue
            status, answer = apiserver.request("POST", _path(document), document)
            # A name that the server has already (`default` of each tier) was taken all the same.
            if status not in (200, 201, 409):
                refused[f"{file.name} {document['kind']}"] = answer.get("message", answer)
    apiserver._connection().close()
    assert refused == {}


def _is_custom(version: str) -> bool:
    group = version.partition("/")[0]
    built_in = group.endswith(".k8s.io") and group != "snapshot.storage.k8s.io"
    return "." in group and not built_in


def _path(document: dict) -> str:
    group = document["apiVersion"]
    base = f"/apis/{group}" if "/" in group else f"/api/{group}"
    space = document["metadata"].get("namespace")
    inner = f"/namespaces/{space}" if space else ""
    plural = rbac.plural(document["kind"])
    return f"{base}{inner}/{plural}?dryRun=All&fieldValidation=Strict"

"""The chart of the nightly audit: its rights are those that the controls need, and no more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tools import deploy_files

from assay.engine import cli, files
from assay.engine.commands import rbac
from assay.engine.errors import InputError
from assay.engine.kubernetes import loader
from assay.engine.kubernetes.loader import Options
from assay.engine.kubernetes.renderings import Rendering

ROOT = Path(__file__).parents[2]


def test_the_rights_are_those_that_the_controls_need():
    """Run tests/tools/deploy_files.py when this is red."""
    try:
        rules = deploy_files.rules()
    except InputError as error:
        pytest.skip(f"the controls do not load, which their own tests say: {error}")
    assert deploy_files.RULES.read_text("utf-8") == rules


def test_the_manifests_are_those_of_the_chart():
    """Run tests/tools/deploy_files.py when this is red."""
    program = deploy_files.helm()
    if program is None:
        pytest.skip("helm is neither on PATH nor among the tools")
    assert deploy_files.MANIFESTS.read_text("utf-8") == deploy_files.manifests(program)


def test_rules_list_kinds_by_group_and_never_secrets():
    kinds = ["Pod", "Secret", "apps/v1/Deployment", "networking.k8s.io/v1/NetworkPolicy"]
    assert rbac.rules([*kinds, "networking.k8s.io/v1/Ingress", "apps/v1/DaemonSet"]) == [
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["daemonsets", "deployments"], "verbs": ["list"]},
        {
            "apiGroups": ["networking.k8s.io"],
            "resources": ["ingresses", "networkpolicies"],
            "verbs": ["list"],
        },
    ]


@pytest.fixture
def rendered(monkeypatch):
    program = deploy_files.helm()
    if program is None:
        pytest.skip("helm is neither on PATH nor among the tools")
    monkeypatch.setenv("PATH", str(Path(program).parent), prepend=os.pathsep)
    monkeypatch.chdir(ROOT)

    def render(*sets):
        rendering = Rendering(namespace="assay", release="audit", sets=sets)
        loaded = loader.load(files.discover(["deploy/chart"]), Options(renderings=(rendering,)))
        assert (loaded.errors, [gap for gap in loaded.gaps if gap.blocks]) == ([], [])
        return {found.address: found.values for found in loaded.resources}

    return render


def test_what_the_chart_deploys(rendered):
    usual = [
        "NetworkPolicy",
        "NetworkPolicy",
        "ServiceAccount",
        "PersistentVolumeClaim",
        "ClusterRole",
        "ClusterRoleBinding",
        "CronJob",
    ]
    held = rendered()
    assert sorted(address.split("/")[-3] for address in held) == sorted(usual)
    role = held["rbac.authorization.k8s.io/ClusterRole/-/audit"]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"list"}
    assert not any("secrets" in rule["resources"] for rule in role["rules"])
    job = held["batch/CronJob/assay/audit"]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_what_the_chart_can_be_told(rendered):
    held = rendered(
        "readSecrets=true",
        "createNamespace=true",
        "results.stdout=true",
        "results.volume.emptyDir.medium=Memory",
        "arguments={--fail-on,high}",
    )
    role = held["rbac.authorization.k8s.io/ClusterRole/-/audit"]
    assert role["rules"][-1] == {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}
    assert "Namespace/-/assay" in held
    assert "PersistentVolumeClaim/assay/audit" not in held
    job = held["batch/CronJob/assay/audit"]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"][-3:] == ["--format=json", "--fail-on", "high"]
    assert pod["volumes"][0] == {"name": "results", "emptyDir": {"medium": "Memory"}}


@pytest.mark.parametrize("path", ["deploy/chart", "deploy/audit.yaml"])
def test_the_audit_scans_itself_clean(rendered, capsys, path):
    code = cli.main(["scan", path, "--namespace", "assay"])
    assert code == 0, capsys.readouterr()

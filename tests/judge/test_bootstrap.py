"""Kubernetes' own roles and bindings are set aside, in sight, as long as they are its own."""

from __future__ import annotations

import json

import pytest

from assay.engine import cli
from assay.engine.judge import facts
from assay.engine.kubernetes import packed, snapshot
from assay.engine.kubernetes.cluster import Read

API = "rbac.authorization.k8s.io/v1"
OWN = {"kubernetes.io/bootstrapping": "rbac-defaults"}


def an_object(kind, name, labels=OWN, namespace="", **more):
    place = {"namespace": namespace} if namespace else {}
    metadata = {"name": name, "labels": dict(labels), **place}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, **more}


def everything():
    """All that an API server makes by itself."""
    held = facts._facts()
    found = [an_object("ClusterRole", name, rules=rules) for name, rules in held["roles"].items()]
    for key, values in held["others"].items():
        kind, namespace, name = key.split("/")
        body = {"rules": values} if kind == "Role" else values
        found.append(an_object(kind, name, namespace=namespace.strip("-"), **body))
    return found


@pytest.fixture
def scan(tmp_path, capsys):
    def run(*items, words=("-f", "json")):
        file = tmp_path / "s.jsonl.gz"
        read = Read(packed.of(json.loads(json.dumps(item)) for item in items), [], [])
        file.write_bytes(snapshot.write(read, "test", "u", "v1.37.2", None))
        code = cli.main(["scan", "--snapshot", str(file), *words])
        out = capsys.readouterr().out
        return code, json.loads(out) if words[1:] == ("json",) else out

    return run


def failing(report):
    return {each["resource"]["address"] for each in report["findings"] if each["status"] == "fail"}


def set_aside(report):
    return [gap for gap in report["gaps"] if gap["kind"] == "bootstrap"]


def test_all_that_the_server_makes_is_set_aside_and_counted(scan):
    items = everything()
    code, report = scan(*items)
    assert failing(report) == set()
    assert code == 0
    assert len(set_aside(report)) == len(items) == 141
    assert set_aside(report)[0]["reason"] == (
        "made by Kubernetes itself, and allows no more than in Kubernetes v1.37.2"
    )
    _, text = scan(*items, words=())
    assert "141 roles and bindings set aside: made by Kubernetes itself" in text


ALL = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
MASTERS = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:masters"}
ADMIN = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
STRANGER = {"kind": "ServiceAccount", "name": "a", "namespace": "b"}
STOPPED = {"rbac.authorization.kubernetes.io/autoupdate": "false"}


@pytest.mark.parametrize(
    "item",
    [
        an_object("ClusterRole", "edit", rules=ALL),
        an_object("ClusterRole", "system:discovery", rules=ALL),
        an_object("ClusterRole", "system:mine", rules=ALL),
        an_object("ClusterRole", "cluster-admin", labels={}, rules=ALL),
        an_object("ClusterRoleBinding", "cluster-admin", roleRef=ADMIN, subjects=[STRANGER]),
        an_object("ClusterRoleBinding", "cluster-admin", {}, roleRef=ADMIN, subjects=[MASTERS]),
        an_object("ClusterRoleBinding", "system:basic-user", roleRef=ADMIN, subjects=[STRANGER]),
    ],
    ids=lambda item: (
        f"{item['kind']} {item['metadata']['name']} {item['metadata']['labels'] != {}}"
    ),
)
def test_one_that_allows_more_or_is_none_of_them_is_judged(scan, item):
    _, report = scan(item)
    assert set_aside(report) == []
    judged = {each["resource"]["address"] for each in report["findings"]}
    assert f"rbac.authorization.k8s.io/{item['kind']}/-/{item['metadata']['name']}" in judged
    if item["metadata"]["name"] != "cluster-admin":
        assert failing(report)


def test_fewer_rules_than_today_are_those_of_an_older_version(scan):
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    assert len(set_aside(scan(an_object("ClusterRole", "view", rules=rules))[1])) == 1
    kept = an_object("ClusterRole", "view", rules=rules)
    kept["metadata"]["annotations"] = STOPPED
    assert set_aside(scan(kept)[1]) == []


def test_a_binding_to_one_is_judged_by_what_it_allows(scan):
    items = everything()
    mine = an_object("ClusterRoleBinding", "mine", {}, roleRef=ADMIN, subjects=[STRANGER])
    _, report = scan(*items, mine)
    assert failing(report) == {"rbac.authorization.k8s.io/ClusterRoleBinding/-/mine"}

"""Declared ⊆ live: what counts as the same, what as a change, and by whom."""

from __future__ import annotations

import gzip
import json
from fractions import Fraction

import pytest

from assay.engine import files
from assay.engine.commands import drift as command
from assay.engine.kubernetes import drift, loader, quantity
from assay.engine.kubernetes.loader import Options

DECLARED = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: web
  labels: {app: api}
spec:
  replicas: 2
  paused: false
  template:
    spec:
      volumes: []
      containers:
      - name: app
        image: a:1
        resources: {limits: {cpu: "1", memory: 1024Mi}}
        ports: [{containerPort: 80}]
        env: [{name: A, value: x}, {name: DB_PASSWORD, value: hunter2}]
"""


def live():
    """The Deployment as a cluster gives it: defaulted, its lists in another order, a sidecar in."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "api",
            "namespace": "web",
            "uid": "u",
            "labels": {"app": "api", "more": "x"},
            "managedFields": [
                {
                    "manager": "helm",
                    "operation": "Update",
                    "time": "2026-01-01T00:00:00Z",
                    "fieldsV1": {
                        "f:spec": {
                            "f:replicas": {},
                            "f:template": {
                                "f:spec": {
                                    "f:containers": {
                                        'k:{"name":"app"}': {".": {}, "f:image": {}, "f:name": {}}
                                    }
                                }
                            },
                        }
                    },
                }
            ],
        },
        "spec": {
            "replicas": 2,
            "strategy": {"type": "RollingUpdate"},
            "template": {
                "spec": {
                    "containers": [
                        {"name": "sidecar", "image": "s"},
                        {
                            "name": "app",
                            "image": "a:1",
                            "resources": {"limits": {"cpu": "1000m", "memory": "1Gi"}},
                            "ports": [{"containerPort": 80, "protocol": "TCP"}],
                            "env": [
                                {"name": "B", "value": "y"},
                                {"name": "DB_PASSWORD", "value": "(secret: named)"},
                                {"name": "A", "value": "x"},
                            ],
                        },
                    ]
                }
            },
        },
        "status": {"replicas": 1},
    }


def compare(tmp_path, monkeypatch, text, items, unread=None, options=None):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    declared = loader.load(files.discover(["."]), options)
    assert declared.errors == []
    found = drift.compare(declared.resources, items, unread or {}, "prod")
    return [
        (each.what, each.address, each.path, each.declared, each.live, each.who, each.place.line)
        for each in found
    ]


def test_the_same_meaning_is_no_drift(tmp_path, monkeypatch):
    assert compare(tmp_path, monkeypatch, DECLARED, [live()]) == []


ADDRESS = "apps/Deployment/web/api"
POD = "spec.template.spec.containers[0]"


def change(item, path, value):
    for step in path[:-1]:
        item = item[step]
    if value is None:
        del item[path[-1]]
    else:
        item[path[-1]] = value


CONTAINER = ("spec", "template", "spec", "containers", 1)


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        (("spec", "replicas"), 3, ("spec.replicas", 2, 3, "helm", 8)),
        (("spec", "paused"), True, ("spec.paused", False, True, "", 9)),
        ((*CONTAINER, "image"), "a:2", (f"{POD}.image", "a:1", "a:2", "helm", 15)),
        (
            (*CONTAINER, "resources", "limits", "memory"),
            "2Gi",
            (f"{POD}.resources.limits.memory", "1024Mi", "2Gi", "", 16),
        ),
        (
            ("metadata", "labels"),
            {"more": "x"},
            ("metadata.labels.app", "api", None, "", 6),
        ),
        (
            (*CONTAINER, "env"),
            [{"name": "A", "value": "x"}],
            (
                f"{POD}.env[1]",
                {"name": "DB_PASSWORD", "value": "(sensitive)"},
                None,
                "",
                18,
            ),
        ),
        (
            (*CONTAINER, "ports", 0, "protocol"),
            "UDP",
            (f"{POD}.ports[0]", {"containerPort": 80}, None, "", 17),
        ),
    ],
)
def test_a_change_is_named_with_its_place_and_its_author(
    tmp_path, monkeypatch, path, value, difference
):
    item = live()
    change(item, path, value)
    assert compare(tmp_path, monkeypatch, DECLARED, [item]) == [("changed", ADDRESS, *difference)]


def test_replicas_set_through_scale_are_left_to_who_set_them(tmp_path, monkeypatch):
    item = live()
    item["spec"]["replicas"] = 9
    item["metadata"]["managedFields"].append(
        {
            "manager": "kube-controller-manager",
            "subresource": "scale",
            "time": "2026-02-01T00:00:00Z",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }
    )
    assert compare(tmp_path, monkeypatch, DECLARED, [item]) == []


def test_what_is_missing_and_what_could_not_be_read(tmp_path, monkeypatch):
    assert compare(tmp_path, monkeypatch, DECLARED, []) == [
        ("missing", ADDRESS, "", None, None, "", 1)
    ]
    unread = {"apps/v1/Deployment": "the account may not list it"}
    assert compare(tmp_path, monkeypatch, DECLARED, [], unread) == [
        ("unknown", ADDRESS, "", None, None, "", 1)
    ]


def thing(kind, name, namespace="web", **metadata):
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **metadata},
    }


def test_what_nobody_declared(tmp_path, monkeypatch):
    items = [
        live(),
        thing("ConfigMap", "stray"),
        thing("ConfigMap", "elsewhere", "other"),
        thing("ConfigMap", "kube-root-ca.crt"),
        thing("ServiceAccount", "default"),
        thing("Secret", "sh.helm.release.v1.api.v1"),
        thing("Pod", "owned", ownerReferences=[{"kind": "ReplicaSet", "name": "x", "uid": "y"}]),
        thing("Pod", "argo", annotations={drift.ARGO_COMPARE: "IgnoreExtraneous"}),
    ]
    assert [row[:2] for row in compare(tmp_path, monkeypatch, DECLARED, items)] == [
        ("undeclared", "ConfigMap/web/stray")
    ]


def test_a_namespace_that_is_not_known(tmp_path, monkeypatch):
    text = DECLARED.replace("  namespace: web\n", "")
    assert compare(tmp_path, monkeypatch, text, [live()]) == []
    other = live()
    other["metadata"]["namespace"] = "second"
    found = compare(tmp_path, monkeypatch, text, [live(), other])
    assert [row[:2] for row in found] == [("unknown", "apps/Deployment/?/api")]
    options = Options(namespace="web")
    assert compare(tmp_path, monkeypatch, text, [live(), other], options=options) == []


def test_hooks_and_secrets_contents_are_not_compared(tmp_path, monkeypatch):
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: web}\ntype: x\n"
        "stringData: {a: hunter2}\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: h\n"
        f"  namespace: web\n  annotations: {{{drift.ARGO_HOOK}: PreSync}}\n"
    )
    assert compare(tmp_path, monkeypatch, text, [thing("Secret", "s")]) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100m", Fraction(1, 10)),
        ("0.1", Fraction(1, 10)),
        ("1Gi", Fraction(2**30)),
        ("1e3", Fraction(1000)),
        ("1E", Fraction(10**18)),
        ("1E3", Fraction(1000)),
        (".5Ki", Fraction(512)),
        ("-1.5k", Fraction(-1500)),
        (2, Fraction(2)),
        (0.5, Fraction(1, 2)),
        ("1 Gi", None),
        ("1gi", None),
        ("", None),
        (True, None),
        (None, None),
    ],
)
def test_quantities(text, number):
    assert quantity.parse(text) == number


def run(tmp_path, monkeypatch, capsys, items, *words):
    import argparse

    head = {"schema": "assay/snapshot/1", "cluster": "prod", "errors": [], "gaps": []}
    lines = "".join(json.dumps(each) + "\n" for each in [head, *items])
    (tmp_path / "s.gz").write_bytes(gzip.compress(lines.encode()))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(DECLARED)
    parser = argparse.ArgumentParser()
    command.options(parser)
    code = command.run(parser.parse_args(["a.yaml", "--snapshot", "s.gz", *words]))
    return code, capsys.readouterr().out


def test_the_command_in_its_three_formats(tmp_path, monkeypatch, capsys):
    assert run(tmp_path, monkeypatch, capsys, [live()]) == (
        0,
        "0 missing, 0 changed, 0 undeclared, 0 unknown\n",
    )
    item = live()
    item["spec"]["replicas"] = 5
    code, text = run(tmp_path, monkeypatch, capsys, [item])
    assert (code, text) == (
        1,
        "changed    apps/Deployment/web/api  a.yaml:8\n"
        "           `spec.replicas` is 5 where 2 is declared\n"
        "0 missing, 1 changed, 0 undeclared, 0 unknown\n",
    )
    code, text = run(tmp_path, monkeypatch, capsys, [item], "-f", "json")
    assert (code, json.loads(text)) == (
        1,
        {
            "schema": "assay/drift/1",
            "counts": {"changed": 1},
            "differences": [
                {
                    "what": "changed",
                    "kind": "apps/v1/Deployment",
                    "address": "apps/Deployment/web/api",
                    "path": "spec.replicas",
                    "declared": 2,
                    "live": 5,
                    "who": "",
                    "message": "`spec.replicas` is 5 where 2 is declared",
                    "file": "a.yaml",
                    "line": 8,
                    "column": 3,
                }
            ],
            "gaps": [],
            "errors": [],
        },
    )
    code, text = run(tmp_path, monkeypatch, capsys, [item], "-f", "sarif")
    (result,) = json.loads(text)["runs"][0]["results"]
    assert (code, result["ruleId"], result["level"]) == (1, "drift-changed", "error")

"""Objects of a cluster that are alike are judged once: the findings are those of judging each."""

from __future__ import annotations

import gzip
import json
from itertools import product
from pathlib import Path

import pytest

from assay.engine.catalogue.load import load
from assay.engine.judge import alike
from assay.engine.kubernetes import snapshot
from assay.engine.scan import ScanOptions, scan

CATALOGUE = load()
CONTAINERS = [
    {},
    {"securityContext": {"privileged": True}},
    {"securityContext": {"privileged": "yes"}},
    {"securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_RAW"], "drop": ["ALL"]}}},
    {"image": "nginx:latest", "ports": [{"containerPort": 80, "hostPort": 80}]},
    {"env": [{"name": "DB_PASSWORD", "value": "hunter2hunter2"}], "resources": {"limits": {}}},
    {
        "livenessProbe": {"httpGet": {"host": "example.org", "port": 1}},
        "command": ["vault", "-dev"],
    },
]
PODS = [
    {},
    {"hostNetwork": True, "hostPID": True},
    {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}}},
    {"volumes": [{"name": "h", "hostPath": {"path": "/"}}], "automountServiceAccountToken": False},
]


def objects():
    """Objects of a few templates, the same faults in several places."""
    for number, (container, pod) in enumerate(product(CONTAINERS * 3, PODS * 3)):
        held = {"name": f"c{number % 3}", "image": f"registry.example/a:{number}", **container}
        lists = {"containers": [held]} if number % 5 else {"initContainers": [held]}
        template = {"metadata": {"labels": {"app": f"a{number}"}}, "spec": {**pod, **lists}}
        metadata = {"name": f"d{number:04}", "namespace": f"n{number % 4}"}
        kind = "StatefulSet" if number % 7 == 0 else "Deployment"
        yield {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": metadata,
            "spec": {"replicas": number % 2 + 1, "template": template},
        }


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    head = {"schema": "assay/snapshot/1", "cluster": "c", "errors": [], "gaps": []}
    lines = [json.dumps(each) for each in (head, *objects())]
    file = tmp_path_factory.mktemp("alike") / "snapshot"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    return snapshot.load(Path(file))


def findings(loaded):
    result = scan(CATALOGUE, [loaded], ScanOptions())
    found = [
        (
            *(each.control, each.check, each.status, each.resource.address, each.message),
            *(each.cause, each.violations, each.fix),
        )
        for each in result.findings()
    ]
    assert len(list(result.notable())) == sum(
        each[2] not in ("pass", "not_applicable") for each in found
    )
    return found, result.counts


def test_the_findings_are_those_of_judging_each(loaded, monkeypatch):
    together = findings(loaded)
    asked = []
    monkeypatch.setattr(alike.Groups, "of", lambda *_: asked.append(1))
    assert together == findings(loaded)
    assert asked
    assert {status for _, _, status, *_ in together[0]} >= {"pass", "fail", "error"}


def test_few_are_judged(loaded, monkeypatch):
    groups = []
    of = alike.Groups.of

    def watched(self, found):
        parted = of(self, found)
        if parted is not None:
            groups.append((len(found), len(parted.places), len(self.members)))
        return parted

    monkeypatch.setattr(alike.Groups, "of", watched)
    findings(loaded)
    assert groups, "objects of a few templates were judged one by one"
    assert all(number * 2 < found for found, number, _ in groups)


@pytest.mark.parametrize(
    ("one", "other", "need"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, {"a": None}),
        ({"a": 1, "b": 1}, {"b": 1, "a": 1}, {"a": None, "b": None}),
        ([{"a": 1, "b": 1}], [{"a": 1}], {"[]": {"a": None}}),
        ({"x": {"a": 1}}, {"x": {"a": 1, "c": 1}}, {"[]": {"a": None}}),
        ("one", "other", {}),
    ],
)
def test_what_is_not_needed_does_not_tell_apart(one, other, need):
    assert alike.projected(one, need) == alike.projected(other, need)


@pytest.mark.parametrize(
    ("one", "other", "need"),
    [
        ({"a": 1}, {"a": 2}, {"a": None}),
        ({"a": None}, {}, {"a": {}}),
        ([{}], [{}, {}], {"[]": {}}),
        ({"x": {}}, {"y": {}}, {"[]": {}}),
        ({"a": 1}, [1], {"a": None}),
        (None, "text", {}),
        ({}, [], {}),
        ({"x": {"a": 1}, "b": 1}, {"x": {"a": 1}, "b": 2}, {"[]": {}, "b": None}),
    ],
)
def test_what_is_needed_tells_apart(one, other, need):
    assert repr(alike.projected(one, need)) != repr(alike.projected(other, need))

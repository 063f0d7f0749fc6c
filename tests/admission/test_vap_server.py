"""Exported policies on a real API server: its verdicts and messages are those of the scan.

Every policy is installed with its binding set to audit, so that one dry-run gives the verdicts of
them all. Assay judges the same objects as manifests, and once more as the server returns them,
with its defaults: neither may differ.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from tools.admitting import BINDINGS, POLICIES, Answer, send_all
from tools.cluster import Cluster, running
from tools.generated_objects import NAMESPACE, objects

from assay.engine import examples
from assay.engine.admission.collect import Collected, collect
from assay.engine.admission.targets import Target
from assay.engine.catalogue import load
from assay.engine.files import discover
from assay.engine.kubernetes import kinds, loader
from assay.engine.scan import ScanOptions, scan
from assay.reports.gatekeeper import vap
from assay.reports.gatekeeper.settings import Settings

pytestmark = pytest.mark.apiserver
FILES = load.read_files()
CATALOGUE = load.build(FILES)
PARAMS = {
    control.id: {param.name: param.default for param in control.params}
    for control in CATALOGUE.controls
}
GENERATED = 2_300
WANTED = 2_000
Verdicts = dict[str, str]  # policy → message, for those that fail


class Installed(NamedTuple):
    """The server with every exported policy, and what was exported."""

    cluster: Cluster
    found: Collected


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    """A server of its own with every policy in force."""
    found = collect(CATALOGUE)
    chosen = Settings("0", PARAMS, validation_actions=("Audit",))
    with running(audit=True) as cluster:
        custom: dict[tuple[str, str], list[Target]] = {}
        for target in sorted(
            {each for policy in found.policies for each in policy.targets},
            key=lambda each: each.kind,
        ):
            if not kinds.is_builtin(target.group):
                custom.setdefault((target.group, target.plural), []).append(target)
        for versions in custom.values():
            definition = _definition(versions)
            cluster.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        for policy in found.policies:
            parameters = vap.parameters(policy, chosen)
            if parameters is not None:
                cluster.create("/api/v1/namespaces/kube-system/configmaps", parameters)
            cluster.create(POLICIES, vap.policy(policy, chosen))
            cluster.create(BINDINGS, vap.binding(policy, chosen))
        _namespaces(cluster, {NAMESPACE, "default"})
        _settled(cluster)
        yield Installed(cluster, found)


def _namespaces(cluster: Cluster, names: set[str]) -> None:
    for name in sorted(names):
        label = {"pod-security.kubernetes.io/enforce": "privileged"}
        body = {"metadata": {"name": name, "labels": label}}
        status, answer = cluster.request("POST", "/api/v1/namespaces", body)
        assert status in (201, 409), answer


def _definition(versions: list[Target]) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    target = versions[0]
    return {
        "metadata": {
            "name": f"{target.plural}.{target.group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a test"},
        },
        "spec": {
            "group": target.group,
            "names": {"kind": target.name, "plural": target.plural},
            "scope": "Namespaced" if target.namespaced else "Cluster",
            "versions": [
                {
                    "name": each.version,
                    "served": True,
                    "storage": each is target,
                    "schema": {"openAPIV3Schema": schema},
                }
                for each in versions
            ],
        },
    }


def _settled(cluster: Cluster) -> None:
    """Wait until the server enforces what was created last: a policy, a binding and parameters."""
    metadata = {"name": "last"}
    cluster.create(
        "/api/v1/namespaces/kube-system/configmaps",
        {"metadata": metadata, "data": {"name": "probe"}},
    )
    rules = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
    }
    spec = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": [rules]},
        "validations": [{"expression": "object.metadata.name != params.data.name"}],
    }
    cluster.create(POLICIES, {"metadata": metadata, "spec": spec})
    reference = {"name": "last", "namespace": "kube-system", "parameterNotFoundAction": "Deny"}
    bound = {"policyName": "last", "validationActions": ["Audit"], "paramRef": reference}
    cluster.create(BINDINGS, {"metadata": metadata, "spec": bound})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "namespace": NAMESPACE},
        "spec": {"hostPID": True, "containers": [{"name": "a", "image": "a"}]},
    }
    seen: list[dict[str, str]] = []
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        answer = send_all(cluster, [pod])[0]
        assert not answer.refused, answer.refused
        seen.append(answer.failed)
        if "last" in answer.failed and len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]:
            return
        time.sleep(1)
    pytest.fail(f"the policies are not in force: {sorted(seen[-1])}")


def judged(given: list[dict[str, Any]], found: Collected, folder: Path) -> list[Verdicts]:
    """What Assay says of each object, by the names of the policies that say the same."""
    folder.mkdir()
    for number, object in enumerate(given):
        (folder / f"{number:05}.json").write_text(json.dumps(object), "utf-8")
    loaded = loader.load(discover([str(folder)]))
    assert not loaded.errors
    assert len(loaded.resources) == len(given)
    names = {(policy.control.id, policy.check.id): policy.name for policy in found.policies}
    order = {id(resource): number for number, resource in enumerate(loaded.resources)}
    verdicts: list[Verdicts] = [{} for _ in given]
    for finding in scan(CATALOGUE, [loaded], ScanOptions()).findings():
        name = names.get((finding.control, finding.check))
        if name is None:
            continue
        assert finding.status in ("pass", "fail", "not_applicable"), finding
        if finding.status == "fail":
            verdicts[order[id(finding.resource)]][name] = finding.message
    return verdicts


def trimmed(object: dict[str, Any]) -> dict[str, Any]:
    """An object as the cluster loader would keep it."""
    metadata = {name: held for name, held in object["metadata"].items() if name != "managedFields"}
    return {name: held for name, held in object.items() if name != "status"} | {
        "metadata": metadata
    }


def differences(
    given: list[dict[str, Any]], answers: list[Answer], verdicts: list[Verdicts]
) -> list[str]:
    found = []
    for object, answer, verdict in zip(given, answers, verdicts, strict=True):
        if not answer.refused and answer.failed != verdict:
            for name in sorted(answer.failed.keys() | verdict.keys()):
                server, ours = answer.failed.get(name), verdict.get(name)
                if server != ours:
                    text = json.dumps(object)
                    found.append(f"{name}: server {server!r}, Assay {ours!r}: {text}")
    return found


@pytest.fixture(scope="module")
def sent(installed: Installed) -> tuple[list[dict[str, Any]], list[Answer]]:
    """The generated objects that the server takes, with its answers."""
    given = list(objects(GENERATED))
    answers = send_all(installed.cluster, given)
    taken = [number for number, answer in enumerate(answers) if answer.object is not None]
    refused = sorted({answer.refused for answer in answers if answer.refused})
    assert len(taken) >= WANTED, refused[:10]
    return [given[number] for number in taken], [answers[number] for number in taken]


def test_generated_objects_get_one_verdict(
    installed: Installed, sent: tuple[list[dict[str, Any]], list[Answer]], tmp_path: Path
) -> None:
    given, answers = sent
    verdicts = judged(given, installed.found, tmp_path / "given")
    assert not (found := differences(given, answers, verdicts)), "\n".join(found[:9])
    # Many policies must have been seen to deny; each denies its own examples in another test.
    failing = {name for verdict in verdicts for name in verdict}
    builtin = {
        policy.name
        for policy in installed.found.policies
        if all(kinds.is_builtin(target.group) for target in policy.targets)
    }
    assert len(builtin & failing) >= 70, sorted(builtin - failing)


def test_the_servers_defaults_change_no_verdict(
    installed: Installed, sent: tuple[list[dict[str, Any]], list[Answer]], tmp_path: Path
) -> None:
    given, answers = sent
    returned = [trimmed(answer.object) for answer in answers if answer.object is not None]
    before = judged(given, installed.found, tmp_path / "given")
    after = judged(returned, installed.found, tmp_path / "returned")
    changed = [
        (sorted(one.keys() ^ two.keys()), json.dumps(object))
        for object, one, two in zip(given, before, after, strict=True)
        if one != two
    ]
    assert changed[:5] == []


def _completed(object: dict[str, Any]) -> dict[str, Any]:
    """An example with what a server demands and no control reads."""
    labels = {"app": "example"}
    spec = object.get("spec")
    if object["apiVersion"] == "apps/v1" and isinstance(spec, dict):
        template = spec.setdefault("template", {})
        held = template.setdefault("metadata", {}).setdefault("labels", {})
        for name, value in labels.items():
            held.setdefault(name, value)
        spec.setdefault("selector", {"matchLabels": dict(held)})
    if object["kind"] in ("Job", "CronJob") and isinstance(spec, dict):
        inner = spec["jobTemplate"] if object["kind"] == "CronJob" else object
        inner["spec"]["template"]["spec"].setdefault("restartPolicy", "Never")
    return object


def _examples(found: Collected) -> Iterator[tuple[examples.Example, dict[str, Any]]]:
    wanted = {(policy.control.id, policy.check.id) for policy in found.policies}
    controls = {control.file: control for control in CATALOGUE.controls}
    for file in FILES:
        if file.name not in controls:
            continue
        for example in examples.read(file, controls[file.name]):
            defaults: Mapping[str, Any] = PARAMS[example.control]
            if (example.control, example.check) not in wanted or "manifest" not in example.inputs:
                continue
            if any(defaults[name] != value for name, value in example.params.items()):
                continue
            for object in yaml.safe_load_all(example.inputs["manifest"]):
                if isinstance(object, dict):
                    yield example, _completed(object)


def test_the_examples_of_the_controls_get_one_verdict(installed: Installed, tmp_path: Path) -> None:
    given = [object for _, object in _examples(installed.found)]
    assert len(given) >= 70
    names = {object["metadata"].get("namespace") for object in given} - {None}
    _namespaces(installed.cluster, names)
    answers = send_all(installed.cluster, given)
    refused = [answer.refused for answer in answers if answer.refused]
    assert len(refused) <= 0.2 * len(given), refused
    verdicts = judged(given, installed.found, tmp_path / "given")
    assert not (found := differences(given, answers, verdicts)), "\n".join(found[:9])

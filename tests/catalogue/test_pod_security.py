"""The levels of Pod Security against upstream's own pods: every verdict, both ways."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
import yaml

from assay.engine.catalogue.load import load
from assay.engine.catalogue.selection import by_frameworks
from assay.engine.commands.scan import for_version
from assay.engine.errors import InputError
from assay.engine.kubernetes.objects import Origin, resource
from assay.engine.model import Loaded, Place
from assay.engine.scan import ScanOptions, scan

CATALOGUE = load()
HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("ASSAY_CORPORA") or HERE.parent / "shared/corpora") / "pod-security"
LEVELS = ("baseline", "restricted")
VERSIONS = ("1.30", "1.37")
# Kind → where its pod template lies.
KINDS = {
    "v1/Pod": (),
    "v1/PodTemplate": ("template",),
    "v1/ReplicationController": ("spec", "template"),
    "apps/v1/Deployment": ("spec", "template"),
    "apps/v1/DaemonSet": ("spec", "template"),
    "apps/v1/ReplicaSet": ("spec", "template"),
    "apps/v1/StatefulSet": ("spec", "template"),
    "batch/v1/Job": ("spec", "template"),
    "batch/v1/CronJob": ("spec", "jobTemplate", "spec", "template"),
    "argoproj.io/v1alpha1/Rollout": ("spec", "template"),
    "keda.sh/v1alpha1/ScaledJob": ("spec", "jobTargetRef", "template"),
}


def as_kind(kind: str, pod: dict) -> dict:
    """The object of a kind that makes this pod."""
    group, _, name = kind.rpartition("/")
    head = {"apiVersion": group, "kind": name}
    if name == "Pod":
        return {**pod, **head}
    template = {"metadata": pod.get("metadata", {}), "spec": pod["spec"]}
    for step in reversed(KINDS[kind]):
        template = {step: template}
    return {**head, "metadata": {"name": "a", "namespace": "services"}, **template}


def refused(objects: list[dict], level: str, version: str) -> list[bool]:
    """Whether the level refuses each object."""
    values: dict = {}
    for_version(version, CATALOGUE, values)
    origin = Origin("manifest", ".", "default", None)
    resources = [
        resource(each, origin, {}, Place("pods.yaml", number + 1), lambda _: Place("pods.yaml"))
        for number, each in enumerate(objects)
    ]
    chosen = by_frameworks(CATALOGUE.controls, [f"pod-security-{level}"])
    result = scan(CATALOGUE, [Loaded(resources, [], [])], ScanOptions(chosen, values))
    failed: dict[int, set[str]] = {number: set() for number in range(len(objects))}
    for finding in result.findings():
        failed[finding.resource.place.line - 1].add(finding.status)
    for statuses in failed.values():
        assert statuses
        assert statuses <= {"pass", "fail", "not_applicable"}
    return ["fail" in failed[number] for number in range(len(objects))]


@cache
def pods(level: str, version: str) -> list[tuple[str, dict]]:
    folder = CORPUS / level / f"v{version}"
    if not folder.is_dir():
        pytest.skip("needs the corpora (ASSAY_CORPORA)")
    files = sorted(folder.rglob("*.yaml"))
    return [(f"{file.parent.name}/{file.name}", yaml.safe_load(file.read_text())) for file in files]


@pytest.mark.corpora
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("level", LEVELS)
def test_every_upstream_verdict(level: str, version: str, kind: str) -> None:
    listed = pods(level, version)
    got = refused([as_kind(kind, pod) for _, pod in listed], level, version)
    wrong = [
        name
        for (name, _), answer in zip(listed, got, strict=True)
        if answer != name.startswith("fail/")
    ]
    assert len(listed) >= 40
    assert wrong == []


BASE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "namespace": "services"},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "a",
                "image": "a",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    },
}


def edited(spec: dict, container: dict | None = None, extra: dict | None = None) -> dict:
    """The base with entries of its spec, and of a container in another list, replaced."""
    made = {**BASE, "spec": {**BASE["spec"], **spec}}
    for name, security in (extra or {}).items():
        made["spec"][name] = [{"name": "x", "image": "a", "securityContext": security}]
    if container is not None:
        made["spec"]["containers"] = [{**BASE["spec"]["containers"][0], **container}]
    return made


GOOD = BASE["spec"]["containers"][0]["securityContext"]
EDGES = [
    ("as it is", edited({}), False, False),
    (
        "an ephemeral container that says nothing",
        edited({}, extra={"ephemeralContainers": {}}),
        False,
        True,
    ),
    (
        "an ephemeral container that is privileged",
        edited({}, extra={"ephemeralContainers": {**GOOD, "privileged": True}}),
        True,
        True,
    ),
    ("an init container that says nothing", edited({}, extra={"initContainers": {}}), False, True),
    (
        "an init container that keeps the rules",
        edited({}, extra={"initContainers": GOOD}),
        False,
        False,
    ),
    (
        "root for one container only",
        edited({}, {"securityContext": {**GOOD, "runAsNonRoot": False}}),
        False,
        True,
    ),
    (
        "root for the pod, refused by the container",
        edited(
            {
                "securityContext": {
                    "runAsNonRoot": False,
                    "seccompProfile": {"type": "RuntimeDefault"},
                }
            },
            {"securityContext": {**GOOD, "runAsNonRoot": True}},
        ),
        False,
        True,
    ),
    (
        "the filter by the container alone",
        edited(
            {"securityContext": {"runAsNonRoot": True}},
            {"securityContext": {**GOOD, "seccompProfile": {"type": "Localhost"}}},
        ),
        False,
        False,
    ),
    (
        "Windows needs no filter, capabilities or escalation",
        edited(
            {"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}},
            {"securityContext": {}},
        ),
        False,
        False,
    ),
    (
        "Windows is kept from root",
        edited({"os": {"name": "windows"}, "securityContext": {}}, {"securityContext": {}}),
        False,
        True,
    ),
    (
        "all capabilities in small letters",
        edited({}, {"securityContext": {**GOOD, "capabilities": {"drop": ["all"]}}}),
        False,
        True,
    ),
    ("a volume without a source", edited({"volumes": [{"name": "v"}]}), False, False),
    (
        "a volume of an image",
        edited({"volumes": [{"name": "v", "image": {"reference": "a"}}]}),
        False,
        True,
    ),
]


@pytest.mark.parametrize(
    ("name", "pod", "baseline", "restricted"), EDGES, ids=[e[0] for e in EDGES]
)
def test_edges(name: str, pod: dict, baseline: bool, restricted: bool) -> None:
    for kind in KINDS:
        made = as_kind(kind, pod)
        assert refused([made], "baseline", "1.37") == [baseline], kind
        assert refused([made], "restricted", "1.37") == [restricted], kind


def test_restricted_holds_all_of_baseline() -> None:
    chosen = [by_frameworks(CATALOGUE.controls, [f"pod-security/{level}"]) for level in LEVELS]
    assert chosen[0] < chosen[1]
    assert by_frameworks(CATALOGUE.controls, ["pod-security"]) == chosen[1]


def test_a_framework_that_no_control_names() -> None:
    with pytest.raises(InputError) as caught:
        by_frameworks(CATALOGUE.controls, ["pod-security-restrictd"])
    (problem,) = caught.value.problems
    assert problem.code == "no-framework"
    assert "pod-security-restricted" in problem.help

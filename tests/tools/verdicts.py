"""What a real API server makes of CEL expressions: each in an admission policy of its own.

Run as a program it asks an API server of its own about every case of tests/cel/apiserver.yaml
and writes the verdicts down there; the order and the sections stay.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import yaml

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from tools.cluster import Cluster, running

GROUP = "tests.assay.example"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
WORKERS = 8
DEADLINE = 60.0  # seconds until the API server must have taken up the policies


class Answer(NamedTuple):
    """`verdict` is true, false, error or refused; `message` is the server's own."""

    verdict: str
    message: str


def definition() -> dict[str, Any]:
    """A kind whose objects may hold anything, so that one object serves all expressions."""
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "params": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"samples.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "samples", "singular": "sample", "kind": "Sample"},
            "versions": [version],
        },
    }


def sample(spec: dict[str, Any], case: str) -> dict[str, Any]:
    """The object that expressions see as `object`."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Sample",
        "metadata": {"name": "sample", "namespace": "cases", "labels": {"case": case}},
        "spec": spec,
    }


def ask(
    cluster: Cluster, expressions: Sequence[str], spec: dict[str, Any], params: dict[str, str]
) -> list[Answer]:
    """One Answer for each expression, evaluated for the creation of `sample(spec)`.

    `params` is the data of the ConfigMap that the policies have as parameter.
    """
    _prepare(cluster, params)
    answers: list[Answer | None] = [None] * len(expressions)
    with ThreadPoolExecutor(WORKERS) as pool:
        created = pool.map(
            lambda number: _create(cluster, f"case-{number}", expressions[number]),
            range(len(expressions)),
        )
        for number, refusal in enumerate(created):
            if refusal is not None:
                answers[number] = Answer("refused", refusal)
        _create(cluster, "case-last", "false")
        _until(lambda: _evaluate(cluster, "case-last", spec).verdict == "false")
        open_numbers = [number for number, answer in enumerate(answers) if answer is None]
        judged = pool.map(lambda number: _settled(cluster, f"case-{number}", spec), open_numbers)
        for number, answer in zip(open_numbers, judged, strict=True):
            answers[number] = answer
        for path in (POLICIES, BINDINGS):
            cluster.request("DELETE", path)
    return [answer for answer in answers if answer is not None]


def _prepare(cluster: Cluster, params: dict[str, str]) -> None:
    """The kind, the namespace and the parameter, unless an earlier call made them."""
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    if cluster.request("GET", f"{crds}/samples.{GROUP}")[0] == 404:
        cluster.create(crds, definition())
        name = {"name": "cases", "labels": {"team": "red"}}
        cluster.create("/api/v1/namespaces", {"metadata": name})
    config = {"metadata": {"name": "limits", "namespace": "cases"}, "data": params}
    maps = "/api/v1/namespaces/cases/configmaps"
    if cluster.request("POST", maps, config)[0] == 409:
        assert cluster.request("PUT", f"{maps}/limits", config)[0] == 200
    listing = f"/apis/{GROUP}/v1/namespaces/cases/samples"
    _until(lambda: cluster.request("GET", listing)[0] == 200)


def _create(cluster: Cluster, name: str, expression: str) -> str | None:
    """None, or the reason why the server refuses the policy."""
    rule = {
        "apiGroups": [GROUP],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["samples"],
    }
    # Each policy judges its own object only: the label is the number of the case. A policy
    # with an unconditional second validation shows that it was in force at all.
    spec = {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            "objectSelector": {"matchLabels": {"case": name}},
            "resourceRules": [rule],
        },
        "variables": [
            {"name": "replicas", "expression": "object.spec.num"},
            {"name": "words", "expression": "object.spec.words"},
        ],
        "validations": [
            {"expression": expression, "message": "VERDICT false"},
            {"expression": "false", "message": "VERDICT true"},
        ],
    }
    status, answer = cluster.request("POST", POLICIES, {"metadata": {"name": name}, "spec": spec})
    if status != 201:
        return str(answer.get("message", ""))
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "paramRef": {
            "name": "limits",
            "namespace": "cases",
            "parameterNotFoundAction": "Deny",
        },
    }
    cluster.create(BINDINGS, {"metadata": {"name": name}, "spec": binding})
    return None


def _evaluate(cluster: Cluster, name: str, spec: dict[str, Any]) -> Answer:
    path = f"/apis/{GROUP}/v1/namespaces/cases/samples?dryRun=All"
    status, answer = cluster.request("POST", path, sample(spec, name))
    if status == 201:
        return Answer("none", "")
    message = str(answer.get("message", ""))
    for verdict in ("true", "false"):
        if message.endswith(f"VERDICT {verdict}"):
            return Answer(verdict, "")
    return Answer("error", message)


def _settled(cluster: Cluster, name: str, spec: dict[str, Any]) -> Answer:
    """The answer once the policy is in force: all are taken up within the same second."""
    answers: list[Answer] = []

    def in_force() -> bool:
        answers.append(_evaluate(cluster, name, spec))
        return answers[-1].verdict != "none" and "not yet synced" not in answers[-1].message

    _until(in_force)
    return answers[-1]


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the API server did not take up the policies"
        time.sleep(0.1)


def record(path: Path) -> None:
    """Ask about all cases of the file, and write the answers into it."""
    text = path.read_text("utf-8")
    recorded = yaml.load(text, Loader=yaml.CSafeLoader)
    with running() as cluster:
        expressions = [case[1] for cases in recorded["cases"].values() for case in cases]
        answers = ask(cluster, expressions, recorded["object"], recorded["params"])
    verdicts = {
        expression: answer.verdict for expression, answer in zip(expressions, answers, strict=True)
    }
    lines = [text[: text.index("cases:\n")], "cases:\n"]
    for section, cases in recorded["cases"].items():
        lines.append(f"  {section}:\n")
        for _, expression in cases:
            quoted = json.dumps(expression, ensure_ascii=False)
            lines.append(f"    - [{verdicts[expression]}, {quoted}]\n")
    path.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    record(Path(__file__).parent.parent / "cel" / "apiserver.yaml")

"""A user's own admission policies through the scan: verdicts, messages, and what is broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.engine.catalogue.controls import Catalogue
from assay.engine.cli import main
from assay.engine.errors import InputError
from assay.engine.files import discover
from assay.engine.kubernetes import loader
from assay.engine.policies import documents
from assay.engine.policies.apply import apply
from assay.engine.scan import ScanOptions, scan

NONE = Catalogue((), {}, "")
RULE = {
    "apiGroups": ["apps"],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["deployments"],
}


def deployment(name: str = "a", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": spec,
    }


def policy(expression: str, **more: Any) -> dict[str, Any]:
    spec = {
        "matchConstraints": {"resourceRules": [RULE]},
        "validations": [{"expression": expression, "message": "refused"}],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "example"},
        "spec": spec | more,
    }


def binding(**more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "everywhere"},
        "spec": {"policyName": "example", "validationActions": ["Deny"]} | more,
    }


def judged(folder: Path, policies: list[Any], given: list[Any]) -> list[tuple[str, str, str]]:
    """(address, status, message) of every finding."""
    for name, held in (("policies", policies), ("objects", given)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "all.yaml").write_text(yaml.safe_dump_all(held), "utf-8")
    loaded = loader.load(discover([str(folder / "objects")]))
    read = documents.read([str(folder / "policies")])
    result = apply(scan(NONE, [loaded], ScanOptions()), read)
    found = [(f.resource.address, f.status, f.message) for f in result.findings()]
    assert sum(result.counts.values()) == len(found)
    return found


A, B = "apps/Deployment/shop/a", "apps/Deployment/shop/b"


@pytest.mark.parametrize(
    ("policies", "found"),
    [
        pytest.param(
            [policy("object.spec.replicas < 3"), binding()],
            [(A, "pass", ""), (B, "fail", "refused")],
            id="a message",
        ),
        pytest.param(
            [
                policy(
                    "variables.count < 3",
                    variables=[{"name": "count", "expression": "object.spec.replicas"}],
                    validations=[
                        {
                            "expression": "variables.count < 3",
                            "message": "fallback",
                            "messageExpression": "'has ' + string(variables.count)",
                        }
                    ],
                ),
                binding(),
            ],
            [(A, "pass", ""), (B, "fail", "has 5")],
            id="variables and a message expression",
        ),
        pytest.param(
            [
                policy(
                    "false",
                    validations=[
                        {"expression": "false", "messageExpression": "string(object.spec.gone)"},
                    ],
                ),
                binding(),
            ],
            [(A, "fail", "failed expression: false"), (B, "fail", "failed expression: false")],
            id="a message expression that fails",
        ),
        pytest.param(
            [policy("object.spec.gone == 1"), binding()],
            [
                (A, "error", "`object.spec.gone == 1` failed: no such key: gone"),
                (B, "error", "`object.spec.gone == 1` failed: no such key: gone"),
            ],
            id="an expression that fails",
        ),
        pytest.param(
            [
                policy("object.spec.replicas < 3 || object.spec.gone", failurePolicy="Ignore"),
                binding(),
            ],
            [
                (A, "pass", ""),
                (
                    B,
                    "pass",
                    "admitted, for `failurePolicy: Ignore`: `object.spec.replicas < 3 || "
                    "object.spec.gone` failed: no such key: gone",
                ),
            ],
            id="an expression that fails and is ignored",
        ),
        pytest.param(
            [
                policy(
                    "false",
                    matchConditions=[{"name": "b", "expression": "object.metadata.name == 'b'"}],
                ),
                binding(),
            ],
            [(A, "not_applicable", ""), (B, "fail", "refused")],
            id="a match condition",
        ),
        pytest.param(
            [
                policy("false"),
                binding(matchResources={"objectSelector": {"matchLabels": {"app": "b"}}}),
            ],
            [(A, "not_applicable", ""), (B, "fail", "refused")],
            id="an object selector of the binding",
        ),
        pytest.param(
            [
                policy("object.spec.replicas < 3"),
                binding(matchResources={"namespaceSelector": {"matchLabels": {"tier": "backend"}}}),
            ],
            [
                (A, "pass", ""),
                (
                    B,
                    "unknown",
                    "depends on the labels of the namespace shop, which is not known here",
                ),
            ],
            id="a namespace whose labels nobody knows",
        ),
        pytest.param(
            [
                policy("false"),
                binding(
                    matchResources={
                        "namespaceSelector": {
                            "matchExpressions": [
                                {
                                    "key": "kubernetes.io/metadata.name",
                                    "operator": "NotIn",
                                    "values": ["shop"],
                                }
                            ]
                        }
                    }
                ),
            ],
            [(A, "not_applicable", ""), (B, "not_applicable", "")],
            id="a namespace by its name",
        ),
        pytest.param(
            [
                policy("request.operation == 'CREATE' && request.kind.kind == 'Deployment'"),
                binding(),
            ],
            [(A, "pass", ""), (B, "pass", "")],
            id="the request",
        ),
        pytest.param(
            [policy("request.userInfo.username != 'root'"), binding()],
            [
                (A, "unknown", "depends on request.userInfo, which is not known here"),
                (B, "unknown", "depends on request.userInfo, which is not known here"),
            ],
            id="the user, whom nobody knows",
        ),
        pytest.param(
            [
                policy(
                    "object.spec.replicas <= int(params.data.most)",
                    paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
                ),
                binding(
                    paramRef={
                        "name": "limits",
                        "namespace": "ops",
                        "parameterNotFoundAction": "Deny",
                    }
                ),
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "limits", "namespace": "ops"},
                    "data": {"most": "4"},
                },
            ],
            [(A, "pass", ""), (B, "fail", "refused")],
            id="parameters",
        ),
        pytest.param(
            [
                policy(
                    "false",
                    matchConstraints={
                        "resourceRules": [RULE],
                        "excludeResourceRules": [RULE | {"resourceNames": ["a"]}],
                    },
                ),
                binding(),
            ],
            [(A, "not_applicable", ""), (B, "fail", "refused")],
            id="an excluded name",
        ),
        pytest.param(
            [
                policy(
                    "true",
                    auditAnnotations=[{"key": "k", "valueExpression": "object.spec.gone"}],
                ),
                binding(),
            ],
            [(A, "error", "no such key: gone"), (B, "error", "no such key: gone")],
            id="an audit annotation that fails",
        ),
    ],
)
def test_verdicts(policies: list[Any], found: list[tuple[str, str, str]], tmp_path: Path) -> None:
    given = [deployment("a", replicas=1), deployment("b", replicas=5)]
    assert judged(tmp_path, policies, given) == found


@pytest.mark.parametrize(
    ("policies", "code", "message"),
    [
        pytest.param(
            [policy("object.spec.replicas <"), binding()],
            "cel-syntax",
            "`object.spec.replicas <` does not compile: ",
            id="does not compile",
        ),
        pytest.param(
            [policy("object.spec.replicas + 1"), binding()],
            "cel-type",
            "`object.spec.replicas + 1` must give a bool, not a ",
            id="no verdict",
        ),
        pytest.param(
            [policy("authorizer.group('').resource('pods').check('get').allowed()"), binding()],
            "policy-authorizer",
            "it asks `authorizer`, and a scan has nobody to ask for rights",
            id="authorizer",
        ),
        pytest.param(
            [policy("variables.gone > 1"), binding()],
            "cel-undeclared",
            "there is no variable `variables.gone`",
            id="no such variable",
        ),
        pytest.param(
            [policy("params.data.a == 'b'"), binding()],
            "cel-undeclared",
            "`params.data.a == 'b'` does not compile: ",
            id="parameters without a kind of them",
        ),
        pytest.param(
            [
                policy("true", paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
                binding(
                    paramRef={"name": "gone", "namespace": "ops", "parameterNotFoundAction": "Deny"}
                ),
            ],
            "everywhere",
            "there is no parameter object ConfigMap `gone`",
            id="no parameter object",
        ),
        pytest.param([binding()], "policy-missing", "there is no policy `example`", id="no policy"),
    ],
)
def test_what_is_broken_is_an_error_and_the_rest_goes_on(
    policies: list[Any], code: str, message: str, tmp_path: Path
) -> None:
    sound = policy("object.spec.replicas < 3")
    sound["metadata"]["name"] = "sound"
    policies = [*policies, sound, binding(policyName="sound")]
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "all.yaml").write_text(yaml.safe_dump_all(policies), "utf-8")
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(deployment("a", replicas=1)), "utf-8")
    loaded = loader.load(discover([str(tmp_path / "a.yaml")]))
    result = apply(scan(NONE, [loaded], ScanOptions()), documents.read([str(folder)]))
    found = list(result.findings())
    errors = [each for each in found if each.status == "error"]
    assert [each.check for each in errors] == [code]
    assert message in errors[0].message
    assert errors[0].violations[0].place.file.endswith("all.yaml")
    assert [(f.control, f.status) for f in found if f.status != "error"] == [("sound", "pass")]


def test_a_policy_that_costs_too_much_is_an_error_on_the_objects_it_costs_so(
    tmp_path: Path,
) -> None:
    text = "object.spec.args.all(a, object.spec.args.all(b, object.spec.args.all(c, a + b != c)))"
    small, large = ["x"] * 3, [f"argument {number}" for number in range(300)]
    given = [deployment("a", args=small), deployment("b", args=large)]
    found = judged(tmp_path, [policy(text), binding()], given)
    assert [(address, status) for address, status, _ in found] == [(A, "pass"), (B, "error")]
    assert "units here, more than 1,000,000" in found[1][2]


TEMPLATE = {
    "apiVersion": "templates.gatekeeper.sh/v1",
    "kind": "ConstraintTemplate",
    "metadata": {"name": "fewreplicas"},
    "spec": {
        "crd": {"spec": {"names": {"kind": "FewReplicas"}}},
        "targets": [
            {
                "target": "admission.k8s.gatekeeper.sh",
                "code": [
                    {
                        "engine": "K8sNativeValidation",
                        "source": {
                            "validations": [
                                {
                                    "expression": "variables.anyObject.spec.replicas <= "
                                    "variables.params.most",
                                    "messageExpression": "'more than ' + "
                                    "string(variables.params.most)",
                                }
                            ]
                        },
                    }
                ],
            }
        ],
    },
}


def constraint(**match: Any) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": "FewReplicas",
        "metadata": {"name": "few"},
        "spec": {"match": match, "parameters": {"most": 3}},
    }


@pytest.mark.parametrize(
    ("match", "statuses"),
    [
        ({}, {"shop": "fail", "kube-system": "fail"}),
        ({"kinds": [{"apiGroups": ["apps"], "kinds": ["StatefulSet"]}]}, {}),
        ({"excludedNamespaces": ["kube-*"]}, {"shop": "fail", "kube-system": "not_applicable"}),
        ({"namespaces": ["shop"]}, {"shop": "fail", "kube-system": "not_applicable"}),
        ({"scope": "Cluster"}, {}),
        ({"name": "b*"}, {"shop": "not_applicable", "kube-system": "not_applicable"}),
        (
            {"labelSelector": {"matchLabels": {"app": "other"}}},
            {"shop": "not_applicable", "kube-system": "not_applicable"},
        ),
    ],
)
def test_constraints(match: dict[str, Any], statuses: dict[str, str], tmp_path: Path) -> None:
    given = [deployment("a", namespace, replicas=5) for namespace in ("shop", "kube-system")]
    found = judged(tmp_path, [TEMPLATE, constraint(**match)], given)
    assert {address.split("/")[2]: status for address, status, _ in found} == statuses
    assert {message for _, status, message in found if status == "fail"} <= {"more than 3"}


def test_rego_and_mutation_are_named_as_not_evaluated(tmp_path: Path) -> None:
    rego = json.loads(json.dumps(TEMPLATE))
    rego["spec"]["targets"][0]["code"] = [{"engine": "Rego", "source": {"rego": "package a"}}]
    mutating = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "defaults"},
        "spec": {},
    }
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([rego, mutating]), "utf-8")
    read = documents.read([str(tmp_path)])
    result = apply(scan(NONE, [], ScanOptions()), read)
    assert list(result.findings()) == []
    assert {gap.subject.split("/")[1]: gap.reason for gap in result.gaps} == {
        "ConstraintTemplate": "not evaluated: its rules are written in Rego",
        "MutatingAdmissionPolicy": "not evaluated: it changes objects, and a scan judges them as "
        "they are",
    }


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(deployment()), "utf-8")
    with pytest.raises(InputError, match="no admission policy was found"):
        documents.read([str(tmp_path)])


def test_the_results_stand_in_the_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policies").mkdir()
    held = [policy("object.spec.replicas < 3"), binding(validationActions=["Warn"])]
    Path("policies/all.yaml").write_text(yaml.safe_dump_all(held), "utf-8")
    Path("app.yaml").write_text(yaml.safe_dump(deployment("b", replicas=5)), "utf-8")
    words = ["scan", "app.yaml", "--policies", "policies", "--control", "workload-quota"]
    assert main([*words, "-f", "json=out.json", "-f", "sarif=out.sarif", "-f", "text"]) == 1
    found = [
        each
        for each in json.loads(Path("out.json").read_text("utf-8"))["findings"]
        if each["control"] == "example"
    ]
    assert [(f["check"], f["status"], f["severity"], f["message"]) for f in found] == [
        ("everywhere", "fail", "medium", "refused")
    ]
    assert found[0]["violations"] == [
        {"path": "spec.replicas", "message": "refused", "file": "app.yaml", "line": 9, "column": 3}
    ]
    sarif = json.loads(Path("out.sarif").read_text("utf-8"))["runs"][0]
    assert "example" in {result["ruleId"] for result in sarif["results"]}
    assert "medium[example]: refused" in capsys.readouterr().out


def test_our_own_export_says_what_the_controls_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There and back: exported, read again, judged on generated objects, for both formats."""
    from tools.generated_objects import objects

    from assay.engine.catalogue import load

    monkeypatch.chdir(tmp_path)
    assert main(["export", "vap", "vap"]) == 0
    assert main(["export", "gatekeeper", "gatekeeper"]) == 0
    text = "".join(json.dumps(each) + "\n---\n" for each in objects(60, seed=5))
    Path("objects.yaml").write_text(text, "utf-8")
    catalogue = load.load()
    loaded = loader.load(discover(["objects.yaml"]))
    ours = {
        (f.control, f.check, f.resource.address): f.message
        for f in scan(catalogue, [loaded], ScanOptions()).findings()
        if f.status == "fail"
    }
    from assay.engine.admission.collect import collect

    names = {(p.name): (p.control.id, p.check.id) for p in collect(catalogue).policies}
    for folders in (["vap"], ["gatekeeper/templates", "gatekeeper/constraints"]):
        result = apply(scan(NONE, [loaded], ScanOptions()), documents.read(folders))
        found = list(result.findings())
        assert {f.status for f in found} <= {"pass", "fail", "not_applicable"}
        theirs = {
            (*names[f.check], f.resource.address): f.message for f in found if f.status == "fail"
        }
        wanted = {key: said for key, said in ours.items() if key[:2] in set(names.values())}
        assert theirs == wanted

"""Checks → expressions of admission policies: whole policies compared, refusals with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.engine.admission.collect import Collected, collect
from assay.engine.admission.convert import Policy, RefusedError, convert
from assay.engine.admission.targets import plural_of
from assay.engine.catalogue import load
from assay.engine.catalogue.controls import Catalogue
from assay.engine.cel import Environment, compile_expression
from assay.engine.errors import Text
from assay.reports.gatekeeper import policies, settings

CATALOGUE = load.load()
HEAD = """
id: workload-example
title: An example
severity: low
why: because
params:
  least: {type: int, default: 2}
  names: {type: list, default: [a, b]}
checks:
"""


def catalogue(check: str, folder: Path) -> Catalogue:
    lines = [f"  - {check.splitlines()[0]}", *(f"    {line}" for line in check.splitlines()[1:])]
    (folder / "workload").mkdir()
    (folder / "workload" / "example.yaml").write_text(HEAD + "\n".join(lines) + "\n", "utf-8")
    return load.load([folder], builtin=False)


def converted(check: str, folder: Path, subject: str = "object") -> Policy:
    found = catalogue(check, folder)
    control = found.controls[0]
    return convert(control, control.checks[0], found, subject)


POD = (
    '[object.kind == "CronJob" ? object.?spec.?jobTemplate.?spec.?template.orValue({}) : '
    'object.kind == "PodTemplate" ? object.?template.orValue({}) : object.kind == "Pod" ? object : '
    "object.?spec.?template.orValue({})].map(template, "
    '{"metadata": template.?metadata.orValue({}), "spec": template.?spec.orValue({})})[0]'
)
CONTAINERS = " + ".join(
    f"variables.pod.spec.?{name}.orValue([])"
    for name in ("initContainers", "containers", "ephemeralContainers")
)
ADDRESS = (
    '"ConfigMap/" + object.metadata.?namespace.orValue("?") + "/" + '
    'object.metadata.?name.orValue(object.metadata.?generateName.orValue("?") + "*")'
)


@pytest.mark.parametrize(
    ("check", "variables", "expression", "message"),
    [
        pytest.param(
            "for: ConfigMap\nassert: '!has(object.data)'\nmessage: 'no {{braces}} \"quoted\"'\n"
            "fix: Mend it.",
            {},
            "!has(object.data)",
            r'"no {braces} \"quoted\""',
            id="plain",
        ),
        pytest.param(
            "for: ConfigMap\nwhen: has(object.data) || true\n"
            "assert: |\n  // why\n  size(object.data) >=\n    params.least\n"
            "message: '{address} has fewer than {params.least} of {params.names}'\nfix: Mend it.",
            {"address": ADDRESS},
            "!(has(object.data) || true) || (size(object.data) >= variables.least)",
            'variables.address + " has fewer than " + string(variables.least) + " of " + '
            'variables.names.map(each, string(each)).join(", ")',
            id="when, comment and parameters",
        ),
        pytest.param(
            "for: workload\neach: containers[].env[]\n"
            "variables: {upper: item.name + '!', own: size(containers)}\n"
            "when: variables.own > 1\nassert: '!(variables.upper == \"A!\")'\n"
            "message: '{item.name} of {item.value} and {variables.upper}'\nfix: Mend it.",
            {
                "pod": POD,
                "containers": CONTAINERS,
                "own": "size(variables.containers)",
                "failed": "variables.containers.map(each1, each1.?env.orValue([]).map(item, "
                "(variables.own > 1) && ((item.name + '!') == \"A!\"), "
                'string(item.?name.orValue("?")) + " of " + string(item.?value.orValue("?")) + '
                "\" and \" + string((item.name + '!')))).filter(found, size(found) > 0)",
            },
            "size(variables.failed) == 0",
            "variables.failed[0][0]",
            id="items inside items, a variable of the item",
        ),
        pytest.param(
            "for: ConfigMap\neach: ['data[]', 'metadata.finalizers[]']\n"
            "assert: item.all(object, object != '')\nmessage: bad\nfix: Mend it.",
            {
                "failed": "object.?data.orValue({}).map(key1, object.?data.orValue({})[key1])"
                ".map(item, !item.all(object, object != ''), \"bad\") + "
                "object.?metadata.?finalizers.orValue([])"
                ".map(item, !item.all(object, object != ''), \"bad\")"
            },
            "size(variables.failed) == 0",
            "variables.failed[0]",
            id="values of a map, two paths, a name that is bound",
        ),
    ],
)
def test_a_check_becomes_a_policy(
    check: str, variables: dict[str, str], expression: str, message: str, tmp_path: Path
) -> None:
    found = converted(check, tmp_path)
    assert {each.name: each.expression for each in found.variables} == variables
    assert (found.expression, found.message_expression) == (expression, message)


def test_another_subject_takes_the_objects_place(tmp_path: Path) -> None:
    check = "for: ConfigMap\nassert: has(object.data)\nmessage: bad\nfix: Mend it."
    found = converted(check, tmp_path, "variables.anyObject")
    assert found.expression == "has(variables.anyObject.data)"


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (
            "for: ConfigMap\nassert: secrets.kind('a', 'b') == ''",
            "calls `secrets.kind`, which no API server has",
        ),
        (
            "for: workload\nrelated: {own: {kind: Secret, within: namespace}}\n"
            "assert: size(related.own) > 0",
            "joins other objects (Secret), which an admission policy cannot read",
        ),
        (
            "for: Secret\nsources: [manifest]\nassert: 'true'",
            "judges what is written (manifest), not what is sent to a server",
        ),
        (
            "for: example.com/v1/Widget\nassert: 'true'",
            "the plural of the custom kind example.com/v1/Widget is not known",
        ),
        (
            "for: namespace\nassert: item.declared",
            "judges `namespace`, which is no object that is sent to a server",
        ),
        (
            "for: Secret\nexpects: vault\nassert: 'true'",
            "applies only where `vault` is expected to exist",
        ),
        ("for: Secret\nassert: params == {}", "reads `params` as a whole"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_reason(
    check: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match=r"^") as refused:
        converted(f"{check}\nmessage: bad\nfix: Mend it.", tmp_path)
    assert str(refused.value) == reason


def _chosen(**more: Any) -> settings.Settings:
    params = {
        control.id: {param.name: param.default for param in control.params}
        for control in CATALOGUE.controls
    }
    return settings.Settings("0", params, **more)


@pytest.fixture(scope="module")
def collected() -> Collected:
    return collect(CATALOGUE)


def test_every_expression_compiles_for_a_policy(collected: Collected) -> None:
    names = ("object", "oldObject", "request", "params", "namespaceObject", "variables")
    environment = Environment(dict.fromkeys(names))
    for kind in settings.PARAM_KINDS:
        for file, text in policies.export(collected, _chosen(param_kind=kind)).files.items():
            if not file.startswith("policies/"):
                continue
            import yaml

            spec = yaml.safe_load(text)["spec"]
            parts = [*spec["matchConditions"], *spec.get("variables", ()), *spec["validations"]]
            texts = [part["expression"] for part in parts]
            texts += [part["messageExpression"] for part in spec["validations"]]
            texts += [part["valueExpression"] for part in spec["auditAnnotations"]]
            for expression in texts:
                compile_expression(Text(file, expression), environment)


def test_names_are_unique_and_fit_a_label(collected: Collected) -> None:
    names = [policy.name for policy in collected.policies]
    assert len(set(names)) == len(names) >= 35
    assert [name for name in names if len(name) > 63] == []


def test_same_catalogue_same_bytes(collected: Collected) -> None:
    first = policies.export(collected, _chosen())
    second = policies.export(collect(CATALOGUE), _chosen())
    assert list(first.files.items()) == list(second.files.items())


@pytest.mark.parametrize(
    ("group", "kind", "plural"),
    [
        ("", "Endpoints", "endpoints"),
        ("networking.k8s.io", "Ingress", "ingresses"),
        ("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
        ("storage.k8s.io", "StorageClass", "storageclasses"),
        ("apps", "Deployment", "deployments"),
        ("velero.io", "Schedule", "schedules"),
        ("example.com", "Widget", None),
    ],
)
def test_plurals(group: str, kind: str, plural: str | None) -> None:
    assert plural_of(group, kind) == plural

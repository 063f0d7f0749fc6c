"""assay explain: every part of a control with its value, as a tree."""

from __future__ import annotations

from typing import Any

from assay.engine.catalogue.load import RuleFile, build
from assay.engine.cel.explain import Part, shown
from assay.engine.explain import reasons
from assay.engine.model import Loaded, Place, Resource, Unknown

CONTROL = """
id: network-test
title: A test
severity: high
why: Because.
params: {least: {type: int, default: 2}}
checks:
  - for: aws_x
    when: has(resource.rules)
    variables: {wide: 'cidrs.covers(resource.?cidrs.orValue([]), "10.0.0.0/8")'}
    assert: resource.rules.all(r, r.port >= params.least) && !variables.wide
    message: bad
    fix: Write it.
"""


def tree(part: Part) -> Any:
    """The part as text, with those inside it."""
    value = f"error: {part.error}" if part.error else shown(part.value)
    bound = f"[{part.binding}] " if part.binding else ""
    line = f"{bound}{part.text} → {value}"
    return [line, *map(tree, part.parts)] if part.parts else line


def explained(values: dict[str, Any]) -> list[tuple[str, str, Any]]:
    catalogue = build([RuleFile("rules/network/a.yaml", "network", CONTROL)])
    resource = Resource("terraform", "aws_x", "aws_x.a", values, Place("a.tf"), complete=False)
    loaded = [Loaded([resource], [], [])]
    found = reasons(catalogue, catalogue.controls[0], "aws_x.a", loaded, {})
    return [
        (reason.status, step.name, tree(step.part)) for reason in found for step in reason.steps
    ]


def test_parts_have_their_values_and_elements_their_own() -> None:
    unknown = Unknown("variable", "var.port")
    found = explained({"rules": [{"port": 1}, {"port": unknown}, {}]})
    assert found == [
        (
            "fail",
            "variables.wide",
            [
                'cidrs.covers(resource.?cidrs.orValue([]), "10.0.0.0/8") → false',
                [
                    "resource.?cidrs.orValue([]) → []",
                    "resource.?cidrs → optional.none()",
                    "[] → []",
                ],
            ],
        ),
        ("fail", "when", "has(resource.rules) → true"),
        (
            "fail",
            "assert",
            [
                "resource.rules.all(r, r.port >= params.least) && !variables.wide → false",
                [
                    "resource.rules.all(r, r.port >= params.least) → false",
                    "resource.rules → [{port: 1}, {port: unknown (var.port, variable)}, {}]",
                    [
                        "[r = {port: 1}] r.port >= params.least → false",
                        "r.port → 1",
                        "params.least → 2",
                    ],
                    [
                        "[r = {port: unknown (var.port, variable)}] r.port >= params.least"
                        " → unknown (var.port, variable)",
                        "r.port → unknown (var.port, variable)",
                        "params.least → 2",
                    ],
                    [
                        "[r = {}] r.port >= params.least → error: no such key: port",
                        "r.port → error: no such key: port",
                        "params.least → 2",
                    ],
                ],
                ["!variables.wide → true", "variables.wide → false"],
            ],
        ),
    ]


def test_sensitive_values_are_hidden() -> None:
    catalogue = build([RuleFile("rules/network/a.yaml", "network", CONTROL)])
    values = {"rules": [{"port": "hunter2"}]}
    resource = Resource("terraform", "aws_x", "aws_x.a", values, Place("a.tf"), complete=False)
    resource.sensitive = frozenset({("rules", 0, "port")})
    loaded = [Loaded([resource], [], [])]
    found = reasons(catalogue, catalogue.controls[0], "aws_x.a", loaded, {})
    text = str([tree(step.part) for reason in found for step in reason.steps])
    assert "hunter2" not in text
    assert "(sensitive)" in text

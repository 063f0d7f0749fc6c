"""Controls of a user's folder that never end, or that build without end: an error, soon."""

from __future__ import annotations

import time
from typing import Any

import pytest

from assay.engine.catalogue.load import RuleFile, build
from assay.engine.cel import Environment, StepsError, bounds, compile_expression
from assay.engine.errors import Text
from assay.engine.model import Loaded, Place, Resource
from assay.engine.scan import ScanOptions, scan

CONTROL = """
id: network-endless
title: A control that does not end
severity: low
why: It shows that a scan does.
checks:
  - for: ConfigMap
    {variables}
    assert: {assertion}
    message: no
    fix: None.
    examples: []
"""
BIG = {"items": list(range(3000)), "text": "x" * 100_000}
ENDLESS = {
    "loops within loops": ("", "object.items.all(a, object.items.all(b, a + b >= 0))"),
    "loops over what loops give": (
        "",
        "object.items.all(a, object.items.map(b, [a, b]).all(c, c[0] >= 0 && c[1] >= 0))",
    ),
    "doubling": (
        "variables: {"
        + ", ".join(
            f"v{n}: {f'variables.v{n - 1}' if n else 'object.items'} + "
            f"{f'variables.v{n - 1}' if n else 'object.items'}"
            for n in range(40)
        )
        + "}",
        "size(variables.v39) > 0",
    ),
    "many large texts": ("", "object.items.map(a, object.text + 'y').size() == 3000"),
    "replacement": ("", "object.text.replace('x', object.text).size() > 0"),
    "splitting again and again": ("", "object.items.map(a, object.text.split('')).size() > 0"),
}


def judged(variables: str, assertion: str, complete: bool) -> list[str]:
    text = CONTROL.format(variables=variables, assertion=f'"{assertion}"').replace("    \n", "")
    catalogue = build([RuleFile("rules/network/a.yaml", "network", text)])
    resources = [
        Resource(
            "manifest", "ConfigMap", f"ConfigMap/a/{n}", BIG, Place("a.yaml", 1), complete=complete
        )
        for n in range(20)
    ]
    result = scan(catalogue, [Loaded(resources, [], [])], ScanOptions())
    return [finding.status for finding in result.findings()]


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("complete", [True, False])
def test_a_check_that_would_not_end_is_an_error(
    name: str, complete: bool, monkeypatch: Any
) -> None:
    monkeypatch.setattr(bounds, "MAX_STEPS", 20_000)
    started = time.process_time()
    assert judged(*ENDLESS[name], complete) == ["error"] * 20
    assert time.process_time() - started < 20


def test_ordinary_nested_loops_are_left_alone() -> None:
    short = "object.items.filter(i, i < 20).all(a, object.items.all(b, a + b >= 0))"
    assert set(judged("", short, True)) == {"pass"}


def test_the_count_begins_anew_with_each_evaluation() -> None:
    environment = Environment({"object": None})
    text = "object.items.all(a, object.items.all(b, a + b >= 0))"
    program = compile_expression(Text("t", text), environment)
    small = {"items": list(range(100))}
    assert [program.partial(small) for _ in range(21)] == [True] * 21
    with pytest.raises(StepsError):
        program.partial(BIG)

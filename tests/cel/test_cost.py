"""Estimated costs against what a real API server's evaluator counts.

`costs.json` holds that count for every expression of `apiserver.yaml` that gives true or false.
`python tests/cel/test_cost.py PROGRAM` writes it anew, PROGRAM built from tests/tools/celcost.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest
from cel.test_apiserver import CASES, DIFFERENT, ENVIRONMENT, NAMES, VALUES

from assay.engine.cel import FAILURES, Program, compile_expression, cost, nodes
from assay.engine.cel.macros import elements
from assay.engine.cel.precise import Compiler
from assay.engine.errors import Text

FILE = Path(__file__).with_name("costs.json")


class Actual(cost.Estimator):
    """The same costs with the sizes, rounds and branches of an evaluation on given values."""

    def __init__(self) -> None:
        super().__init__(cost.Sizes())
        self.compiler = Compiler({}, NAMES)

    def value(self, node: Any, scope: dict[str, Any]) -> Any:
        values = {**dict(zip(NAMES, VALUES, strict=True)), **scope}
        return self.compiler.compile(node, frozenset(scope))(values)

    def characters(self, node: Any, scope: dict[str, Any]) -> int:
        return size(self.value(node, scope))

    def items(self, node: Any, scope: dict[str, Any]) -> int:
        return size(self.value(node, scope))

    def elements(self, node: nodes.Fold, scope: dict[str, Any]) -> Iterator[dict[str, Any] | None]:
        for given in self.given(node, scope):
            inner = {**scope, **dict(zip(node.names, given, strict=True))}
            yield inner
            if self.stops(node, inner):
                return

    def given(self, node: nodes.Fold, scope: dict[str, Any]) -> list[tuple[Any, ...]]:
        return elements(self.value(node.range, scope), len(node.names), node.macro)

    def stops(self, node: nodes.Fold, inner: dict[str, Any]) -> bool:
        decisive = {"all": False, "exists": True}.get(node.macro)
        return decisive is not None and self.holds(node.body[0], inner) is decisive

    def _fold(self, node: nodes.Fold, scope: dict[str, Any]) -> int:
        spent = super()._fold(node, scope)
        if node.macro in ("all", "exists"):
            run = list(self.elements(node, scope))
            if len(run) < len(self.given(node, scope)):
                spent += 2 if node.macro == "all" else 3  # the condition that ends the loop
        return spent

    def rounds(self, node: nodes.Fold, scope: dict[str, Any]) -> int:
        return 1

    def branch(self, node: nodes.Call, scope: dict[str, Any]) -> int:
        return self.taken(node.args[1 if self.value(node.args[0], scope) else 2], scope)

    def result(self, node: nodes.Call, guess: int, scope: dict[str, Any]) -> int:
        return size(self.value(node, scope))

    def logic(self, node: nodes.Call, scope: dict[str, Any]) -> int:
        spent = 0
        for part in node.args:
            spent += self.of(part, scope)
            if self.holds(part, scope) is (node.name == "||"):
                break
        return spent

    def holds(self, node: Any, scope: dict[str, Any]) -> bool | None:
        try:
            found = self.value(node, scope)
        except FAILURES:
            return None
        return found if isinstance(found, bool) else None


def size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return len(value) if isinstance(value, (bytes, list, dict)) else 1


def decided() -> list[str]:
    return [
        expression
        for cases in CASES.values()
        for expression, verdict in cases.items()
        if isinstance(verdict, bool)
    ]


def record(program: str) -> None:
    values = {
        name: value for name, value in zip(NAMES, VALUES, strict=True) if value is not None
    } | {"oldObject": None}
    asked = json.dumps({"values": values, "expressions": decided()})
    done = subprocess.run([program], input=asked, capture_output=True, text=True, check=True)
    costs = dict(zip(decided(), json.loads(done.stdout), strict=True))
    FILE.write_text(json.dumps(costs, indent=0) + "\n")


def program_of(expression: str) -> Program:
    return compile_expression(Text("expression", expression), ENVIRONMENT)


def recorded() -> dict[str, int]:
    """The server's costs; of the few that are no expressions here (protobuf), none."""
    costs: dict[str, int | None] = json.loads(FILE.read_text())
    return {
        text: spent
        for text, spent in costs.items()
        if spent is not None and DIFFERENT.get(text) != "refused"
    }


def test_costs_are_those_of_the_server() -> None:
    """Equal over a thousand expressions; where not, ours is higher, for a part was not run."""
    counted = recorded()
    measured: dict[str, int | None] = {}
    for expression in counted:
        try:
            measured[expression] = Actual().of(program_of(expression).tree, {})
        except FAILURES:
            measured[expression] = None  # a part fails that the whole absorbs
    lower = {
        text for text, found in measured.items() if found is not None and found < counted[text]
    }
    equal = sum(found == counted[text] for text, found in measured.items())
    assert lower == set()
    assert len(counted) >= 1_100
    assert equal >= 0.95 * len(counted)


def test_an_estimate_is_never_below_what_was_spent() -> None:
    counted = recorded()
    low = [(text, spent) for text, spent in counted.items() if program_of(text).cost < spent]
    assert low == []


@pytest.mark.parametrize(
    ("expression", "over"),
    [
        ("object.spec.items.all(a, object.spec.items.all(b, a != b))", False),
        ("object.a.all(a, object.b.all(b, object.c.all(c, a + b != c)))", True),
        ("object.spec.items.all(i, i.name.matches('^[a-z]+$'))", False),
        ("object.a.all(a, object.b.all(b, a.matches(b) && b.matches(a)))", True),
    ],
)
def test_nested_loops_over_lists_of_unknown_length_break_the_budget(
    expression: str, over: bool
) -> None:
    assert (program_of(expression).cost > cost.PER_CALL) is over


def test_the_longest_expression_is_reckoned_and_bounded() -> None:
    deep = "object.a.all(a, " * 12 + "true" + ")" * 12
    assert program_of(deep).cost == cost.CEILING


if __name__ == "__main__":
    record(sys.argv[1])

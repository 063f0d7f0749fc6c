"""Two more suites of cel-spec: comprehensions of two variables, and the types of expressions.

The package carries the checker's own recordings for an environment without Kubernetes' options, so
what the options change is named here: numbers compare across types, optionals are syntax, literals
hold one type. `suites` is that of test_conformance.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from cel.test_conformance import cases, suites

from assay.engine.cel import FAILURES, Environment, compile_expression
from assay.engine.cel.checker import check
from assay.engine.cel.lexer import SyntaxFaultError
from assay.engine.cel.parser import parse
from assay.engine.errors import InputError, Text

__all__ = ["suites"]

VARIABLES = {
    "is": "string",
    "ii": "int",
    "iu": "uint",
    "iz": "bool",
    "id": "double",
    "ix": "null_type",
    "ib": "bytes",
}


def test_comprehensions_of_two_variables(suites: dict[str, Any]) -> None:
    """Each is true or wrong there; the dialect has neither cel.bind nor strings.reverse."""
    environment = Environment({})
    found: Counter[str] = Counter()
    for _, entry in cases(suites["comprehension"]):
        expression = entry["original"]["expr"]
        if "cel.bind" in expression:
            found["cel.bind"] += 1
            continue
        try:
            program = compile_expression(Text("case", expression), environment)
        except InputError as error:
            found[error.problems[0].code] += 1
            continue
        try:
            found[str(program.partial())] += 1
        except FAILURES as error:
            found[str(error)] += 1
    assert found == {
        "True": 41,
        "{'a': 'WORLD', 'b': 'hello'}": 1,
        "the key 1 stands twice": 1,
        "cel.bind": 10,
        "cel-undeclared": 13,  # expressions over variables that the suite gives no values for
        "cel-syntax": 14,  # variables that are no plain names
        "cel-type": 5,
        "cel-overload": 4,
        "cel-literal": 3,
    }


def test_types_are_those_of_the_suite(suites: dict[str, Any]) -> None:
    found: Counter[str] = Counter()
    different: list[str] = []
    for _, entry in cases(suites["checking"]):
        expression, wanted = entry["original"]["expr"], entry.get("type")
        try:
            checked = check(parse(expression), VARIABLES)
        except SyntaxFaultError:
            found["messages, which the dialect cannot write"] += 1
            continue
        codes = {fault.code for fault in checked.faults}
        if "cel-undeclared" in codes:
            found["variables of the suite's own"] += 1
        elif "cel-literal" in codes and wanted:
            found["literals of several types, refused"] += 1
        elif not wanted and not codes:
            found["accepted by Kubernetes' options"] += 1
            if not any(sign in expression for sign in ("<", ">", "?")):
                different.append(expression)
        elif bool(codes) != (wanted is None) or (
            wanted and checked.type.replace("null_type", "null") != wanted
        ):
            different.append(f"{expression}: {checked.type}, not {wanted}")
        else:
            found["the same"] += 1
    assert different == []
    assert found == {
        "the same": 48,
        "literals of several types, refused": 5,
        "accepted by Kubernetes' options": 8,
        "messages, which the dialect cannot write": 14,
        "variables of the suite's own": 60,
    }

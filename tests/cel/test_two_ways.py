"""Random expressions: the short way against the long way, and both against Google's own binding.

cel-expr-python is the C++ implementation. Where it is known to part with cel-go, and so with
Kubernetes, the grammar below does not go (has() of a scalar's field, maps with doubles or nulls
for keys, the order of a map's keys, bool to int).
"""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from assay.engine.cel import FAILURES, Environment, Program, compile_expression
from assay.engine.cel.values import UInt
from assay.engine.errors import InputError, Text

OBJECT: dict[str, Any] = {
    "yes": True,
    "no": False,
    "three": 3,
    "zero": 0,
    "half": 1.5,
    "two": 2.0,
    "big": 2**63 - 1,
    "small": -(2**63),
    "text": "ab",
    "wide": "é𝒳",
    "nothing": None,
    "numbers": [1, 2, 3],
    "empty": [],
    "texts": ["a", "b"],
    "mixed": [1, "a", 2.0, None, True, [1], {"x": 1}],
    "things": [{"name": "a", "v": 1}, {"name": "b"}, {"name": "c", "v": True}],
    "map": {"x": 1, "y": "s"},
    "hollow": {},
}
ATOMS = {
    "bool": ("true", "false", "o.yes", "o.no", "has(o.map.x)", "has(o.map.q)", "has(o.q.x)"),
    "num": (
        *("0", "1", "2", "-1", "1.5", "2.0", "2u", "o.three", "o.zero", "o.half", "o.two"),
        *("o.big", "o.small", "o.map.x", "o.numbers[0]", "o.things[0].v"),
    ),
    "str": (
        "'a'",
        "'ab'",
        "''",
        "o.text",
        "o.wide",
        "o.texts[0]",
        "o.things[1].name",
        "o.map['y']",
    ),
    "list": (
        "o.numbers",
        "o.empty",
        "o.texts",
        "o.mixed",
        "o.things",
        "[1, 2]",
        "[]",
        "['b', 'a']",
    ),
    "map": ("o.map", "o.hollow", "o.things[0]", "{'x': 1}", "{}"),
}
# What may stand anywhere: errors, and values of the wrong type.
ODD = ("null", "1", "'a'", "true", "[1]", "{'x': 1}", "o.q", "o.map.q", "o.numbers[9]", "1/0")
ANY = ("bool", "num", "str", "list", "map")
# {kind}: an expression of that type; {kind+}: one that may read the variable x besides.
FORMS = {
    "bool": (
        "({bool} && {bool})",
        "({bool} || {bool})",
        "({bool} ? {bool} : {bool})",
        "!{bool}",
        "({any} == {any})",
        "({num} == {num})",
        "({str} != 'a')",
        "({num} == 1)",
        "({bool} == true)",
        "({any} != null)",
        "({list} == {list})",
        "({num} < {num})",
        "({num} >= {num})",
        "({str} <= {str})",
        "({num} in {list})",
        "({str} in {list})",
        "({str} in ['a', 'b'])",
        "({num} in [1, 2])",
        "({str} in {map})",
        "{str}.startsWith({str})",
        "{str}.endsWith('b')",
        "{str}.contains({str})",
        "{str}.matches('^[ab]+$')",
        "{list}.all(x, {bool+})",
        "{list}.exists(x, {bool+})",
        "{list}.exists_one(x, {bool+})",
        "{map}.all(x, {bool+})",
        "{map}.exists(x, {bool+})",
    ),
    "num": (
        "({num} + {num})",
        "({num} - {num})",
        "({num} * {num})",
        "({num} / {num})",
        "({num} % {num})",
        "-({num})",
        "size({str})",
        "size({list})",
        "{map}.size()",
        "int({num})",
        "double({num})",
        "{list}[{num}]",
    ),
    "str": ("({str} + {str})", "string({num})", "{map}[{str}]", "({bool} ? {str} : {str})"),
    "list": (
        "{list}.filter(x, {bool+})",
        "{list}.map(x, {num+})",
        "{list}.map(x, {bool+}, {str+})",
        "({list} + {list})",
        "[{num}, {any}]",
    ),
    "map": ("{'x': {num}, 'y': {any}}", "{list}[{num}]"),
}
PART = re.compile(r"\{(any|bool|num|str|list|map)(\+?)\}")


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int = 4, bound: bool = False) -> str:
    """An expression that is of the type more often than not; dyn() keeps the checker out of it."""
    if draw(st.integers(0, 14)) == 0:
        return f"dyn({draw(st.sampled_from(ODD))})"
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return f"dyn({draw(st.sampled_from((*ATOMS[kind], *(['x', 'x.v'] if bound else []))))})"

    def part(found: re.Match[str]) -> str:
        wanted = draw(st.sampled_from(ANY)) if found[1] == "any" else found[1]
        return draw(expressions(wanted, depth - 1, bound or bool(found[2])))

    made = PART.sub(part, draw(st.sampled_from(FORMS[kind])))
    return f"dyn({made})"


ANYTHING = st.sampled_from(("bool", "bool", *ANY)).flatmap(lambda kind: expressions(kind))
RUN = settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def exact(value: Any) -> Any:
    """A value with its numbers told apart by type, as CEL has it."""
    if isinstance(value, UInt):
        return ("uint", int(value))
    if isinstance(value, float):
        return ("double", "NaN" if math.isnan(value) else value)
    if isinstance(value, int) and not isinstance(value, bool):
        return ("int", value)
    if isinstance(value, list):
        return [exact(each) for each in value]
    if isinstance(value, dict):
        return {key: exact(each) for key, each in value.items()}
    return value


def answer(run: Any) -> Any:
    """What a program says, FAILURES for an error."""
    try:
        return exact(run(OBJECT))
    except FAILURES:
        return FAILURES


def program_of(expression: str) -> Program:
    """The program; a constant that does not convert is refused at once and no example."""
    try:
        return compile_expression(Text("e", expression), Environment({"o": None}))
    except InputError as error:
        if {each.code for each in error.problems} != {"cel-constant"}:
            raise
        reject()


@RUN
@given(ANYTHING)
def test_the_short_way_is_right_or_gives_up(expression: str) -> None:
    program = program_of(expression)
    fast = answer(program.fast)
    assert fast is FAILURES or fast == answer(program.partial)


def plain(value: Any) -> Any:
    """A result of the C++ binding like one of ours; it has no type for unsigned numbers."""
    if hasattr(value, "type") and hasattr(value, "value"):
        name = str(value.type())
        if name == "UINT":
            return ("uint", value.value())
        value = FAILURES if name == "ERROR" else value.value()
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return exact(value)


def test_the_long_way_agrees_with_the_c_binding() -> None:
    cel = pytest.importorskip("cel_expr_python.cel")
    peer = cel.NewEnv(variables={"o": cel.Type.DYN})

    @RUN
    @given(ANYTHING)
    def agree(expression: str) -> None:
        program = program_of(expression)
        theirs = plain(peer.compile(expression).eval(data={"o": OBJECT}))
        assert answer(program.partial) == theirs

    agree()

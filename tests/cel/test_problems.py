"""What is wrong with an expression: code, message and caret; and that no text brings it down."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.engine.cel import FAILURES, Environment, compile_expression
from assay.engine.errors import InputError, Text

ENVIRONMENT = Environment({"object": None})


def problems(expression: str) -> list[tuple[str, int, int]]:
    """(code, line, column) of each problem; empty where there is none."""
    try:
        compile_expression(Text("rules/a.yaml", expression, [(7, 11)]), ENVIRONMENT)
    except InputError as error:
        return [(each.code, each.span.line, each.span.column) for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("1 == 1.0", [("cel-overload", 7, 13)]),
        ("object.a == ", [("cel-syntax", 7, 23)]),
        ("'abc", [("cel-syntax", 7, 11)]),
        ("objekt.a == 1", [("cel-undeclared", 7, 11)]),
        ("object.a.startsWit('x')", [("cel-function", 7, 11)]),
        ("[1, 'a'] == []", [("cel-literal", 7, 15)]),
        ("int('0x10') == 16", [("cel-constant", 7, 11)]),
        ("'a'.matches('[')", [("cel-regex", 7, 23)]),
        ("'%d'.format(['a']) == ''", [("cel-format", 7, 23)]),
        ("[1].includes(1)", [("cel-version", 7, 15)]),
        ("authorizer.group('')", [("cel-refused", 7, 11)]),
        ("1 + 'a' == 2 && 2 < 'b'", [("cel-overload", 7, 13), ("cel-overload", 7, 29)]),
        ("object.a.all(x.y, true)", [("cel-syntax", 7, 24)]),
    ],
)
def test_problems_have_a_code_and_a_place(
    expression: str, found: list[tuple[str, int, int]]
) -> None:
    assert problems(expression) == found


def test_a_problem_shows_its_line_with_a_caret() -> None:
    with pytest.raises(InputError) as caught:
        compile_expression(Text("a.yaml", "object.b == 1 &&\n  objekt.c"), ENVIRONMENT)
    assert caught.value.render() == "\n".join(
        (
            "error[cel-undeclared]: `objekt` is not declared",
            "  --> a.yaml:2:3",
            "  |",
            "2 |   objekt.c",
            "  |   ^^^^^^",
            "  = help: did you mean `object`?",
        )
    )


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 30_000,
        "[" * 30_000 + "]" * 30_000,
        "!" * 60_000 + "true",
        "-" * 60_000 + "1",
        "1" + "+1" * 30_000,
        "true" + "||true" * 10_000,
        "object" + ".a" * 30_000,
        "object" + "[0]" * 20_000,
        "a?" * 30_000,
        "'" + "\\" * 60_000,
        "9" * 60_000,
        "x" * 70_000,
        "{" * 60_000,
        "[1].map(x, " * 5_000,
        "0x" + "f" * 60_000,
    ],
    ids=lambda expression: expression[:8],
)
def test_a_hostile_text_is_refused_or_compiled_in_time(expression: str) -> None:
    start = time.monotonic()
    problems(expression)
    assert time.monotonic() - start < 10


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="objectandlistsxyz0123456789.,:?!&|=<>+-*/%()[]{}'\"\\ \n#`", max_size=60))
def test_any_text_compiles_or_has_problems(expression: str) -> None:
    try:
        program = compile_expression(Text("e", expression), ENVIRONMENT)
    except InputError:
        return
    for run in (program.fast, program.partial):
        try:
            run({"a": 1})
        except FAILURES:
            continue


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (" " * 20_000 + "@", 20_001),
        ("// a b @\n" * 2_000 + "@", 1),
        ("1 // all of it @ is skipped", 0),
    ],
)
def test_white_space_and_comments_are_read_once(text: str, column: int) -> None:
    """No word of a comment becomes a token, and a long gap costs no more than its length."""
    environment = Environment({"object": None})
    if not column:
        assert compile_expression(Text("t", text), environment).partial({}) == 1
        return
    with pytest.raises(InputError) as raised:
        compile_expression(Text("t", text), environment)
    assert [problem.span.column for problem in raised.value.problems] == [column]

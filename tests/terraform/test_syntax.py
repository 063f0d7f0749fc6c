"""HCL and JSON files: what is read, what is refused, and how little an error loses."""

from __future__ import annotations

from pathlib import Path

import hcl2
import pytest

from assay.engine.errors import Text
from assay.engine.terraform import hcl, json_syntax
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.scanner import HclError
from assay.engine.terraform.scopes import ExpressionError
from assay.engine.terraform.syntax import Block, Body, Literal, place
from assay.engine.terraform.variables import CONSTANT

ROOT = Path(__file__).parents[2]


def read(text: str):
    return hcl.parse(Text("main.tf", text))


def outline(body: Body):
    blocks = [(block.type, *block.labels, outline(block.body)) for block in body.blocks]
    return [*body.attributes, *blocks]


def test_structure_and_places():
    parsed = read(
        '# c\nresource "aws_x" "a" {\n  b = 1\n\n  nested "l" { c = 2 }\n  empty {}\n}\nd = "x"\n'
    )
    assert parsed.problems == []
    assert outline(parsed.body) == [
        "d",
        ("resource", "aws_x", "a", ["b", ("nested", "l", ["c"]), ("empty", [])]),
    ]
    block = parsed.body.blocks[0]
    assert place(block) == ("main.tf", 2, 1, 7, 2)
    assert place(block.body.attributes["b"]) == ("main.tf", 3, 3, 3, 8)
    assert place(block.body.attributes["b"].expression) == ("main.tf", 3, 7, 3, 8)


def test_marks_of_windows_are_read():
    parsed = read("\ufeffa = 1\r\nb = <<EOT\r\nx\r\nEOT\r\nc {\r\n}\r\n")
    assert parsed.problems == []
    assert outline(parsed.body) == ["a", "b", ("c", [])]
    expression = parsed.body.attributes["b"].expression
    assert isinstance(expression, Literal)
    assert expression.value.v == "x\r\n"


ERRORS = [
    ("a = 1 b = 2\n", "expected the end of the line after the argument, found `b`", 1, 7),
    ("a =\n", "expected an expression, found the end of the line", 1, 4),
    ("a = [1 2]\n", "expected `,` or `]`, found `2`", 1, 8),
    ('a = "x\n', "a quoted text cannot hold a line break", 1, 5),
    ('a = "\\q"\n', "`\\q` is no escape sequence", 1, 6),
    ("a = <<EOT\nx\n", "the heredoc is not closed: no line holds only `EOT`", 1, 5),
    ("a = 1\na = 2\n", "`a` is set a second time", 2, 1),
    ('b "${x}" {}\n', "the label of a block must be plain text", 1, 3),
    ("b {\n", "the `{` of `b` is not closed", 1, 3),
    ("}\n", "expected an argument or a block, found `}`", 1, 1),
    ('a = "${1"\n', "expected `}` of the sequence, found a quoted text", 1, 9),
    ('a = "%{ if x }"\n', "`if` without its `endif`", 1, 6),
    ("a = b.\n", "expected the name of an attribute, found the end of the line", 1, 7),
    ("a = x[*\n", "expected `]` after `*`, found the end of the file", 2, 1),
    ("a = (1\n", "expected `)`, found the end of the file", 2, 1),
    ("a = 1.2.3\n", "not a number that Terraform can hold", 1, 5),
    ("a = ?\n", "expected an expression, found `?`", 1, 5),
    ("a = [" * 200 + "\n", "expected", 1, 8),
    ("a = " + "[" * 200 + "\n", "nested more than 150 levels deep", 1, 155),
]


@pytest.mark.parametrize(("text", "message", "line", "column"), ERRORS)
def test_errors_have_a_place(text, message, line, column):
    (found, *_) = read(text).problems
    assert found.message.startswith(message)
    assert (found.code, found.span.line, found.span.column) == ("terraform-syntax", line, column)


def test_an_error_shows_its_caret():
    (found,) = read("resource {\n  a = [1 2]\n}\n").problems
    assert found.render() == (
        "error[terraform-syntax]: expected `,` or `]`, found `2`\n"
        "  --> main.tf:2:10\n"
        "  |\n"
        "2 |   a = [1 2]\n"
        "  |          ^"
    )


@pytest.mark.parametrize(
    "broken",
    [
        'resource "t" "bad" {\n  a = [1 2]\n}\n',
        'resource "t" "bad" {\n  a = {\n  b = 1 c\n  }\n  d {\n  }\n}\n',
        'resource "t" "bad" {\n  a = "${x"\n}\n',
        'resource "t" "bad" {\n  a = 1\n',
        'resource "t" "bad" {\n  a = 1\n  }\n}\n',
    ],
)
def test_an_error_loses_one_block(broken):
    good = 'resource "t" "{}" {{\n  a = 1\n}}\n\n'
    parsed = read(good.format("first") + broken + "\n" + good.format("last"))
    names = [block.labels[1] for block in parsed.body.blocks]
    assert {"first", "last"} <= set(names)
    assert parsed.problems
    assert parsed.broken == ["resource.t.bad"] or "bad" in names


def test_hostile_text_takes_linear_time():
    for text in (
        'a = "' + "x$" * 20_000,
        "a = <<X\n" + "$" * 40_000,
        "a = " + "-" * 20_000,
        "a = " + "x." * 20_000,
        "/*" * 10_000,
        'a = "' + "${" * 10_000,
        "a {" * 10_000,
        "a = " + "b ? c : " * 20_000,
    ):
        assert read(text).problems


def test_json_gives_the_same_nodes():
    text = """{
  "//": "a comment",
  "variable": {"v": {"type": "list(string)", "default": ["a"]}},
  "resource": {"aws_x": {"a": {"b": "x-${var.v[0]}", "nested": [{"c": 1}, {"c": 2.50}]}}},
  "locals": [{"l": "\\u00e9$${x}"}, {"m": null}]
}"""
    parsed = json_syntax.parse(Text("main.tf.json", text))
    assert parsed.problems == []
    assert outline(parsed.body) == [
        ("variable", "v", ["type", "default"]),
        ("resource", "aws_x", "a", ["b", "nested"]),
        ("locals", ["l"]),
        ("locals", ["m"]),
    ]
    inner = parsed.body.blocks[1].body
    bodies = json_syntax.bodies_of(inner.attributes["nested"].expression)
    assert bodies
    assert [outline(body) for body in bodies] == [["c"], ["c"]]
    assert place(inner.attributes["b"])[1:3] == (4, 32)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,}', "expected a name in quotes"),
        ('{"a": [1 2]}', "expected `,` or `]`"),
        ('{"a" 1}', "expected `:` after the name"),
        ("[" * 500, "nested more than 150 levels deep"),
        ('{"resource": 1}', "expected a JSON object"),
        ('{"a": "${x"}', "expected `}` of the sequence"),
        ("{} x", "expected the end of the file"),
    ],
)
def test_json_errors(text, message):
    (found,) = json_syntax.parse(Text("a.tf.json", text)).problems
    assert found.message.startswith(message)


def test_expressions_of_variables_are_read_alone():
    node = hcl.parse_expression(Text("TF_VAR_a", '["a", {b = 1}]'))
    assert type(node).__name__ == "Tuple"
    with pytest.raises(HclError):
        hcl.parse_expression(Text("TF_VAR_a", "1 2"))


# ---- python-hcl2 as a second parser ---------------------------------------------------------

FILES = sorted((ROOT / "fixtures").rglob("*.tf"))


def second_outline(body: dict) -> list:
    """The outline of what python-hcl2 read, in the order of names."""
    found: list = []
    for name, value in body.items():
        if name.startswith("__"):
            continue
        if isinstance(value, list) and value and all(_is_block(each) for each in value):
            found += [(name.strip('"'), *_labels(each)) for each in value]
        else:
            found.append(name.strip('"'))
    return sorted(found, key=str)


def _is_block(value: object) -> bool:
    return isinstance(value, dict) and "__is_block__" in str(value)


def _labels(value: dict) -> tuple:
    labels: list = []
    while "__is_block__" not in value:
        ((label, value),) = value.items()
        labels.append(label.strip('"'))
    return (*labels, second_outline(value))


def first_outline(body: Body) -> list:
    found: list = [*body.attributes]
    found += [_block(block) for block in body.blocks]
    return sorted(found, key=str)


def _block(block: Block) -> tuple:
    return (block.type, *block.labels, first_outline(block.body))


@pytest.mark.skipif(not FILES, reason="no Terraform files under fixtures/")
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_second_parser_sees_the_same_structure(path):
    text = path.read_text()
    parsed = read(text)
    assert parsed.problems == []
    assert first_outline(parsed.body) == second_outline(hcl2.loads(text))


def test_a_dotted_key_is_read_and_has_no_value() -> None:
    """`providers = { aws.main = aws.other }` is a map of names, no expression."""
    parsed = read("providers = { aws.main = aws.other }\n")
    assert not parsed.problems
    with pytest.raises(ExpressionError) as caught:
        evaluate(parsed.body.attributes["providers"].expression, CONSTANT)
    assert caught.value.problems[0].message == "ambiguous key"
    assert caught.value.problems[0].span[:2] == (1, 15)

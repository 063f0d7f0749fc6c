"""Functions of providers that are pure: those of AWS and of Terraform's own provider."""

from __future__ import annotations

import re

from assay.engine.errors import Text
from assay.engine.terraform import hcl, numbers
from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    Parameter,
    of_strings,
    text_parameter,
)
from assay.engine.terraform.syntax import Literal, Node, Object, Parenthesised, Tuple, Unary
from assay.engine.terraform.types import DYNAMIC, STRING, Type, object_of
from assay.engine.terraform.values import (
    Unknown,
    Value,
    sorted_items,
    string,
    unknown_like,
    wholly_known,
)

_PARTS = ("partition", "service", "region", "account_id", "resource")
_NAME = re.compile(r"[^\W\d][\w-]*").fullmatch
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"').sub
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def _parsed(arn: str) -> list[str]:
    if not arn.startswith("arn:"):
        raise FunctionError("arn: invalid prefix")
    sections = arn.split(":", 5)
    if len(sections) != 6:
        raise FunctionError("arn: not enough sections")
    return sections[1:]


def arn_parse(values: list[Value]) -> Value:
    parts = _parsed(values[0].v)
    return Value(None, {name: string(part) for name, part in zip(_PARTS, parts, strict=True)})


def arn_build(*parts: str) -> str:
    return ":".join(("arn", *parts))


def trim_iam_role_path(arn: str) -> str:
    parts = _parsed(arn)
    if parts[1] != "iam":
        raise FunctionError('service must be "iam"')
    if parts[2]:
        raise FunctionError("region must be empty")
    kind, slash, name = parts[4].partition("/")
    if kind != "role" or not slash:
        raise FunctionError('resource must be of the form "role/…"')
    return arn_build(*parts[:4], f"role/{name.rsplit('/', 1)[-1]}")


def _arn_type(values: list[Value]) -> Type:  # noqa: ARG001
    return object_of(dict.fromkeys(_PARTS, STRING))


def encode_expr(values: list[Value]) -> Value:
    (value,) = values
    if wholly_known(value):
        return string(_indented(expression_text(value)))
    result = unknown_like(STRING, [value], not_null=True)
    if not isinstance(value.v, Unknown) or value.v.not_null:
        kind = value.kind
        opening = "{" if kind in ("object", "map") else '"' if kind == "string" else ""
        result.v.prefix = result.v.begins = "[" if kind in ("tuple", "list", "set") else opening
    return result


def encode_tfvars(values: list[Value]) -> Value:
    (value,) = values
    if value.v is None:
        raise FunctionError("cannot encode a null value in tfvars syntax")
    if not wholly_known(value):
        return unknown_like(STRING, [value], not_null=True)
    if value.kind not in ("object", "map"):
        raise FunctionError("invalid value to encode: must be an object")
    items = sorted_items(value)
    for name, _ in items:
        if not _NAME(name):
            raise FunctionError(f'invalid variable name "{name}"')
    return string(_indented("".join(_aligned(items))))


def expression_text(value: Value) -> str:
    """The value as an expression, its lines not indented yet."""
    v = value.v
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, str):
        return _quoted(v)
    if isinstance(v, list):
        return f"[{', '.join([expression_text(element) for element in v])}]"
    if isinstance(v, dict):
        return "".join(["{\n", *_aligned(sorted_items(value)), "}"]) if v else "{}"
    return numbers.to_text(v)


def _aligned(items: list[tuple[str, Value]]) -> list[str]:
    """Lines `name = value`; the signs of neighbours that take one line stand in one column."""
    lines: list[str] = []
    group: list[tuple[str, str]] = []
    for name, value in items:
        shown, text = name if _NAME(name) else _quoted(name), expression_text(value)
        if "\n" not in text:
            group.append((shown, text))
            continue
        lines += [*_column(group), f"{shown} = {text}\n"]
        group = []
    return lines + _column(group)


def _column(group: list[tuple[str, str]]) -> list[str]:
    width = max([len(name) for name, _ in group], default=0)
    return [f"{name:<{width}} = {text}\n" for name, text in group]


def _indented(text: str) -> str:
    """The lines indented as `terraform fmt` does: a line that opens brackets counts once."""
    lines: list[str] = []
    opened: list[int] = []
    for line in text.split("\n"):
        bare = _STRINGS("", line)
        balance = sum(bare.count(char) for char in "[{") - sum(bare.count(char) for char in "]}")
        closing = -balance
        while closing > 0 and opened:
            taken = min(closing, opened[-1])
            closing -= taken
            opened[-1] -= taken
            if not opened[-1]:
                opened.pop()
        lines.append("  " * len(opened) + line if line else "")
        if balance > 0:
            opened.append(balance)
    return "\n".join(lines)


def _quoted(text: str) -> str:
    escaped = "".join([_ESCAPES.get(char, char) for char in text])
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def decode_tfvars(values: list[Value]) -> Value:
    parsed = hcl.parse(Text("<decode_tfvars argument>", values[0].v))
    if parsed.problems:
        raise FunctionError(f"invalid tfvars syntax: {parsed.problems[0].message}")
    if parsed.body.blocks:
        raise FunctionError("invalid tfvars content: blocks are not allowed here")
    return Value(
        None,
        {name: _constant(item.expression) for name, item in parsed.body.attributes.items()},
    )


def _constant(node: Node) -> Value:
    """The value of an expression that refers to nothing and calls nothing."""
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Parenthesised):
        return _constant(node.inner)
    if isinstance(node, Tuple):
        return Value(None, [_constant(element) for element in node.elements])
    if isinstance(node, Object):
        made: dict[str, Value] = {}
        for key, value in node.items:
            name = _constant(key)
            if not isinstance(name.v, str):
                raise FunctionError("invalid expression: a key must be a text")
            made[name.v] = _constant(value)
        return Value(None, made)
    if isinstance(node, Unary) and node.operator == "-":
        number = _constant(node.operand)
        if isinstance(number.v, int) and not isinstance(number.v, bool):
            return Value(number.type, -number.v)
        if isinstance(number.v, numbers.Real):
            return Value(number.type, numbers.Real(-number.v.value, number.v.bits))
    raise FunctionError("invalid expression: only constant values are allowed here")


FUNCTIONS: dict[str, Function] = {
    "provider::aws::arn_parse": Function(arn_parse, [text_parameter("arn")], _arn_type),
    "provider::aws::arn_build": of_strings(arn_build, *_PARTS),
    "provider::aws::trim_iam_role_path": of_strings(trim_iam_role_path, "arn"),
    "provider::terraform::encode_expr": Function(
        encode_expr, [Parameter("expr", DYNAMIC, "ud")], STRING
    ),
    "provider::terraform::encode_tfvars": Function(
        encode_tfvars, [Parameter("value", DYNAMIC, "nud")], STRING
    ),
    "provider::terraform::decode_tfvars": Function(decode_tfvars, [text_parameter("src")], DYNAMIC),
}

"""The same questions, answered by the engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from assay.engine.errors import Text
from assay.engine.terraform import hcl
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.functions.files import Files
from assay.engine.terraform.functions.json_text import json_text
from assay.engine.terraform.functions.signature import FunctionError
from assay.engine.terraform.scanner import HclError
from assay.engine.terraform.scopes import ExpressionError, fail
from assay.engine.terraform.syntax import Traversal
from assay.engine.terraform.types import DYNAMIC, STRING, Type, type_text
from assay.engine.terraform.values import (
    SENSITIVE,
    Value,
    deep_marks,
    object_value,
    string,
    unknown,
    wholly_known,
)
from tests.terraform.oracle import FAILED, UNKNOWN, Answer

ADDRESS = "terraform_data.u"


class Scope:
    """terraform_data.u, whose id is not known, and var.secret."""

    def __init__(self, folder: Path | None = None) -> None:
        self.files = Files(folder, folder) if folder else None

    def lookup(self, node: Traversal) -> tuple[Value, int]:  # noqa: RET503
        if node.root == "var" and node.steps[:1] == ("secret",):
            return string("s3cret").marked(frozenset({SENSITIVE})), 1
        if node.root == "terraform_data" and node.steps[:1] == ("u",):
            return RESOURCE, 1
        if node.root == "path":
            return string("."), 1
        fail(node, "terraform-undeclared", f"there is no {node.root}")


RESOURCE = object_value(
    {
        "id": unknown(STRING, "apply", f"{ADDRESS}.id", not_null=True),
        "input": string("x"),
        "output": unknown(STRING, "apply", f"{ADDRESS}.output"),
        "triggers_replace": Value(DYNAMIC, None),
    }
).marked(frozenset({ADDRESS}))


def value_of(text: str, folder: Path | None = None) -> Value:
    """The value of an expression. Raises HclError and ExpressionError."""
    return evaluate(hcl.parse_expression(Text("main.tf", text)), Scope(folder))


def answer(text: str, folder: Path | None = None) -> Answer:
    """What oracle.ask gives, worked out by the engine."""
    try:
        value = value_of(text, folder)
    except (HclError, ExpressionError):
        return Answer(FAILED, "", "")
    known = wholly_known(value)
    try:
        shown = f"[{json_text(value)}]" if known else UNKNOWN
    except FunctionError:
        return Answer(FAILED, "", "")
    marks = "true" if SENSITIVE in deep_marks(value) else "false" if known else UNKNOWN
    return Answer(shown, type_name(value.type), marks)


def is_spoilt(text: str) -> bool:
    """Whether the expression is no HCL, or refers to what is not declared."""
    try:
        value_of(text)
    except HclError:
        return True
    except ExpressionError as error:
        return error.problems[0].code in ("terraform-undeclared", "terraform-unknown-function")
    return False


def type_name(type: Type) -> str:
    """The type as `type()` of the console prints it, without spaces."""
    kind = type.kind
    if kind in ("list", "set", "map"):
        inner = type_name(type.element)
        return f"{kind}({inner}{',' if inner.endswith(('])', '})')) else ''})"
    if kind == "tuple":
        return f"tuple([{''.join(type_name(part) + ',' for part in type.elements)}])"
    if kind == "object":
        parts: Any = (f"{n}:{type_name(t)}," for n, t in type.attributes.items())
        return re.sub(r"\s+", "", f"object({{{''.join(parts)}}})")
    return type_text(type)

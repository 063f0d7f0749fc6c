"""The calls that need their arguments unevaluated, or a scope: try, can, template functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.engine.errors import Text
from assay.engine.terraform import hcl
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.functions import files
from assay.engine.terraform.functions.signature import FunctionError
from assay.engine.terraform.scanner import HclError
from assay.engine.terraform.scopes import ExpressionError, Scope, fail
from assay.engine.terraform.syntax import (
    Call,
    GetAttr,
    Index,
    Node,
    Splat,
    Traversal,
)
from assay.engine.terraform.types import BOOL, DYNAMIC, STRING
from assay.engine.terraform.values import (
    FALSE,
    TRUE,
    Value,
    deep_marks,
    sorted_items,
    strip,
    unknown_like,
    wholly_known,
)

Evaluate = Callable[[Node, Scope], Value]
_FINAL = frozenset(
    {"terraform-limit", "terraform-depth", "terraform-cycle", "terraform-undeclared"}
)
_FORBIDDEN = frozenset({"templatefile", "templatestring"})


def try_(node: Call, scope: Scope, evaluate: Evaluate) -> Value:
    """`try(a, b)`: the first that can be evaluated; unknown as soon as that is in any part."""
    if not node.arguments:
        raise FunctionError("at least one argument is required")
    if node.expand:
        raise FunctionError("arguments of try cannot be expanded by `...`")
    errors: list[ExpressionError] = []
    for argument in node.arguments:
        try:
            value = evaluate(argument, scope)
        except ExpressionError as error:
            _not_a_fault_of_the_scan(error)
            errors.append(error)
            continue
        if not wholly_known(value):
            return unknown_like(DYNAMIC, [value], deep_marks(value))
        return value
    raise FunctionError(f"no expression succeeded: {errors[0].problems[0].message}")


def can(node: Call, scope: Scope, evaluate: Evaluate) -> Value:
    """`can(a)`: whether it can be evaluated."""
    if len(node.arguments) != 1:
        raise FunctionError("expects 1 argument")
    try:
        value = evaluate(node.arguments[0], scope)
    except ExpressionError as error:
        _not_a_fault_of_the_scan(error)
        return FALSE
    if not wholly_known(value):
        return unknown_like(BOOL, [value], deep_marks(value))
    return TRUE


def _not_a_fault_of_the_scan(error: ExpressionError) -> None:
    """A bound of ours, a cycle, a name that nobody declares: no expression recovers from it."""
    if error.problems[0].code in _FINAL:
        raise error


class TemplateScope:
    """The variables of a rendered template: nothing else can be referred to."""

    __slots__ = ("files", "variables")

    def __init__(self, variables: Mapping[str, Value], files: Any) -> None:
        self.variables = variables
        self.files = files

    def lookup(self, node: Traversal) -> tuple[Value, int]:
        found = self.variables.get(node.root)
        if found is None:
            fail(node, "terraform-template", f'vars map does not contain key "{node.root}"')
        return found, 0


def templatefile(node: Call, scope: Scope, evaluate: Evaluate) -> Value:
    """`templatefile(path, vars)`."""
    path, variables = _two(node, scope, evaluate)
    if not (path.known and variables.known):
        marks = path.marks | deep_marks(variables)
        return unknown_like(DYNAMIC, [path, variables], marks)
    name = _text(path, "path")
    source = files.read_text(scope.files, name)
    result = _render(Text(name, source), variables, scope.files, evaluate)
    return result.marked(path.marks | deep_marks(variables))


def templatestring(node: Call, scope: Scope, evaluate: Evaluate) -> Value:
    """`templatestring(reference, vars)`."""
    if node.arguments and not _is_reference(node.arguments[0]):
        raise FunctionError(
            "must be a direct reference to a single string from elsewhere, containing valid "
            "Terraform template syntax"
        )
    template, variables = _two(node, scope, evaluate)
    marks = template.marks | deep_marks(variables)
    if not (template.known and variables.known):
        return unknown_like(STRING, [template, variables], marks, not_null=True)
    if template.kind != "string" or template.v is None:
        raise FunctionError("invalid template value: a string is required")
    text = Text("<templatestring argument>", template.v)
    rendered = _render(text, variables, None, evaluate)
    try:
        return convert(rendered, STRING).marked(marks)
    except ConversionError as error:
        raise FunctionError(f"invalid template result: {error}") from None


def _two(node: Call, scope: Scope, evaluate: Evaluate) -> tuple[Value, Value]:
    if len(node.arguments) != 2 or node.expand:
        raise FunctionError("expects 2 arguments")
    return evaluate(node.arguments[0], scope), evaluate(node.arguments[1], scope)


def _text(value: Value, name: str) -> str:
    try:
        converted = convert(value, STRING)
    except ConversionError as error:
        raise FunctionError(f'invalid value for "{name}": {error}') from None
    if converted.v is None:
        raise FunctionError(f'argument "{name}" must not be null')
    return str(converted.v)


def _is_reference(node: Node) -> bool:
    while isinstance(node, GetAttr | Index | Splat):
        node = node.source
    return isinstance(node, Traversal)


def _render(text: Text, variables: Value, readable: Any, evaluate: Evaluate) -> Value:
    if variables.kind not in ("map", "object"):
        raise FunctionError("invalid vars value: must be a map")
    if variables.v is None:
        raise FunctionError("invalid vars value: must not be null")
    try:
        template = hcl.parse_template(text)
    except HclError as error:
        raise FunctionError(_located(error.found)) from None
    for inner in _calls(template):
        if inner.name.removeprefix("core::") in _FORBIDDEN:
            raise FunctionError(f"cannot call {inner.name} from inside another template")
        if readable is None and inner.name.removeprefix("core::") in files.FUNCTIONS:
            raise FunctionError(f"cannot read files by {inner.name} in a templatestring")
    marks = deep_marks(variables)
    # The text takes every mark of the variables, as in Terraform, so inside they have none.
    names = {name: strip(value, marks) for name, value in sorted_items(variables)}
    result = _evaluated(template, TemplateScope(names, readable), evaluate)
    if result.v is None:
        raise FunctionError("the result of the template is null")
    return result


def _evaluated(template: Node, scope: TemplateScope, evaluate: Evaluate) -> Value:
    try:
        return evaluate(template, scope)
    except ExpressionError as error:
        _not_a_fault_of_the_scan(error)
        raise FunctionError(_located(error.problems[0])) from None


def _located(found: Any) -> str:
    return f"{found.file}:{found.span.line}:{found.span.column}: {found.message}"


def _calls(node: Node) -> list[Call]:
    """Every call inside the expression."""
    found: list[Call] = []
    pending: list[Any] = [node]
    while pending:
        at = pending.pop()
        if isinstance(at, Call):
            found.append(at)
        if isinstance(at, tuple):
            pending.extend(at)
        elif isinstance(at, Node):
            pending.extend([getattr(at, slot) for slot in at.__slots__])
    return found


SPECIAL: dict[str, Callable[[Call, Scope, Evaluate], Value]] = {
    "try": try_,
    "can": can,
    "templatefile": templatefile,
    "templatestring": templatestring,
}

"""Every function by name, and the call of one: arguments, expansion, errors with a place."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import NoReturn

from assay.engine.terraform.functions import (
    clocks,
    combinations,
    digests,
    encodings,
    files,
    formatting,
    json_text,
    mappings,
    networks,
    numeric,
    providers,
    searches,
    sequences,
    text,
    yaml_text,
)
from assay.engine.terraform.functions.signature import Function, FunctionError, LimitError
from assay.engine.terraform.functions.templates import SPECIAL
from assay.engine.terraform.operations import OperationError
from assay.engine.terraform.scopes import Scope, fail
from assay.engine.terraform.syntax import Call, Node
from assay.engine.terraform.types import DYNAMIC
from assay.engine.terraform.values import NO_MARKS, Value, deep_marks, unknown, unknown_like

Evaluate = Callable[[Node, Scope], Value]

FUNCTIONS: dict[str, Function] = {
    **sequences.FUNCTIONS,
    **combinations.FUNCTIONS,
    **searches.FUNCTIONS,
    **mappings.FUNCTIONS,
    **text.FUNCTIONS,
    **numeric.FUNCTIONS,
    **formatting.FUNCTIONS,
    **json_text.FUNCTIONS,
    **yaml_text.FUNCTIONS,
    **encodings.FUNCTIONS,
    **digests.FUNCTIONS,
    **clocks.FUNCTIONS,
    **networks.FUNCTIONS,
    **providers.FUNCTIONS,
}
NAMES = frozenset(FUNCTIONS) | frozenset(SPECIAL) | frozenset(files.FUNCTIONS)


def call(node: Call, scope: Scope, evaluate: Evaluate) -> Value:  # noqa: RET503
    """The value of a call. Raises ExpressionError."""
    name = node.name.removeprefix("core::")
    try:
        function = FUNCTIONS.get(name)
        if function is not None:
            values = _arguments(node, scope, evaluate)
            return _any_of(node, values) if isinstance(values, Value) else function.call(values)
        special = SPECIAL.get(name)
        if special is not None:
            return special(node, scope, evaluate)
        reader = files.FUNCTIONS.get(name)
        if reader is not None:
            values = _arguments(node, scope, evaluate)
            if isinstance(values, Value):
                return _any_of(node, values)
            return reader(scope.files).call(values)
    except (FunctionError, OperationError) as error:
        limited = isinstance(error, LimitError)
        code = "terraform-limit" if limited else "terraform-function"
        fail(node, code, f"{name}: {error}")
    if name.startswith("provider::"):
        return _of_provider(node, scope, evaluate)
    unknown_name(node)


def unknown_name(node: Call) -> NoReturn:
    """Raise the error of a call of a function that there is not."""
    name = node.name.removeprefix("core::")
    close = get_close_matches(name, NAMES, 1)
    fail(
        node,
        "terraform-unknown-function",
        f"there is no function named `{name}`",
        f"did you mean `{close[0]}`?" if close else "",
    )


def _arguments(node: Call, scope: Scope, evaluate: Evaluate) -> list[Value] | Value:
    """The arguments, or the expanded one where it is not known how many there are."""
    if not node.expand:
        return [evaluate(argument, scope) for argument in node.arguments]
    values = [evaluate(argument, scope) for argument in node.arguments[:-1]]
    last = evaluate(node.arguments[-1], scope)
    if last.v is None:
        fail(node.arguments[-1], "terraform-null", "what `...` expands must not be null")
    if last.kind not in ("list", "set", "tuple", "dynamic"):
        fail(
            node.arguments[-1],
            "terraform-function",
            "only a list, set or tuple can be expanded by `...`",
        )
    if not last.known:
        return last
    if len(last.v) > 10_000:
        fail(node.arguments[-1], "terraform-limit", "more than 10000 arguments")
    return values + [element.marked(last.marks) for element in last.v]


def _any_of(node: Call, expanded: Value) -> Value:  # noqa: ARG001
    return unknown_like(DYNAMIC, [expanded], expanded.marks)


def _of_provider(node: Call, scope: Scope, evaluate: Evaluate) -> Value:
    """A function that only its provider can compute."""
    values = _arguments(node, scope, evaluate)
    marks = NO_MARKS
    for value in [values] if isinstance(values, Value) else values:
        marks = marks | deep_marks(value)
    return unknown(DYNAMIC, "provider", f"{node.name}()", marks=marks)

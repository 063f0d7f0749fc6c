"""What an expression may refer to, and how it says that it cannot be evaluated.

ExpressionError     an expression that Terraform refuses too: code, message, place
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from assay.engine.errors import EvaluationError, problem
from assay.engine.terraform.syntax import Node, Traversal
from assay.engine.terraform.values import Value


class ExpressionError(EvaluationError):
    """An expression that cannot be evaluated, with the place of the failing part."""


def fail(node: Node, code: str, message: str, help: str = "") -> NoReturn:
    """Raise an ExpressionError about the node."""
    raise ExpressionError(problem(code, message, node.text, node.start, node.end, help))


class Scope(Protocol):
    """What an expression may refer to."""

    @property
    def files(self) -> Any:
        """A functions.files.Files, or None where no file may be read."""

    def lookup(self, node: Traversal) -> tuple[Value, int]:
        """The value of the longest prefix that the scope knows, and the number of steps in it.

        Raises ExpressionError (by `fail`) for a name that is not declared.
        """


class Bound:
    """A scope with a few names more: those of a `for`, or the variables of a template."""

    __slots__ = ("item", "outer", "values")

    def __init__(
        self, outer: Scope, values: Mapping[str, Value], item: Value | None = None
    ) -> None:
        self.outer = outer
        self.values = values
        self.item = item

    @property
    def files(self) -> Any:
        return self.outer.files

    def lookup(self, node: Traversal) -> tuple[Value, int]:
        found = self.values.get(node.root)
        return (found, 0) if found is not None else self.outer.lookup(node)


def item_of(scope: Any) -> Value:
    """The element that the innermost splat is at."""
    while isinstance(scope, Bound):
        if scope.item is not None:
            return scope.item
        scope = scope.outer
    raise AssertionError("an item outside of a splat")

"""The short way as data, and the function that it becomes: what a cache of controls keeps."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, NamedTuple

from assay.engine.cel import shortcuts
from assay.engine.cel.dispatch import dispatch
from assay.engine.cel.functions import table

Recipe = tuple[str, str, bool, int]  # x or f, name, whether a method, number of arguments


class Code(NamedTuple):
    """Code of an expression that gives a lambda, and how the functions that it calls are made."""

    code: CodeType
    recipes: tuple[Recipe, ...]

    def dump(self) -> tuple[bytes, tuple[Recipe, ...]]:
        """The same as data that can be kept."""
        return marshal.dumps(self.code), self.recipes


def load(dumped: tuple[bytes, tuple[Recipe, ...]]) -> Code:
    """What `dump` gave."""
    return Code(marshal.loads(dumped[0]), dumped[1])  # noqa: S302 - the cache is the user's own


def function(code: Code, extensions: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of a code."""
    scope: dict[str, Any] = dict(shortcuts.GLOBALS)
    for number, (sort, name, method, count) in enumerate(code.recipes):
        if sort == "x":
            scope[f"f_{number}"] = extensions[name].function
        else:
            forms = table()[name, method]
            fitting = tuple(form for form in forms if len(form.parameters) == count - method)
            scope[f"f_{number}"] = dispatch(name, fitting)
    made: Callable[..., Any] = eval(code.code, scope)  # noqa: S307 - built from a tree
    return made

"""What a function of the dialect is, and which of its forms fits the arguments of a call."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple


class Overload(NamedTuple):
    """One form of a function.

    receiver    CEL type of the target of a method (`string`, `list(A)`); None: a global function
    parameters  CEL types of the arguments; capital letters stand for any one type
    result      CEL type of the result
    function    called with the target first; raises ValueError or TypeError
    since       the first Kubernetes version whose API server accepts it in a new policy
    """

    name: str
    receiver: str | None
    parameters: tuple[str, ...]
    result: str
    function: Callable[..., Any]
    since: tuple[int, int] = (1, 23)


LIBRARIES = (
    "conversions",
    "strings",
    "lists",
    "regex",
    "url",
    "quantity",
    "net",
    "semver",
    "time",
    "formatting",
    "named_formats",
    "optionals",
)
Key = tuple[str, bool]  # name, and whether it is a method


@cache
def table() -> dict[Key, tuple[Overload, ...]]:
    """All functions of the dialect by name; methods apart from global functions."""
    found: dict[Key, list[Overload]] = {}
    for name in LIBRARIES:
        module = import_module(f"assay.engine.cel.library.{name}")
        for overload in getattr(module, "OVERLOADS", ()):
            found.setdefault((overload.name, overload.receiver is not None), []).append(overload)
    return {key: tuple(overloads) for key, overloads in found.items()}


def base(type: str) -> str:
    """A type without its parameters: `list(string)` → list."""
    return type.partition("(")[0]


def fits(type: str, kind: str) -> bool:
    """Whether a value of that kind may stand where the type is declared."""
    name = base(type)
    return name in ("dyn", kind) or (len(name) == 1 and name.isupper())

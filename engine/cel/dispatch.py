"""A call of a function with several forms: the one whose types fit the arguments is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.engine.cel.bounds import builds
from assay.engine.cel.functions import Overload, fits
from assay.engine.cel.library.values import kind
from assay.engine.cel.values import CelError

RAISED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


def dispatch(name: str, forms: tuple[Overload, ...]) -> Callable[..., Any]:
    """A function that picks the form whose types fit its arguments."""
    typed = [
        (
            (*((form.receiver,) if form.receiver is not None else ()), *form.parameters),
            form.function,
        )
        for form in forms
    ]
    # A value's kind is that of its class, so what once fitted these classes fits them always.
    chosen: dict[tuple[type, ...], Callable[..., Any]] = {}

    def choose(values: tuple[Any, ...]) -> Callable[..., Any]:
        kinds = [kind(value) for value in values]
        for types, function in typed:
            if all(fits(type, found) for type, found in zip(types, kinds, strict=True)):
                return function
        raise CelError(f"no such overload: {name}({', '.join(kinds)})")

    def call(*values: Any) -> Any:
        classes = tuple(map(type, values))
        function = chosen.get(classes)
        if function is None:
            function = chosen[classes] = choose(values)
        try:
            found = function(*values)
        except RAISED as error:
            raise CelError(str(error)) from None
        if found.__class__ is str or found.__class__ is list:
            builds(len(found))
        return found

    return call

"""Logic of three values: what an expression says when parts of its data are not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.engine.cel import operations as op
from assay.engine.cel.bounds import StepsError
from assay.engine.cel.values import CelError, Optional
from assay.engine.model import Incomplete, Unknown

Env = dict[str, Any]
Run = Callable[[Env], Any]
SIZE = "size"  # Unknown.type of what size() gives: a number with a lower bound
OPTIONAL_METHODS = frozenset({"orValue", "or", "hasValue", "value"})
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def equal(a: Any, b: Any) -> Any:
    """`==`"""
    for one, two in ((a, b), (b, a)):
        if isinstance(one, Unknown) and one.type == SIZE and op.number(two):
            return False if two < one.least else one
    return op.equal(a, b)


def differ(a: Any, b: Any) -> Any:
    """`!=`"""
    try:
        same = equal(a, b)
    except CelError:
        return True  # what cannot be compared is not equal, though `==` itself fails
    return same if isinstance(same, Unknown) else not same


def ordering(word: str) -> Callable[[Any, Any], Any]:
    """`<`, `<=`, `>`, `>=`; a size that is not known decides by its lower bound."""

    def order(a: Any, b: Any) -> Any:
        for one, two, given in ((a, b, word), (b, a, _FLIPPED[word])):
            if isinstance(one, Unknown):
                if one.type == SIZE and op.number(two):
                    return _bounded(given, one, two)
                return one
        return op.compare(word, a, b)

    return order


def _bounded(word: str, size: Unknown, limit: Any) -> Any:
    if size.least >= limit and word in (">=", "<"):
        return word == ">="
    if size.least > limit and word in (">", "<="):
        return word == ">"
    return size


def starts_with(text: Any, part: Any) -> Any:
    """startsWith() where the text or the part is not known."""
    if isinstance(text, Unknown) and isinstance(part, str):
        if text.prefix.startswith(part):
            return True
        return text if part.startswith(text.prefix) else False
    return text if isinstance(text, Unknown) else part


def ends_with(text: Any, part: Any) -> Any:
    """endsWith() where the text or the part is not known."""
    if isinstance(text, Unknown) and isinstance(part, str):
        if text.suffix.endswith(part):
            return True
        return text if part.endswith(text.suffix) else False
    return text if isinstance(text, Unknown) else part


def contains(text: Any, part: Any) -> Any:
    """contains() where the text or the part is not known."""
    if isinstance(text, Unknown) and isinstance(part, str):
        return True if part in text.prefix or part in text.suffix else text
    return text if isinstance(text, Unknown) else part


LOOKING = {"startsWith": starts_with, "endsWith": ends_with, "contains": contains}


def either(unsure: Callable[..., Any], sure: Callable[..., Any]) -> Callable[..., Any]:
    """The first where an argument is unknown, else the second."""

    def call(*values: Any) -> Any:
        if any(isinstance(value, Unknown) for value in values):
            return unsure(*values)
        return sure(*values)

    return call


def sized(arg: Run, run: Callable[..., Any]) -> Run:
    """size(): of an incomplete list an unknown number with a lower bound."""

    def call(env: Env) -> Any:
        value = arg(env)
        if isinstance(value, Unknown):
            return Unknown(value.cause, value.origin, not_null=True, type=SIZE, least=value.least)
        if isinstance(value, Incomplete):
            rest = value.rest
            return Unknown(rest.cause, rest.origin, not_null=True, type=SIZE, least=len(value))
        return run(value)

    return call


def logic(parts: list[Run], decisive: bool) -> Run:
    """`&&` (decisive: false) and `||` (decisive: true), in any order, errors absorbed."""

    def decide(env: Env) -> Any:
        error: CelError | None = None
        unknown: Unknown | None = None
        for part in parts:
            try:
                value = part(env)
            except StepsError:
                raise
            except CelError as raised:
                error = error or raised
                continue
            if value is decisive:
                return decisive
            if isinstance(value, Unknown):
                unknown = unknown if unknown is not None else value
            elif not isinstance(value, bool):
                error = error or CelError("no such overload: && and || take bool")
        if unknown is not None:
            return unknown
        if error is not None:
            raise error
        return not decisive

    return decide


def choice(test: Run, yes: Run, no: Run) -> Run:
    """`test ? yes : no`"""

    def choose(env: Env) -> Any:
        value = test(env)
        if isinstance(value, Unknown):
            return value
        if not isinstance(value, bool):
            raise CelError("no such overload: the condition of ?: must be bool")
        return yes(env) if value else no(env)

    return choose


def optional_method(name: str, receiver: Run, args: list[Run]) -> Run:
    """orValue, or, hasValue and value of an optional."""

    def call(env: Env) -> Any:
        found = receiver(env)
        if isinstance(found, Unknown):
            return found
        if not isinstance(found, Optional):
            raise CelError(f"no such overload: {name} of what is not optional")
        if name == "hasValue":
            return found.present
        if found.present:
            return found if name == "or" else found.value
        if not args:
            raise CelError("optional.none() has no value")
        return args[0](env)

    return call

"""The comprehensions: all, exists, exists_one, map, filter, and those of two variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from assay.engine.cel.bounds import StepsError, spend
from assay.engine.cel.library.lists import sort_by
from assay.engine.cel.library.values import kind
from assay.engine.cel.values import NONE, CelError, Optional
from assay.engine.model import Incomplete, Unknown

Env = dict[str, Any]
Run = Callable[[Env], Any]


def fold(
    macro: str, range_: Run, names: Sequence[str], body: list[Run], nested: bool = False
) -> Run:
    """The closure of a comprehension over the list or map that `range_` gives.

    The rounds of a nested one, which stands in the body of another, are counted.
    """

    def run(env: Env) -> Any:
        value = range_(env)
        if isinstance(value, Unknown):
            return value
        if macro in ("optMap", "optFlatMap"):
            return _optional(macro, value, env, names[0], body[0])
        pairs = elements(value, len(names), macro)
        if nested:
            spend(len(pairs))
        rest = value.rest if isinstance(value, Incomplete) else None
        scope = dict(env)
        if macro in ("all", "exists"):
            return _quantify(macro == "exists", pairs, rest, scope, names, body[0])
        if macro == "exists_one":
            return _exists_one(pairs, rest, scope, names, body[0])
        found = _collect(macro, pairs, rest, scope, names, body)
        return _sorted(value, found) if macro == "sortBy" else found

    return run


def elements(value: Any, count: int, macro: str) -> list[tuple[Any, ...]]:
    """What the variables of a comprehension stand for, element by element."""
    if isinstance(value, list):
        return list(enumerate(value)) if count == 2 else [(element,) for element in value]
    if isinstance(value, dict):
        return list(value.items()) if count == 2 else [(key,) for key in value]
    raise CelError(f"no such overload: {kind(value)}.{macro}()")


def _quantify(
    decisive: bool,
    pairs: list[tuple[Any, ...]],
    rest: Unknown | None,
    scope: Env,
    names: Sequence[str],
    body: Run,
) -> Any:
    """`all` (decisive: false) and `exists` (decisive: true), errors absorbed as by && and ||."""
    error: CelError | None = None
    unknown: Unknown | None = None
    for given in pairs:
        scope.update(zip(names, given, strict=True))
        try:
            value = body(scope)
        except StepsError:
            raise
        except CelError as raised:
            error = error or raised
            continue
        if value is decisive:
            return decisive
        if isinstance(value, Unknown):
            unknown = value if unknown is None else unknown
        elif not isinstance(value, bool):
            error = error or CelError("no such overload: && and || take bool")
    unknown = rest if unknown is None else unknown
    if unknown is not None:
        return unknown
    if error is not None:
        raise error
    return not decisive


def _exists_one(
    pairs: list[tuple[Any, ...]],
    rest: Unknown | None,
    scope: Env,
    names: Sequence[str],
    body: Run,
) -> Any:
    count, doubt = 0, rest
    for given in pairs:
        scope.update(zip(names, given, strict=True))
        test = body(scope)
        if isinstance(test, Unknown):
            doubt = test
        elif not isinstance(test, bool):
            raise CelError("no such overload: a condition must be bool")
        else:
            count += test
    return doubt if doubt is not None and count <= 1 else count == 1


def _collect(
    macro: str,
    pairs: list[tuple[Any, ...]],
    rest: Unknown | None,
    scope: Env,
    names: Sequence[str],
    body: list[Run],
) -> Any:
    found: list[Any] = []
    table: dict[Any, Any] = {}
    doubt = rest
    for given in pairs:
        scope.update(zip(names, given, strict=True))
        if macro == "filter" or len(body) == 2:
            test = body[0](scope)
            if isinstance(test, Unknown):
                doubt = test
                continue
            if not isinstance(test, bool):
                raise CelError("no such overload: a condition must be bool")
            if not test:
                continue
        if macro == "filter":
            found.append(given[0])
        elif macro == "transformMap":
            table[given[0]] = body[-1](scope)
        elif macro == "transformMapEntry":
            unknown = _insert(table, body[-1](scope))
            doubt = doubt if unknown is None else unknown
        else:
            found.append(body[-1](scope))
    if macro in ("transformMap", "transformMapEntry"):
        return table if doubt is None else doubt
    return found if doubt is None else Incomplete(found, doubt)


def _insert(table: dict[Any, Any], entries: Any) -> Unknown | None:
    """Add the entries that a transformMapEntry gives; none may be there already."""
    if isinstance(entries, Unknown):
        return entries
    if not isinstance(entries, dict):
        raise CelError(f"no such overload: an entry must be a map, not {kind(entries)}")
    for key, value in entries.items():
        if key in table:
            raise CelError(f"the key {key} stands twice")
        table[key] = value
    return None


def _sorted(values: Any, keys: Any) -> Any:
    if not isinstance(values, list):
        raise CelError(f"no such overload: {kind(values)}.sortBy()")
    unknown = keys.rest if isinstance(keys, Incomplete) else None
    for key in keys:
        if isinstance(key, Unknown):
            unknown = key
    if unknown is not None:
        return unknown
    try:
        return sort_by(values, keys)
    except (ValueError, TypeError) as error:
        raise CelError(str(error)) from None


def _optional(macro: str, value: Any, env: Env, name: str, body: Run) -> Any:
    """optMap and optFlatMap: the body over what the optional holds, if it holds anything."""
    if not isinstance(value, Optional):
        raise CelError(f"no such overload: {kind(value)}.{macro}()")
    if not value.present or isinstance(value.value, Unknown):
        return value.value if value.present else NONE
    found = body({**env, name: value.value})
    if isinstance(found, Unknown):
        return found
    if macro == "optMap":
        return Optional(True, found)
    if not isinstance(found, Optional):
        raise CelError(f"no such overload: {macro} needs an optional, not {kind(found)}")
    return found

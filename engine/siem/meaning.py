"""A tree of tests → a function of an event: what a rule means, without any server.

Text is compared without case unless the rule says so; a regular expression minds case and is found
anywhere; of several values any may match; `null` and an empty list are no value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from assay.engine.siem import text as reading
from assay.engine.siem.event import Event
from assay.engine.siem.text import fold
from assay.engine.siem.tree import (
    ANY,
    And,
    Cidr,
    Compare,
    Exists,
    Not,
    Or,
    Parts,
    Pattern,
    Reference,
    RefusedError,
    Regex,
    Several,
    Test,
    Texts,
    TimePart,
    Tree,
)

Meaning = Callable[[Event], bool]
Resolve = Callable[[str], tuple[str, ...]]

ORDERS: dict[str, Callable[[float, float], bool]] = {
    "lt": lambda found, wanted: found < wanted,
    "lte": lambda found, wanted: found <= wanted,
    "gt": lambda found, wanted: found > wanted,
    "gte": lambda found, wanted: found >= wanted,
}
HOWS: dict[str, Callable[[str, str], bool]] = {
    "equal": lambda one, two: one == two,
    "prefix": lambda one, two: one.startswith(two),
    "suffix": lambda one, two: one.endswith(two),
    "within": lambda one, two: two in one,
}


def compile_tree(tree: Tree, resolve: Resolve) -> Meaning:
    """The meaning of a tree; `resolve` gives the event's fields for a rule's field.

    Raises RefusedError where a regular expression has no meaning in RE2.
    """
    if isinstance(tree, And):
        parts = [compile_tree(item, resolve) for item in tree.items]
        return lambda event: all(part(event) for part in parts)
    if isinstance(tree, Or):
        parts = [compile_tree(item, resolve) for item in tree.items]
        return lambda event: any(part(event) for part in parts)
    if isinstance(tree, Not):
        inner = compile_tree(tree.item, resolve)
        return lambda event: not inner(event)
    return _test(tree, resolve)


def _test(test: Test, resolve: Resolve) -> Meaning:
    names = () if test.field is None else resolve(test.field)
    match test:
        case Exists():
            return lambda event: any(map(event.exists, names))
        case Pattern(field, parts, cased):
            # Without a field the text may stand anywhere in any value.
            spread = parts if field is not None else (ANY, *parts, ANY)
            return _over(field, names, _pattern(spread, cased), folded=not cased)
        case Several(field, chunk):
            return compile_tree(Or(tuple(Pattern(field, parts) for parts in chunk)), resolve)
        case Texts(field, texts):
            if field is None:
                return _over(None, (), _pattern((ANY, texts[0], ANY), cased=False), folded=True)
            wanted = frozenset(texts)
            return _over(field, names, lambda value: value in wanted, folded=True)
        case Regex(field, pattern, flags):
            search = compiled_regex(pattern, flags)
            return _over(field, names, search, folded=False)
        case Cidr(field, network):
            return _over(field, names, lambda value: _inside(value, network), folded=False)
        case Compare(field, order, number):
            compare, bound = ORDERS[order], float(number)

            def compared(value: str) -> bool:
                found = reading.number(value)
                return found is not None and compare(found, bound)

            return _over(field, names, compared, folded=False)
        case Reference(_, other, how):
            others, same = resolve(other), HOWS[how]
            return lambda event: any(
                same(one, two)
                for name in names
                for one in event.folded(name)
                for second in others
                for two in event.folded(second)
            )
        case TimePart(field, part, wanted_part):

            def at(value: str) -> bool:
                moment = reading.time(value)
                return moment is not None and reading.time_part(moment, part) == wanted_part

            return _over(field, names, at, folded=False)


def _over(
    field: str | None, names: tuple[str, ...], matches: Callable[[str], bool], folded: bool
) -> Meaning:
    """Whether any value of the fields matches; without a field, any value of the event."""
    if field is None:
        if folded:
            return lambda event: any(map(matches, event.all_folded()))
        return lambda event: any(map(matches, event.all_values()))
    if len(names) == 1:
        name = names[0]
        if folded:
            return lambda event: any(map(matches, event.folded(name)))
        return lambda event: any(map(matches, event.values(name)))
    if folded:
        return lambda event: any(matches(value) for name in names for value in event.folded(name))
    return lambda event: any(matches(value) for name in names for value in event.values(name))


def _pattern(parts: Parts, cased: bool) -> Callable[[str], bool]:
    """A function that says whether the whole of a text matches."""
    parts = tuple(part if cased or not isinstance(part, str) else fold(part) for part in parts)
    texts = [part for part in parts if isinstance(part, str)]
    text = "".join(texts)
    shape = tuple("t" if isinstance(part, str) else "*" if part is ANY else "?" for part in parts)
    simple: dict[tuple[str, ...], Callable[[str], bool]] = {
        (): lambda value: not value,
        ("t",): lambda value: value == text,
        ("t", "*"): lambda value: value.startswith(text),
        ("*", "t"): lambda value: value.endswith(text),
        ("*", "t", "*"): lambda value: text in value,
    }
    return simple.get(shape) or (lambda value: wildcard(value, parts))


def wildcard(value: str, parts: Parts) -> bool:
    """Whether the whole of value matches text and wildcards: linear for each star."""
    at = part = 0
    star = -1
    resume = 0
    steps = _steps(parts)
    while at < len(value):
        if part < len(steps) and steps[part] is ANY:
            star, resume = part, at
            part += 1
        elif part < len(steps) and (steps[part] == 1 or steps[part] == value[at]):
            at += 1
            part += 1
        elif star >= 0:
            resume += 1
            at, part = resume, star + 1
        else:
            return False
    return all(step is ANY for step in steps[part:])


@lru_cache(maxsize=2048)
def _steps(parts: Parts) -> tuple[str | int | None, ...]:
    return tuple(step for part in parts for step in (part if isinstance(part, str) else (part,)))


def _inside(value: str, network: Any) -> bool:
    found = reading.address(value)
    if found is None or found.version != network.version:
        return False
    return found in network


@lru_cache(maxsize=4096)
def compiled_regex(pattern: str, flags: frozenset[str]) -> Callable[[str], bool]:
    """A function that finds the expression in a text, in linear time. Raises RefusedError."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    prefix = f"(?{''.join(sorted(flags))})" if flags else ""
    try:
        found = re2.compile(prefix + pattern, options)
    except re2.error as error:
        raise RefusedError(f"regular expression {pattern!r}: {_reason(error)}") from None
    return lambda value: found.search(value) is not None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)

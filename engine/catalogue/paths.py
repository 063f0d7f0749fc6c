"""Paths with `[]`, as `each`, relations and views use them: text → steps → places in values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from assay.engine.model import Incomplete, Path, Unknown

EACH = "[]"  # a step that stands for every element of a list, or every value of a map
Steps = tuple[str, ...]

_STEP = re.compile(r'\.?([A-Za-z_][\w-]*)|(\[\])|\["((?:[^"\\]|\\.)*)"\]')

_INDEXED = re.compile(r'\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]')


def parse(text: str) -> Steps | None:
    """`a.b[].c["d/e"]` → ("a", "b", "[]", "c", "d/e"); None where it is no such path."""
    steps: list[str] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or (at == 0) != (found[0][0] not in ".["):
            return None
        name, each, quoted = found.groups()
        steps.append(each or name or re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    return tuple(steps) or None


def indexed(text: str) -> Path:
    """The steps of a path with indexes, as findings have it: `a[0].b["k"]` → ("a", 0, "b", "k")."""
    steps: list[str | int] = []
    for found in _INDEXED.finditer(text):
        name, index, quoted = found.groups()
        steps.append(int(index) if index else name or re.sub(r"\\(.)", r"\1", quoted))
    return tuple(steps)


def walk(value: Any, steps: Steps, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value the steps lead to, with its path; an Unknown on the way is yielded itself."""
    if not steps:
        yield path, value
        return
    if isinstance(value, Unknown):
        yield path, value
        return
    step, rest = steps[0], steps[1:]
    if step != EACH:
        if isinstance(value, dict) and step in value:
            yield from walk(value[step], rest, (*path, step))
        return
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield from walk(element, rest, (*path, index))
        if isinstance(value, Incomplete):
            yield path, value.rest
    elif isinstance(value, dict):
        for key, element in value.items():
            yield from walk(element, rest, (*path, key))

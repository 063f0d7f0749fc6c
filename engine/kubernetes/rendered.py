"""The output of a renderer → Resources, with the places of what it was rendered from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from assay.engine.kubernetes import objects, text, yamltext
from assay.engine.kubernetes.yamltext import YamlError
from assay.engine.model import Path, Unknown

# A name that nobody has: what stands for the namespace while it is not known.
NAMESPACE = "assay-namespace-not-known"
_NAMED = re.compile(r"(?:- +)*[\w./-]{1,80}:(?=\s|\Z)")
_SOURCE = re.compile(r"^# Source: (.+?)\s*$", re.MULTILINE)


class Piece(NamedTuple):
    """One rendered object: what it was rendered from, its values, the how-manieth of its kind."""

    source: str
    number: int
    values: dict[str, Any]


class Fault(NamedTuple):
    """A rendered document that no API server would take."""

    source: str
    code: str
    message: str


def pieces(output: str) -> Iterator[Piece | Fault]:
    """The objects of a renderer's output, in its order."""
    seen: Counter[tuple[str, str]] = Counter()
    source = ""
    for start, end in yamltext.split(output):
        part = output[start:end]
        found = _SOURCE.search(part)
        source = found[1] if found else source
        try:
            for document in yamltext.documents(part):
                yield from _objects(source, document.value, document.nulls, seen)
        except YamlError as error:
            line, _ = text.position(part, error.offset)
            shown = part.splitlines()[min(line, len(part.splitlines())) - 1].strip()
            # Of the line only the name: what was rendered there may be anybody's password.
            named = _NAMED.match(shown)
            where = f"at `{named[0]}`" if named else "on a line without a name"
            yield Fault(source, error.code, f"{error.message}, in what it renders, {where}")


def _objects(
    source: str, value: Any, nulls: bool, seen: Counter[tuple[str, str]]
) -> Iterator[Piece | Fault]:
    if value is None:
        return
    wrong = objects.problem(value)
    if wrong is not None:
        yield Fault(source, wrong[0] or "manifest-type", wrong[1])
        return
    for item in objects.items(value):
        if item.problem:
            yield Fault(source, "manifest-item", item.problem)
            continue
        values = objects.dropped(item.value) if nulls else item.value
        key = (source, values["kind"])
        yield Piece(source, seen[key], values)
        seen[key] += 1


def with_unknowns(
    values: dict[str, Any], second: dict[str, Any] | None, origin: objects.Origin
) -> tuple[dict[str, Any], bool]:
    """Put Unknowns where the namespace is not known, and where a second rendering differs.

    Gives the values and whether they are complete.
    """
    if second == values and NAMESPACE not in repr(values):
        return values, True
    count = [0]

    def visit(value: Any, other: Any, path: Path) -> Any:
        if isinstance(value, dict):
            others = other if isinstance(other, dict) else {}
            return {
                key: visit(inner, others.get(key, inner), (*path, key))
                for key, inner in value.items()
            }
        if isinstance(value, list):
            same = isinstance(other, list) and len(other) == len(value)
            return [
                visit(inner, other[at] if same else inner, (*path, at))
                for at, inner in enumerate(value)
            ]
        if value != other:
            count[0] += 1
            origin_text = "a random value or the time, chosen when the chart is installed"
            return Unknown("render", origin_text, not_null=True, type="string")
        if isinstance(value, str) and NAMESPACE in value:
            count[0] += 1
            before, _, after = value.partition(NAMESPACE)
            return objects.unknown_namespace(
                origin, before, after.rpartition(NAMESPACE)[2] if NAMESPACE in after else after
            )
        return value

    found = visit(values, values if second is None else second, ())
    return found, count[0] == 0

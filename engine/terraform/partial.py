"""What is certain of a text that is known in part, and of the outcome of an unknown condition."""

from __future__ import annotations

from typing import Any

from assay.engine.terraform import operations
from assay.engine.terraform.graphemes import safe_prefix
from assay.engine.terraform.types import STRING
from assay.engine.terraform.values import NO_MARKS, Unknown, Value, string, unknown_like


def joined_text(pieces: list[Value], marks: frozenset[str] = NO_MARKS) -> Value:
    """The texts one after the other; with unknown ones among them, what is certain at both ends."""
    if all(piece.v.__class__ is str for piece in pieces):
        made = string("".join([piece.v for piece in pieces]))
        return made.marked(marks) if marks else made
    unknown = next(piece.v for piece in pieces if piece.v.__class__ is Unknown)
    info = Unknown(unknown.cause, unknown.origin, not_null=True)
    info.begins = _edge(pieces, ends=False)
    info.prefix = safe_prefix(_first_text(pieces))
    info.suffix = _edge(pieces[::-1], ends=True)
    info.low = sum(len(p.v) if isinstance(p.v, str) else 0 for p in pieces)
    texts = [p.v if isinstance(p.v, str) else p.v.identity for p in pieces]
    if None not in texts:
        info.identity = "${" + "}${".join(texts) + "}"
    return Value(STRING, info, marks)


def _first_text(pieces: list[Value]) -> str:
    """The known text before the first unknown piece, of which Terraform keeps 128 bytes."""
    found: list[str] = []
    for piece in pieces:
        if not isinstance(piece.v, str):
            break
        found.append(piece.v)
    return "".join(found).encode()[:128].decode(errors="ignore")


def _edge(pieces: list[Value], ends: bool) -> str:
    """What a joined text begins (or ends) with."""
    found: list[str] = []
    for piece in pieces:
        if isinstance(piece.v, str):
            found.append(piece.v)
            continue
        found.append(piece.v.suffix if ends else piece.v.begins)
        break
    return "".join(reversed(found) if ends else found)


def either_way(condition: Value, yes: Value, no: Value, type: Any, marks: frozenset[str]) -> Value:
    """The result under an unknown condition: what is certain of both sides is certain of it."""
    if yes.v is None and no.v is None:
        return Value(type, None, marks)
    known: dict[str, Any] = {"not_null": _not_null(yes) and _not_null(no)}
    if yes.type == no.type:
        kind = yes.kind
        if kind == "number" or kind in ("list", "set", "map"):
            bounds = [_range(value, kind) for value in (yes, no)]
            lows = [low for low, _ in bounds]
            highs = [high for _, high in bounds]
            known["low"] = None if None in lows else min(lows)
            known["high"] = None if None in highs else max(highs)
    if yes.kind == no.kind == "string":
        known["begins"] = _common_prefix(_start(yes), _start(no))
        known["suffix"] = _common_prefix(_finish(yes)[::-1], _finish(no)[::-1])[::-1]
    return unknown_like(type, [condition], marks, **known)


def _not_null(value: Value) -> bool:
    return value.v.not_null if value.v.__class__ is Unknown else value.v is not None


def _range(value: Value, kind: str) -> tuple[Any, Any]:
    v = value.v
    if v.__class__ is Unknown:
        return v.low, v.high
    if v is None:
        return None, None
    if kind == "number":
        number = operations.exact(v)
        return number, number
    return len(v), len(v)


def _start(value: Value) -> str:
    v = value.v
    return v if isinstance(v, str) else v.begins if isinstance(v, Unknown) else ""


def _finish(value: Value) -> str:
    v = value.v
    return v if isinstance(v, str) else v.suffix if isinstance(v, Unknown) else ""


def _common_prefix(a: str, b: str) -> str:
    size = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        size += 1
    return a[:size]


def element_of(source: Value, key: Value, found: Value) -> Value:
    """One element of an unknown list: unknown, equal to itself, and not the one beside it."""
    if source.v.identity is None or not isinstance(key.v, int) or isinstance(key.v, bool):
        return found
    return _element(source, key.v, found.type, found.marks)


def _element(source: Value, number: int, type: Any, marks: frozenset[str]) -> Value:
    family = source.v.identity
    origin = f"{source.v.origin}[{number}]"
    known = Unknown(
        source.v.cause, origin, identity=f"{family}[{number}]", family=family, exists=True
    )
    return Value(type, known, marks)


MAX_CUT = 64  # elements of a slice that are told apart


def cut(arguments: list[Value], found: Value) -> Value:
    """slice() of a list that only a data source knows: as many elements as were asked for.

    Terraform reads a data source before it plans, so the slice has its length by then, or fails.
    """
    source, start, end = arguments
    known = isinstance(start.v, int) and isinstance(end.v, int)
    if source.known or source.v.cause != "data" or source.v.identity is None or not known:
        return found
    if not 0 <= start.v <= end.v <= start.v + MAX_CUT or source.kind != "list":
        return found
    marks = source.marks | start.marks | end.marks
    element = source.type.element
    return Value(
        source.type, [_element(source, n, element, marks) for n in range(start.v, end.v)], marks
    )

"""What the loaders read ↔ JSON lines that hold no secret: what a replay judges again.

The first line holds errors and gaps; each further line is a resource. Values that JSON does not
have are written as maps of one key: `?` an unknown, `+` a list that may hold more, `!` a map whose
keys are no plain texts, as pairs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from assay.engine.catalogue.paths import indexed
from assay.engine.cel.extensions import secrets
from assay.engine.errors import InputError, Problem
from assay.engine.evidence.conceal import Concealed
from assay.engine.model import (
    Finding,
    Gap,
    Incomplete,
    Loaded,
    Locator,
    Path,
    Place,
    Resource,
    SourceError,
    Unknown,
)

TAGS = ("?", "+", "!")
SLOTS = ("source", "kind", "address", "root", "environment", "namespace", "instances", "hook")
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=False).encode


def pack(loaded: Loaded, findings: Iterable[Finding], concealed: Concealed) -> bytes:
    """One loader's part of the inputs. The places of `findings` are kept whatever they are."""
    seen: dict[int, dict[Path, Place]] = {}
    for finding in findings:
        for each in finding.violations:
            kept = seen.setdefault(id(finding.resource), {})
            kept[indexed(each.path)] = each.place
    head = {
        "errors": [_clean(list(each)) for each in loaded.errors],
        "gaps": [_clean(list(each)) for each in loaded.gaps],
    }
    lines = [_encode(head)]
    lines += [_encode(_resource(r, seen.get(id(r), {}), concealed)) for r in loaded.resources]
    return ("\n".join(lines) + "\n").encode()


def unpack(data: bytes, name: str) -> Loaded:
    """What `pack` wrote. Raises InputError for anything else."""
    try:
        lines = [json.loads(line) for line in data.decode().splitlines()]
        head = lines[0]
        errors = [_error(*row) for row in head["errors"]]
        gaps = [_gap(*row) for row in head["gaps"]]
        return Loaded([_read(line) for line in lines[1:]], errors, gaps)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        message = f"the inputs {name} cannot be read: {type(error).__name__}"
        raise InputError(Problem("evidence-inputs", message, name)) from None


def _error(source: str, root: str, environment: str, *words: Any) -> SourceError:
    subject, code, message, place, help = words
    return SourceError(source, root, environment, subject, code, message, Place(*place), help)


def _gap(kind: str, subject: str, state: str, reason: str, place: Any, blocks: bool) -> Gap:
    return Gap(kind, subject, state, reason, Place(*place) if place else None, blocks)


def _resource(
    resource: Resource, seen: Mapping[Path, Place], concealed: Concealed
) -> dict[str, Any]:
    document: dict[str, Any] = {slot: _clean(getattr(resource, slot)) for slot in SLOTS}
    document["place"] = _clean(list(resource.place))
    document["values"] = _plain(concealed.values(resource))
    # Only what findings point at: to ask for the place of every value would cost half a minute.
    document["places"] = [[list(path), _clean(place)] for path, place in seen.items()]
    document["sensitive"] = sorted((list(path) for path in resource.sensitive), key=_encode)
    document["refs"] = [[list(path), _clean(refs)] for path, refs in resource.refs.items()]
    document["complete"] = resource.complete
    document["calls"] = _clean(resource.calls)
    return document


def _clean(value: Any) -> Any:
    """Names and messages without what has the form of a secret; tuples as lists."""
    if isinstance(value, str):
        return secrets.replaced(value)
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value


def _read(line: Mapping[str, Any]) -> Resource:
    place = Place(*line["place"])
    places = {tuple(path): Place(*held) for path, held in line["places"]}
    return Resource(
        line["source"],
        line["kind"],
        line["address"],
        _rich(line["values"]),
        place,
        root=line["root"],
        environment=line["environment"],
        locate=_locator(places, place),
        sensitive=frozenset(tuple(path) for path in line["sensitive"]),
        refs={tuple(path): tuple(refs) for path, refs in line["refs"]},
        namespace=line["namespace"],
        complete=line["complete"],
        instances=line["instances"],
        hook=line["hook"],
        calls=tuple(line["calls"]),
    )


def _locator(places: Mapping[Path, Place], whole: Place) -> Locator:
    def locate(path: Path) -> Place:
        while path not in places:
            if not path:
                return whole
            path = path[:-1]
        return places[path]

    return locate


def _plain(value: Any) -> Any:
    if isinstance(value, Unknown):
        return {"?": _unknown(value)}
    if isinstance(value, dict):
        if any(not isinstance(key, str) or key in TAGS for key in value):
            return {"!": [[key, _plain(inner)] for key, inner in value.items()]}
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Incomplete):
        return {"+": [[_plain(inner) for inner in value], _unknown(value.rest)]}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"a value of type {type(value).__name__} cannot be kept")


def _unknown(value: Unknown) -> dict[str, Any]:
    held = {
        "identity": value.identity,
        "family": value.family,
        "not_null": value.not_null,
        "type": value.type,
        "prefix": value.prefix,
        "suffix": value.suffix,
        "least": value.least,
        "refs": list(value.refs),
    }
    document: dict[str, Any] = {"cause": value.cause, "origin": value.origin}
    document |= {key: each for key, each in held.items() if each}
    if value.structure is not None:
        document["structure"] = [value.structure[0], _plain(value.structure[1])]
    return document


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return [_rich(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, held),) = value.items()
        if key in TAGS:
            return _TAGGED[key](held)
    return {key: _rich(inner) for key, inner in value.items()}


def _known(held: Mapping[str, Any]) -> Unknown:
    words = dict(held)
    structure = words.pop("structure", None)
    if structure is not None:
        structure = (structure[0], _rich(structure[1]))
    refs = tuple(words.pop("refs", ()))
    return Unknown(words.pop("cause"), words.pop("origin"), structure=structure, refs=refs, **words)


def _open(held: Sequence[Any]) -> Incomplete:
    return Incomplete([_rich(inner) for inner in held[0]], _known(held[1]))


_TAGGED: Mapping[str, Callable[[Any], Any]] = {
    "?": _known,
    "+": _open,
    "!": lambda pairs: {key: _rich(inner) for key, inner in pairs},
}

"""Every text that is written in a resource, with the name that says what it is."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any, overload

from assay.engine.cel.extensions import secrets
from assay.engine.model import Path, Resource

Item = tuple[Path, dict[str, str]]
Pair = tuple[str, str]  # a name and a text

# What holds secrets on purpose, encrypted ones, or nothing but the shape of other objects.
LEFT_OUT = ("/SealedSecret", "/CustomResourceDefinition")
# The names of an entry that says beside its value what it is called.
NAMES = ("name", "key")
_ANNOTATIONS = "kubectl.kubernetes.io/last-applied-configuration"


class Literals(Sequence[Item]):
    """The texts of a resource as items with `name` and `text`, made when they are looked at."""

    __slots__ = ("resource",)

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    def __iter__(self) -> Iterator[Item]:
        for path, name, text in texts(self.resource):
            yield path, {"name": name, "text": text}

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        return list(self)[index]


def unknown_to(known: Container[tuple[str, str]], resource: Resource) -> list[Pair] | None:
    """Name and text of the texts in a resource, as `texts` has them, that are not among `known`.

    None for a resource in which a name depends on its path.
    """
    if resource.kind == "Secret" or resource.kind.endswith(LEFT_OUT):
        return []
    values = resource.values
    if "variables" in values:
        return None
    found: list[Pair] = []
    _pairs(values, "", known, found)
    return found


def _pairs(value: Any, name: str, known: Container[Pair], found: list[Pair]) -> None:
    """Add the pairs below a list or a map; exact types, for every text there is comes by here."""
    if type(value) is dict:
        for key, inner in value.items():
            kind = type(inner)
            if kind is str and key != "value":
                if (key, inner) not in known and key != _ANNOTATIONS:
                    found.append((key, inner))
            elif kind is dict or kind is list:
                _pairs(inner, name_of(value, key, ()) if key == "value" else key, known, found)
            elif kind is str:
                pair = name_of(value, key, ()), inner
                if pair not in known:
                    found.append(pair)
        return
    for inner in value:
        kind = type(inner)
        if kind is dict or kind is list:
            _pairs(inner, name, known, found)
        elif kind is str and (name, inner) not in known:
            found.append((name, inner))


def texts(resource: Resource) -> Iterator[tuple[Path, str, str]]:
    """Path, name and text of every text in a resource; none of one that may hold secrets."""
    if resource.kind != "Secret" and not resource.kind.endswith(LEFT_OUT):
        yield from _texts(resource.values, (), "")


def _texts(value: Any, path: Path, name: str) -> Iterator[tuple[Path, str, str]]:
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key != _ANNOTATIONS:
                yield from _texts(inner, (*path, key), name_of(value, key, path))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*path, number), name)


def name_of(value: dict[str, Any], key: str, path: Path) -> str:
    """What a value is called: its key, or what stands beside it or above it."""
    if key == "value":
        return next((value[other] for other in NAMES if isinstance(value.get(other), str)), key)
    if key == "default" and len(path) == 2 and path[0] == "variables":
        return str(path[1])
    return str(key)


def secret_paths(resource: Resource) -> frozenset[Path]:
    """The paths of all texts that are secrets by their form or name, beside those marked."""
    found = {path for path, name, text in texts(resource) if secrets.kind(name, text)}
    return resource.sensitive | found if found else resource.sensitive

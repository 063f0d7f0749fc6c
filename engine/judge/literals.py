"""Every text that is written in a resource, with the name that says what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from assay.engine.cel.extensions import secrets
from assay.engine.model import Path, Resource

Item = tuple[Path, dict[str, str]]

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

"""A catalogue as bytes: the heads of its controls at once, what they evaluate when asked for."""

from __future__ import annotations

import marshal
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

from assay.engine.catalogue.controls import Catalogue, Check, Control, Framework, Param, View


def pack(catalogue: Catalogue) -> bytes:
    """The bytes of a catalogue; ValueError where a parameter holds what is no plain data."""
    controls = [
        (
            *control[:5],
            tuple(map(tuple, control.frameworks)),
            dict(control.equivalents),
            tuple(map(tuple, control.params)),
            tuple(_head(check) for check in control.checks),
            *control[9:],
        )
        for control in catalogue.controls
    ]
    views = {name: pickle.dumps(view, protocol=5) for name, view in catalogue.views.items()}
    return marshal.dumps((controls, views, catalogue.digest))


def unpack(data: bytes) -> Catalogue:
    """What `pack` was given."""
    controls, views, digest = marshal.loads(data)  # noqa: S302 - the cache is the user's own
    return Catalogue(tuple(map(_control, controls)), Views(views), digest)


class Views(Mapping[str, View]):
    """Views by name, each unpacked when it is first asked for."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        self._kept = kept
        self._views: dict[str, View] = {}

    def __getitem__(self, name: str) -> View:
        found = self._views.get(name)
        if found is None:
            found = pickle.loads(self._kept[name])  # noqa: S301 - the cache is the user's own
            self._views[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, name: object) -> bool:
        return name in self._kept


def _head(check: Check) -> tuple[Any, ...]:
    """What `Check` takes, the rules as bytes."""
    _, head = check.__reduce__()
    return (*head[:5], tuple(sorted(check.sources)), *head[6:])


def _control(kept: tuple[Any, ...]) -> Control:
    id, title, severity, domain, why, frameworks, equivalents, params, checks, *where = kept
    return Control(
        id,
        title,
        severity,
        domain,
        why,
        tuple(map(Framework._make, frameworks)),
        equivalents,
        tuple(map(Param._make, params)),
        tuple(map(_check, checks)),
        *where,
    )


def _check(kept: tuple[Any, ...]) -> Check:
    control, id, kinds, view, fix, sources, *rest = kept
    return Check(control, id, kinds, view, fix, frozenset(sources), *rest)

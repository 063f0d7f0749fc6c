"""Objects kept small: packed in blocks, unpacked when they are looked at, a few blocks at a time.

Twenty thousand Deployments take 200 MB as Python values and 10 MB so.
"""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, overload

from assay.engine.model import Resource

BLOCK = 250  # objects that are unpacked together
KEPT = 6  # blocks that stay unpacked


class Packed(Sequence[dict[str, Any]]):
    """Decoded JSON objects, each a dict, in the order of `sort` or of their adding.

    An object that was changed after it was taken out is unchanged when it is taken out again.
    """

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open: list[dict[str, Any]] = []
        self._where: list[int] = []  # block * BLOCK + place, by position
        self._unpacked: dict[int, list[dict[str, Any]]] = {}

    def append(self, item: dict[str, Any]) -> None:
        """Add an object at the end."""
        self._where.append(len(self._blocks) * BLOCK + len(self._open))
        self._open.append(item)
        if len(self._open) == BLOCK:
            self._close()

    def absorb(self, other: Packed) -> None:
        """Add all objects of another, which is empty afterwards."""
        if self._open:
            self._close()
        other._close()
        first = len(self._blocks) * BLOCK
        self._blocks += other._blocks
        self._where += [first + where for where in other._where]
        other._blocks, other._where, other._unpacked = [], [], {}

    def sort(self, key: Callable[[dict[str, Any]], Any]) -> None:
        """Put the objects in the order of their keys."""
        keys = [key(item) for item in self]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._where = [self._where[at] for at in order]

    def _close(self) -> None:
        if self._open:
            self._blocks.append(zlib.compress(marshal.dumps(self._open), 1))
            self._open = []

    def __len__(self) -> int:
        return len(self._where)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for at in range(len(self._where)):
            yield self[at]

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(at, slice):
            return [self[each] for each in range(len(self._where))[at]]
        number, place = divmod(self._where[at], BLOCK)
        block = self._unpacked.get(number)
        return (block if block is not None else self._unpack(number))[place]

    def _unpack(self, number: int) -> list[dict[str, Any]]:
        if number == len(self._blocks):
            return self._open
        # What these bytes are was packed by this process: nothing else is ever unpacked.
        block: list[dict[str, Any]] = marshal.loads(zlib.decompress(self._blocks[number]))  # noqa: S302
        if len(self._unpacked) >= KEPT:
            del self._unpacked[next(iter(self._unpacked))]
        self._unpacked[number] = block
        return block


def of(items: Iterable[dict[str, Any]]) -> Packed:
    """The items, packed as they come."""
    packed = Packed()
    for item in items:
        packed.append(item)
    return packed


class Stored(Resource):
    """A Resource whose values are unpacked when they are read."""

    __slots__ = ()

    @property
    def values(self) -> dict[str, Any]:  # type: ignore[override]
        """The values; not the same dict each time."""
        items, at = _VALUES.__get__(self)
        found: dict[str, Any] = items[at]
        return found


_VALUES = Resource.__dict__["values"]


def store(resource: Resource, items: Packed, at: int) -> None:
    """Let go of the resource's values: they are those of `items` at that position."""
    _VALUES.__set__(resource, (items, at))
    resource.__class__ = Stored

"""Path in a document → the place of its key. Read again on demand, and kept within bounds.

A scan that finds nothing pays nothing for places. The first question about a document reads its
piece of the file again, with offsets; the last few are kept, for findings come in runs.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from hashlib import blake2b
from typing import Any, NamedTuple

from assay.engine import files
from assay.engine.kubernetes import text as texts
from assay.engine.kubernetes import yamltext
from assay.engine.kubernetes.yamltext import YamlError
from assay.engine.model import Path, Place

KEPT = 4 * 1024 * 1024  # characters of documents whose offsets are kept; about ten times the bytes


class _Known(NamedTuple):
    """A piece with its offsets: the values hold the containers that the marks are about."""

    text: str
    values: list[yamltext.Document]
    marks: yamltext.Marks


class Places:
    """The places of one run's documents."""

    def __init__(self) -> None:
        self._known: OrderedDict[texts.Piece, _Known | None] = OrderedDict()
        self._size = 0

    def find(self, piece: texts.Piece, number: int, path: Path) -> Place | None:
        """The place of the path in the piece's document, or of its nearest ancestor that has one.

        None where the file has changed since it was read.
        """
        known = self._get(piece)
        if known is None or number >= len(known.values):
            return None
        document = known.values[number]
        value, offset = document.value, document.offset
        for step in path:
            marks = known.marks.get(id(value))
            if marks is None or step not in marks:
                break
            offset = marks[step]
            value = value[step]
        row, column = texts.position(known.text, offset)
        return Place(piece.file.name, piece.line + row - 1, column)

    def _get(self, piece: texts.Piece) -> _Known | None:
        if piece in self._known:
            self._known.move_to_end(piece)
            return self._known[piece]
        known = _read(piece)
        self._known[piece] = known
        self._size += piece.end - piece.start
        while self._size > KEPT and len(self._known) > 1:
            dropped, _ = self._known.popitem(last=False)
            self._size -= dropped.end - dropped.start
        return known


class Locator:
    """A resource's own question to `places`: a path inside the resource → its place."""

    __slots__ = ("_number", "_piece", "_place", "_places", "_prefix")

    def __init__(
        self, places: Places, piece: texts.Piece, number: int, prefix: Path, place: Place
    ) -> None:
        self._places = places
        self._piece = piece
        self._number = number
        self._prefix = prefix
        self._place = place

    def __call__(self, path: Path) -> Place:
        found = self._places.find(self._piece, self._number, (*self._prefix, *path))
        return found if path and found is not None else self._place


def _read(piece: texts.Piece) -> _Known | None:
    try:
        text = texts.decode(files.read(piece.file))[piece.start : piece.end]
    except (OSError, YamlError):
        return None
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    if digest != piece.digest:
        return None
    marks: yamltext.Marks = {}
    values: list[Any] = []
    with suppress(YamlError):  # JSON that YAML cannot say, or a later document that is broken
        values.extend(yamltext.documents(text, marks))
    return _Known(text, values, marks)

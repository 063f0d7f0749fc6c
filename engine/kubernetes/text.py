"""A file → its text, and the documents in it: which files are manifests, and where each begins."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from assay.engine import files
from assay.engine.kubernetes import jsontext, yamltext
from assay.engine.kubernetes.yamltext import Document, YamlError

HEAD = 4096  # bytes looked at to tell a manifest by what it says
YAML_ENDINGS = (".yaml", ".yml")
ENDINGS = (*YAML_ENDINGS, ".json")
# Text of other trades that may quote a manifest, and files that another loader reads.
FOREIGN_ENDINGS = (
    *(".md", ".mdx", ".rst", ".adoc", ".html", ".htm", ".sh", ".py", ".go", ".rs", ".java"),
    *(".js", ".ts", ".tsx", ".jsx", ".rb", ".tpl", ".tmpl", ".j2", ".gotmpl", ".lock", ".patch"),
    *(".tf", ".tfvars", ".hcl", ".tfstate", ".tf.json", ".tfvars.json", ".diff", ".log", ".ipynb"),
)
_FIELD = r"(?:^|[\n{,])[ \t]*[\"']?%s[\"']?[ \t]*:"
_API_VERSION = re.compile(_FIELD % "apiVersion")
_KIND = re.compile(_FIELD % "kind")
_FIRST = re.compile(rb"(?:\s*(?:#[^\n]*|---[^\n]*|%[^\n]*)\n)*\s*(?:\{|[\"']?[A-Za-z]+[\"']?\s*:)")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Piece(NamedTuple):
    """A stretch of a file that is read at once: offsets in characters, the line it begins on.

    `digest` is that of its text: a place is only told of the text that was judged.
    """

    file: files.File
    start: int
    end: int
    line: int
    digest: bytes
    json: bool


class Found(NamedTuple):
    """A document in its piece, the how-manieth there."""

    piece: Piece
    number: int
    document: Document
    line: int  # of its first key
    column: int


class Broken(NamedTuple):
    """A piece, or what is left of it, that cannot be read."""

    file: files.File
    error: YamlError
    line: int
    column: int
    manifest: bool  # whether it looks like an object of a cluster


def is_candidate(file: files.File) -> bool:
    """Whether the file may hold manifests: by its ending, else by what its head says."""
    lower = file.name.lower()
    if lower.endswith(FOREIGN_ENDINGS):
        return False
    if lower.endswith(ENDINGS):
        return True
    try:
        with file.path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError:
        return False
    if b"apiVersion" not in head or b"kind" not in head or b"\0" in head:
        return False
    text = head.decode("utf-8", "replace")
    return bool(_FIRST.match(head.removeprefix(codecs.BOM_UTF8)) and looks_like_manifest(text))


def looks_like_manifest(text: str) -> bool:
    """Whether the text names an apiVersion and a kind, each as a key."""
    return bool(_API_VERSION.search(text) and _KIND.search(text))


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with its mark. Raises YamlError."""
    mark, encoding = next(
        ((mark, encoding) for mark, encoding in _MARKS if data.startswith(mark)), (b"", "utf-8")
    )
    data = data.removeprefix(mark)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        raise YamlError("yaml-encoding", f"this is no {encoding} text", len(before)) from error
    if "\0" in text:
        raise YamlError("yaml-encoding", "a NUL byte: this is a binary file", text.index("\0"))
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    return text


def documents(file: files.File) -> Iterator[Found | Broken]:
    """All documents of a file, in order; one that is broken does not take the others with it."""
    data = files.read(file)
    try:
        text = decode(data)
    except YamlError as error:
        before = data[: error.offset].decode("utf-8", "replace")
        row, column = position(before, len(before))
        yield Broken(file, error, row, column, manifest=True)
        return
    del data
    is_json = file.name.lower().endswith(".json")
    line, counted = 1, 0
    for start, end in [(0, len(text))] if is_json else yamltext.split(text):
        line += text.count("\n", counted, start)
        counted = start
        part = text if (start, end) == (0, len(text)) else text[start:end]
        digest = blake2b(part.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        yield from _piece(Piece(file, start, end, line, digest, is_json), part)


def position(text: str, offset: int) -> tuple[int, int]:
    """The (line, column) of a character offset, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _piece(piece: Piece, text: str) -> Iterator[Found | Broken]:
    number = 0
    if not piece.json and text.lstrip()[:1] == "{":
        try:  # as kubectl does: JSON where it is JSON
            for number, document in enumerate(list(jsontext.read(text))):
                yield _found(piece, number, document, text)
            return
        except YamlError:
            number = 0
    try:
        for document in jsontext.read(text) if piece.json else yamltext.documents(text):
            yield _found(piece, number, document, text)
            number += 1
    except YamlError as error:
        row, column = position(text, error.offset)
        yield Broken(piece.file, error, piece.line + row - 1, column, looks_like_manifest(text))


def _found(piece: Piece, number: int, document: Document, text: str) -> Found:
    row, column = position(text, document.offset)
    return Found(piece, number, document, piece.line + row - 1, column)

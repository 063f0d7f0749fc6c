"""Files ↔ one tar archive: always the same bytes for the same files, and read as if by an enemy."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping

from assay.engine.errors import InputError, Problem, printable

MAX_SIZE = 1024 * 1024 * 1024  # bytes of an unpacked archive
MAX_RATIO = 200  # unpacked bytes for a packed one: text comes to 20, a bomb to 1,000
MAX_FILES = 20_000
BLOCK = 512
RECORD = 20 * BLOCK  # tar writes whole records; what comes after the last one is not its own
GZIP = b"\x1f\x8b"


def tampered(message: str) -> InputError:
    """The error of an archive that is not what was signed."""
    help = "do not rely on it: ask for the bundle again, from where it was kept"
    return InputError(Problem("evidence-changed", message, help=help))


def write(files: Mapping[str, bytes], compressed: bool) -> bytes:
    """The archive of some files: sorted, without times, owners or folders."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files, key=str.encode):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    data = out.getvalue()
    return gzip.compress(data, 6, mtime=0) if compressed else data


def read(data: bytes) -> dict[str, bytes]:
    """The files of an archive, by name. Raises InputError for what is not a plain tar of files."""
    if data.startswith(GZIP):
        data = _unzipped(data)
    if len(data) % BLOCK or not data:
        raise tampered("the archive is cut short, or bytes follow it")
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            while (member := tar.next()) is not None:
                if len(files) >= MAX_FILES:
                    raise tampered(f"the archive holds more than {MAX_FILES} files")
                _add(files, tar, member)
                padding = data[member.offset_data + member.size : tar.offset]
                if member.isreg() and padding.strip(b"\0"):
                    raise tampered(f"bytes follow the file `{printable(member.name)}`")
            end = tar.offset
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise tampered(f"this is no archive that can be read: {printable(str(error))}") from None
    rest = data[end:]
    if rest.strip(b"\0"):
        raise tampered("bytes follow the end of the archive")
    if len(rest) < 2 * BLOCK:
        raise tampered("the archive is cut short")
    if len(data) > -(-(end + 2 * BLOCK) // RECORD) * RECORD:
        raise tampered("bytes follow the end of the archive")
    return files


def _add(files: dict[str, bytes], tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    name = member.name.removeprefix("./")
    if member.isdir() and is_inside(name or "."):
        return
    shown = printable(member.name)
    if not member.isreg() or member.issparse():
        raise tampered(f"`{shown}` is neither a file nor a folder")
    if not is_inside(name):
        raise tampered(f"`{shown}` does not stay inside the archive")
    if name in files:
        raise tampered(f"`{shown}` is there twice")
    stream = tar.extractfile(member)
    content = stream.read() if stream is not None else b""
    if len(content) != member.size:
        raise tampered(f"`{shown}` is cut short")
    files[name] = content


def is_inside(name: str) -> bool:
    """Whether the name of a member is a plain path below the archive."""
    parts = name.split("/")
    plain = name.isascii() and name.isprintable() and "\\" not in name
    return name == "." or (plain and not {"", ".", ".."} & set(parts))


def _unzipped(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(31)
    limit = min(MAX_SIZE, max(len(data) * MAX_RATIO, 1024 * 1024))
    try:
        found = unpacker.decompress(data, limit)
    except zlib.error as error:
        raise tampered(f"this is no archive that can be read: {error}") from None
    if not unpacker.eof:
        larger = bool(unpacker.unconsumed_tail)
        raise tampered("the archive is too large" if larger else "the archive is cut short")
    if unpacker.unused_data:
        raise tampered("bytes follow the end of the archive")
    return found

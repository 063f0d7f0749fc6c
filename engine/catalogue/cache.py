"""A compiled catalogue kept in the user's own cache directory, so that loading it costs little.

The file holds code, so it is trusted only where nobody else can have written it: a directory of
the user's with no rights for others, a file of the user's. Whatever does not fit (another Assay,
another Python, another catalogue, a damaged file) is compiled anew, silently, and an unwritable
cache is no error. ASSAY_NO_CACHE=1 leaves it out.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from assay.engine.catalogue import packed
from assay.engine.catalogue.controls import Catalogue

KEEP = 8  # catalogues; the oldest go first


def get(key: str) -> Catalogue | None:
    """The catalogue of that digest, or None."""
    try:
        held = folder()
        if held is None or not _own(os.lstat(held)):
            return None
        descriptor = os.open(held / _name(key), os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as stream:
            if not _own(os.fstat(descriptor)):
                return None
            data = stream.read()
        # The sum is for damage; against others, the owner and the rights stand.
        if zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):
            return None
        return packed.unpack(data[4:])
    except Exception:
        return None


def put(key: str, catalogue: Catalogue) -> None:
    """Keep a catalogue; nothing happens where that cannot be done."""
    try:
        held = folder()
        if held is None:
            return
        held.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _own(os.lstat(held)):
            return
        body = packed.pack(catalogue)
        with tempfile.NamedTemporaryFile(dir=held, delete=False) as stream:
            stream.write(zlib.crc32(body).to_bytes(4, "big") + body)
        Path(stream.name).replace(held / _name(key))
        _prune(held)
    except Exception:
        return


def folder() -> Path | None:
    """Where catalogues are kept; None where none are."""
    if os.environ.get("ASSAY_NO_CACHE") or not hasattr(os, "getuid"):
        return None
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return base / "assay" if base.is_absolute() else None


def _own(found: os.stat_result) -> bool:
    """Whether it belongs to this user and nobody else may write, or for a folder even look."""
    shut = 0o077 if stat.S_ISDIR(found.st_mode) else 0o022
    return found.st_uid == os.getuid() and not found.st_mode & shut


def _name(key: str) -> str:
    """Another engine or Python makes another name."""
    hashed = hashlib.sha256(f"{key} {sys.version} {sys.implementation.cache_tag}".encode())
    for path in _engine():
        found = path.stat()
        hashed.update(f"{path.name} {found.st_size} {found.st_mtime_ns}".encode())
    return f"catalogue-{hashed.hexdigest()}.bin"


def _engine() -> Iterator[Path]:
    """The files whose code a compiled catalogue depends on."""
    engine = Path(__file__).parents[1]
    for folder in ("cel", "cel/library", "cel/extensions", "catalogue"):
        with os.scandir(engine / folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(".py"))
        yield from (engine / folder / name for name in names)


def _prune(folder: Path) -> None:
    kept = sorted(folder.glob("catalogue-*.bin"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-KEEP]:
        path.unlink(missing_ok=True)

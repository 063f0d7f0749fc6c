"""Converted rules kept in the user's own cache directory: texts, never code.

A file is one option set of one engine: the digest of a rule file → what it became. It is trusted
only where nobody else can have written it. Whatever does not fit is converted anew, silently, and
an unwritable cache is no error. ASSAY_NO_CACHE=1 leaves it out.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

KEEP = 4  # option sets; the oldest go first
MAX_BYTES = 256 * 1024 * 1024
Kept = dict[str, Any]


def name(options: str) -> str:
    """The file's name for what, besides a rule's text, decides about its search."""
    hashed = hashlib.sha256(options.encode("utf-8", "surrogatepass"))
    for path in _engine():
        found = path.stat()
        hashed.update(f"{path} {found.st_size} {found.st_mtime_ns}".encode())
    return f"sigma-{hashed.hexdigest()}.json"


def get(file: str) -> Kept:
    """What was kept, by digest; empty where there is nothing that can be trusted."""
    try:
        folder = _folder()
        if folder is None or not _own(os.lstat(folder)):
            return {}
        descriptor = os.open(folder / file, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as stream:
            if not _own(os.fstat(descriptor)):
                return {}
            data = stream.read(MAX_BYTES)
        body = data[9:]
        if int(data[:8], 16) != zlib.crc32(body):
            return {}
        made = json.loads(body)
        return made if isinstance(made, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def put(file: str, made: Mapping[str, Any]) -> None:
    """Keeps it; nothing happens where that cannot be done."""
    try:
        folder = _folder()
        if folder is None:
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _own(os.lstat(folder)):
            return
        body = json.dumps(made, separators=(",", ":")).encode()
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as stream:
            stream.write(b"%08x\n" % zlib.crc32(body) + body)
        Path(stream.name).replace(folder / file)
        found = sorted(folder.glob("sigma-*.json"), key=lambda path: path.stat().st_mtime)
        for path in found[:-KEEP]:
            path.unlink(missing_ok=True)
    except OSError:
        return


def _folder() -> Path | None:
    if os.environ.get("ASSAY_NO_CACHE") or not hasattr(os, "getuid"):
        return None
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return base / "assay" if base.is_absolute() else None


def _own(found: os.stat_result) -> bool:
    """Whether it belongs to this user and nobody else may write, or for a folder even look."""
    shut = 0o077 if stat.S_ISDIR(found.st_mode) else 0o022
    return found.st_uid == os.getuid() and not found.st_mode & shut


def _engine() -> Iterator[Path]:
    """The files that decide what a rule becomes: ours, and pySigma's and RE2's."""
    here = Path(__file__).parent
    for folder, ending in ((here, ".py"), (here.parents[1] / "sigma/sources", ".yaml")):
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(ending))
        yield from (folder / one for one in names)
    re2 = find_spec("re2")
    if re2 is not None and re2.origin:
        yield Path(re2.origin)
    pysigma = find_spec("sigma")
    for place in (pysigma and pysigma.submodule_search_locations) or ():
        for module in ("types.py", "modifiers.py", "conditions.py", "rule/detection.py"):
            if (path := Path(place, module)).is_file():
                yield path

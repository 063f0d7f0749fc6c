"""Results kept between runs: bytes by key in the user's own cache directory, data and never code.

What is kept is read as hostile: it says only what a fresh run would have computed, whoever reads it
checks its form, and a damaged one is no result. A directory or file that others may write is not
looked at. On a protected branch nothing kept is used, for an earlier job of another branch may have
shared its cache; `--no-cache` and ASSAY_NO_CACHE=1 leave it out anywhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

MOST = 512 * 1024**2  # bytes that are kept; the oldest go first
LARGEST = 64 * 1024**2  # bytes of one result, unpacked
PROTECTED = ("CI_COMMIT_REF_PROTECTED", "GITHUB_REF_PROTECTED")  # GitLab's, GitHub's
_SUM = 32


class Results:
    """The results of one kind, such as `rendering`.

    `safe` tells of a value whether it holds no secret, which is never kept; without it nothing is.
    `used` and `made` count the results that were found and kept.
    """

    def __init__(self, kind: str, safe: Callable[[Any], bool] | None) -> None:
        self.safe = safe
        self.folder = folder(kind) if safe is not None else None
        self.used = 0
        self.made = 0

    def get(self, key: str) -> bytes | None:
        """What is kept for a key, which is a digest in hexadecimal digits."""
        if self.folder is None:
            return None
        try:
            descriptor = os.open(self.folder / key, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb") as stream:
                if not _own(os.fstat(descriptor)):
                    return None
                held = stream.read()
            unpacker = zlib.decompressobj()
            data = unpacker.decompress(held[_SUM:], LARGEST)
            if not unpacker.eof or _sum(key, data) != held[:_SUM]:
                return None
            os.utime(self.folder / key)
        except (OSError, zlib.error):
            return None
        self.used += 1
        return data

    def put(self, key: str, data: bytes, values: Iterable[Any]) -> None:
        """Keep a result, which holds these values; nothing happens where that cannot be done."""
        if self.folder is None or self.safe is None or len(data) > LARGEST:
            return
        if not all(map(self.safe, values)):
            return
        self.made += 1
        with (
            contextlib.suppress(OSError),
            tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as stream,
        ):
            stream.write(_sum(key, data) + zlib.compress(data, 1))
            stream.close()
            Path(stream.name).replace(self.folder / key)

    def prune(self) -> None:
        """Let the oldest results go where there are too many."""
        if self.folder is None or not self.made:
            return
        with contextlib.suppress(OSError):
            held = [(entry.stat(), entry.path) for entry in os.scandir(self.folder)]
            total = sum(found.st_size for found, _ in held)
            for found, path in sorted(held, key=lambda each: each[0].st_mtime_ns):
                if total <= MOST:
                    return
                os.unlink(path)  # noqa: PTH108 - no Path for each of thousands
                total -= found.st_size


def folder(kind: str) -> Path | None:
    """Where results of a kind are kept; None where none are."""
    if os.environ.get("ASSAY_NO_CACHE") or not hasattr(os, "getuid") or protected():
        return None
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    if not base.is_absolute():
        return None
    held = base / "assay"
    try:
        for each in (held, held / kind):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _own(os.lstat(each)):
                return None
    except OSError:
        return None
    return held / kind


def protected() -> bool:
    """Whether this is the pipeline of a protected branch or tag."""
    return any(os.environ.get(name, "").lower() == "true" for name in PROTECTED)


def _sum(key: str, data: bytes) -> bytes:
    """Of the result under its own key, so that one is not taken for another."""
    return hashlib.sha256(key.encode() + b"\0" + data).digest()


def _own(found: os.stat_result) -> bool:
    """Whether it belongs to this user and nobody else may write, or for a folder even look."""
    shut = 0o077 if stat.S_ISDIR(found.st_mode) else 0o022
    return found.st_uid == os.getuid() and not found.st_mode & shut

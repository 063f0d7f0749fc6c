"""The files of a commit in a folder of their own, read from git's stored bytes.

No work tree, index, filter, hook or attribute has a say: `git archive` would leave out what the
tree's own .gitattributes says, and a checkout runs what the repository's settings name.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from assay.engine import reviewed
from assay.engine.errors import InputError, printable, usage

MAX_FILES = 250_000
MAX_BYTES = 2 * 1024**3
FILES = ("100644", "100755")
LINK, MODULE = "120000", "160000"
MAX_LINK = 4096  # bytes
MAX_MODULES = 8  # levels of submodules


class Entry(NamedTuple):
    """One name of a commit's tree."""

    mode: str
    id: str
    size: int
    name: str


def write(top: Path, commit: str, folder: Path, depth: int = 0) -> list[str]:
    """Write the files of a commit below a folder; the names that this clone does not have.

    Those are submodules, and files of a partial clone. Raises InputError for what is too large.
    """
    entries = list(_entries(top, commit))
    wanted = [each for each in entries if each.mode in FILES or _is_link(each)]
    if len(wanted) > MAX_FILES or sum(each.size for each in wanted) > MAX_BYTES:
        help = "judge the whole tree, and accept what is old by a baseline"
        raise usage("the commit is too large to be compared with", help, "git")
    made: set[str] = set()
    missing: list[str] = []
    for entry, data in _contents(top, wanted):
        if data is None:
            missing.append(entry.name)
            continue
        path = folder / entry.name
        parent = os.path.dirname(entry.name)  # noqa: PTH120 - a hundred thousand of them
        if parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(parent)
        if entry.mode == LINK:
            path.symlink_to(os.fsdecode(data))
        else:
            path.write_bytes(data)
    for entry in entries:
        if entry.mode == MODULE:
            missing += _submodule(top, entry, folder, depth)
    return missing


def _is_link(entry: Entry) -> bool:
    return entry.mode == LINK and 0 < entry.size <= MAX_LINK


def _submodule(top: Path, entry: Entry, folder: Path, depth: int) -> list[str]:
    inside = top / entry.name
    if depth < MAX_MODULES and (inside / ".git").exists():
        try:
            inner = write(inside, entry.id, folder / entry.name, depth + 1)
        except InputError:
            return [entry.name]
        return [f"{entry.name}/{name}" for name in inner]
    return [entry.name]


def _entries(top: Path, commit: str) -> Iterator[Entry]:
    listed = reviewed.git(top, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    for row in os.fsdecode(listed).split("\0"):
        if not row:
            continue
        about, name = row.split("\t", 1)
        mode, _, id, size = about.split()
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or ".git" in parts or "" in parts:
            raise usage(f"the commit holds a name that is none: {printable(name)}", code="git")
        yield Entry(mode, id, int(size) if size.isdigit() else 0, name)


def _contents(top: Path, entries: list[Entry]) -> Iterator[tuple[Entry, bytes | None]]:
    """Every entry with its bytes, None for what this clone lacks; by one git for all."""
    with tempfile.TemporaryFile() as ids:
        ids.write("".join(f"{entry.id}\n" for entry in entries).encode())
        ids.seek(0)
        try:
            ran = subprocess.Popen(  # noqa: S603 - fixed words, no shell
                ["git", *reviewed.SAFE, "cat-file", "--batch"],  # noqa: S607 - the user's git
                cwd=top,
                env=reviewed.environment(),
                stdin=ids,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise usage(f"git cannot be run: {printable(str(error))}", code="git") from None
        with ran:
            assert ran.stdout is not None
            try:
                for entry in entries:
                    yield entry, _content(ran.stdout, entry)
            finally:
                ran.kill()


def _content(stream: IO[bytes], entry: Entry) -> bytes | None:
    head = stream.readline().split()
    if head[1:] == [b"missing"]:
        return None
    if len(head) != 3 or head[0].decode() != entry.id or head[1] != b"blob":
        raise usage(f"git cannot read {printable(entry.name)} as it was", code="git")
    size = int(head[2])
    data = stream.read(size)
    if len(data) != size or stream.read(1) != b"\n":
        raise usage(f"git ended before {printable(entry.name)} did", code="git")
    return data

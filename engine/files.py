"""Paths given by the user → the files below them, each listed once and read at most once.

The tree may be hostile: links that leave it, loops, devices, files too large to be configuration.
Whatever is not listed for a reason a user would care about is a Gap.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from assay.engine.errors import InputError, Problem, printable
from assay.engine.model import Gap, Place

MAX_FILE = 32 * 1024 * 1024  # bytes; the largest known configuration files are a tenth of it
MAX_DEPTH = 64
# Never configuration of this tree: version control, and what package managers put beside it.
SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".terraform", "node_modules", "__pycache__", ".venv"}
)


class File(NamedTuple):
    """A regular file: `name` is how reports call it, `path` how it is opened."""

    name: str
    path: Path
    size: int


class Base(NamedTuple):
    """One path of the command line: `name` as reports call it, `path` absolute, links resolved."""

    name: str
    path: Path


class Tree:
    """The files below the given paths, in a fixed order, with what was left out.

    `bases` are the paths given. `folders` maps the name of a folder to the Files directly in it.
    """

    def __init__(self, bases: list[Base], files: list[File], gaps: list[Gap]) -> None:
        self.bases = bases
        self.files = files
        self.gaps = gaps
        self.folders: dict[str, list[File]] = {}
        for file in files:
            self.folders.setdefault(os.path.dirname(file.name) or ".", []).append(file)  # noqa: PTH120

    def with_suffix(self, *suffixes: str) -> Iterator[File]:
        """The files whose name ends with one of the suffixes, case ignored."""
        return (file for file in self.files if file.name.lower().endswith(suffixes))

    def base_of(self, file: File) -> Base:
        """The given path that the file was found under."""
        for base in self.bases:
            if file.path == base.path or base.path in file.path.parents:
                return base
        return self.bases[0]


def discover(paths: Iterable[str]) -> Tree:
    """Walk the given files and folders. Raises InputError for one that does not exist."""
    given = list(dict.fromkeys(paths))
    problems = [
        Problem(
            "path-not-found",
            f"no such file or directory: {printable(path)}",
            help="give a path that exists, relative to the current directory",
        )
        for path in given
        if not os.path.exists(path)  # noqa: PTH110 - an unreadable parent must not raise
    ]
    if problems:
        raise InputError(problems)
    bases: list[Base] = []
    files: list[File] = []
    gaps: list[Gap] = []
    seen: set[Path] = set()
    for path in given:
        base = Base(display_name(path, alone=len(given) == 1), Path(path).resolve())
        bases.append(base)
        for file in _walk(base, gaps):
            if file.path not in seen:
                seen.add(file.path)
                files.append(file)
    return Tree(bases, files, gaps)


def display_name(path: str, alone: bool = True) -> str:
    """How reports name a given path: relative, never absolute (design, section 5.2).

    A path outside the current directory that was given absolutely is named by its last part, or
    is `.` where it is the only one.
    """
    if not os.path.isabs(path):  # noqa: PTH117
        return Path(os.path.normpath(path)).as_posix()
    here, there = Path.cwd(), Path(path).resolve()
    if there == here or here in there.parents:
        return there.relative_to(here).as_posix()
    return "." if alone and there.is_dir() else there.name


def read(file: File) -> bytes:
    """The bytes of a file, at most MAX_FILE. Raises OSError."""
    descriptor = os.open(file.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"not a regular file: {file.name}")
        return stream.read(MAX_FILE + 1)[:MAX_FILE]


def join(folder: str, name: str) -> str:
    """The report name of `name` inside the folder of that report name."""
    return name if folder == "." else f"{folder}/{name}"


def _walk(base: Base, gaps: list[Gap]) -> Iterator[File]:
    if not base.path.is_dir():
        yield from _file(base.name, base.path, gaps)
        return
    pending: list[tuple[str, Path, int]] = [(base.name, base.path, 0)]
    while pending:
        name, folder, depth = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            gaps.append(_gap(name, f"cannot be listed: {error.strerror}"))
            continue
        below: list[tuple[str, Path, int]] = []
        for entry in entries:
            inner = join(name, entry.name)
            if entry.is_symlink():
                yield from _link(inner, Path(entry.path), base, gaps)
            elif entry.is_dir(follow_symlinks=False):
                if entry.name in SKIPPED_FOLDERS:
                    continue
                if depth >= MAX_DEPTH:
                    gaps.append(_gap(inner, f"more than {MAX_DEPTH} folders deep"))
                else:
                    below.append((inner, Path(entry.path), depth + 1))
            else:
                yield from _file(inner, Path(entry.path), gaps)
        pending.extend(reversed(below))


def _link(name: str, path: Path, base: Base, gaps: list[Gap]) -> Iterator[File]:
    """A link to a file inside the tree is that file; every other link is named, not followed."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        gaps.append(_gap(name, "a link that leads nowhere", blocks=False))
        return
    if base.path not in target.parents:
        gaps.append(_gap(name, "a link that leaves the scanned folder"))
    elif target.is_file():
        yield from _file(name, target, gaps)
    else:
        # A linked folder inside the tree is walked where it really is.
        gaps.append(_gap(name, "a link to a folder that is read in its own place", blocks=False))


def _file(name: str, path: Path, gaps: list[Gap]) -> Iterator[File]:
    try:
        found = path.stat()
    except OSError as error:
        gaps.append(_gap(name, f"cannot be read: {error.strerror}"))
        return
    if stat.S_ISREG(found.st_mode):
        yield File(name, path, found.st_size)
    else:
        gaps.append(_gap(name, "neither a file nor a folder, so it is not opened"))


def _gap(name: str, reason: str, blocks: bool = True) -> Gap:
    return Gap("file", name, "not_parsed", reason, Place(name), blocks)

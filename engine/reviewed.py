"""Exceptions and baselines as they are in a reviewed commit, and how the tree's own differ.

They judge the tree, so they are not taken from a tree that is under review: whoever writes the
change could accept it. Only git's stored bytes are read; nothing of the repository is run.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from assay.engine.errors import InputError, Problem, printable, usage
from assay.engine.files import display_name
from assay.engine.model import Place, SourceError

MAX_FILES = 5_000
MAX_BYTES = 64 * 1024 * 1024
SECONDS = 60
# What a repository's own settings could make git run is switched off.
SHALLOW = "a shallow clone may lack it: `git fetch origin REV`, or clone with the whole history"
SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager")


def commit(revision: str, path: str) -> tuple[Path, str]:
    """The top of the repository that a path lies in, and the full id of a commit of it.

    Raises InputError where there is no such repository or commit.
    """
    if revision.startswith("-") or not revision:
        raise usage(f"`{printable(revision)}` is no revision")
    folder = Path(path).absolute()
    while not folder.is_dir():
        folder = folder.parent
    top = Path(git(folder, "rev-parse", "--show-toplevel").decode().strip())
    try:
        id = git(folder, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except InputError:
        message = f"`{printable(revision)}` is no commit that this clone has"
        raise usage(message, SHALLOW, "git") from None
    return top, id.decode().strip()


def texts(revision: str, path: str) -> dict[str, bytes]:
    """The files below a path (or the file) in a commit: path below it ("" for itself) → bytes.

    Raises InputError where there is no such repository or commit; a path that the commit does not
    have is empty.
    """
    target = Path(path).absolute()
    top, id = commit(revision, path)
    try:
        inside = target.resolve().relative_to(top.resolve()).as_posix()
    except ValueError:
        message = f"{printable(path)} is not inside the repository {printable(top.name)}"
        raise InputError(Problem("reviewed-outside", message)) from None
    listed = git(top, "ls-tree", "-r", "-z", "--full-tree", id, "--", inside)
    rows = [row for row in listed.decode(errors="surrogateescape").split("\0") if row]
    if len(rows) > MAX_FILES:
        raise usage(f"{printable(path)} has more than {MAX_FILES} files in {printable(revision)}")
    found: dict[str, bytes] = {}
    size = 0
    for row in rows:
        about, name = row.split("\t", 1)
        mode, _, blob = about.split(" ")
        if mode in ("100644", "100755"):  # no link, no submodule
            data = git(top, "cat-file", "blob", blob)
            size += len(data)
            if size > MAX_BYTES:
                raise usage(f"{printable(path)} is too large in {printable(revision)}")
            found[os.path.relpath(name, inside) if name != inside else ""] = data
    return found


def changes(
    revision: str,
    path: str,
    reviewed: Mapping[str, bytes],
    suffixes: Sequence[str],
    code: str = "exceptions-changed",
) -> list[SourceError]:
    """One finding for each file that the tree has otherwise than the commit."""
    found: list[SourceError] = []
    target = Path(path)
    names = set(reviewed)
    if target.is_dir():
        names |= {each.relative_to(target).as_posix() for each in target.rglob("*")}
    else:
        names.add("")
    for name in sorted(names):
        if name and not name.endswith(tuple(suffixes)):
            continue
        file = target / name if name else target
        if file.is_dir():
            continue
        try:
            now: bytes | None = file.read_bytes()
        except OSError:
            now = None
        before = reviewed.get(name)
        if now == before:
            continue
        what = "added" if before is None else "removed" if now is None else "changed"
        shown = display_name(str(file), alone=False)
        message = f"{shown} is {what} since {revision}: what was reviewed there is what counts"
        help = "have the change approved by itself; then it counts"
        words = (shown, code, message, Place(shown, 1, 1), help)
        found.append(SourceError("manifest", ".", "default", *words))
    return found


def git(folder: Path, *words: str) -> bytes:
    """What a git command prints, run in a folder. Raises InputError where it fails."""
    try:
        ran = subprocess.run(  # noqa: S603 - fixed words and a checked revision, no shell
            ["git", *SAFE, *words],  # noqa: S607 - the user's git
            cwd=folder,
            env=environment(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise usage(f"git cannot be run: {printable(str(error))}", code="git") from None
    if ran.returncode:
        said = printable(ran.stderr.decode(errors="replace").strip()[-300:])
        raise usage(f"git cannot read what was reviewed: {said}", code="git")
    return ran.stdout


def environment() -> dict[str, str]:
    """The environment of git: it asks nobody, fetches nothing, and takes no object for another."""
    return {
        **os.environ,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }

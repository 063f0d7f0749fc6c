"""Functions of files: inside the scanned tree only, and read once."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    LimitError,
    text_parameter,
)
from assay.engine.terraform.sets import set_value
from assay.engine.terraform.types import BOOL, STRING, set_of
from assay.engine.terraform.values import Value, boolean, string, unknown

MAX_SIZE = 8 * 1024 * 1024  # bytes of one file
MAX_LISTED = 100_000  # entries that one fileset may look at


class Files:
    """What the expressions of one root may read.

    base      the directory of the root module, to which relative paths belong
    allowed   nothing outside of this directory is read
    """

    __slots__ = ("_read", "allowed", "base")

    def __init__(self, base: Path, allowed: Path) -> None:
        self.base = base
        self.allowed = allowed.resolve()
        self._read: dict[str, bytes] = {}

    def locate(self, path: str) -> Path:
        """The file of that path. Raises FunctionError where it lies outside."""
        if path.startswith("~"):
            raise FunctionError("a path in a home directory is outside of the scanned tree")
        if "\0" in path or len(path) > 4096:
            raise FunctionError("not a path")
        # As Terraform does, `..` is taken off the text before any link is followed.
        joined = Path(os.path.normpath(self.base / path))
        try:
            found = joined.resolve()
        except (OSError, RuntimeError):
            raise FunctionError(f"cannot follow {path}") from None
        if found != self.allowed and self.allowed not in found.parents:
            raise FunctionError(f"{path} is outside of the scanned tree")
        return found

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises FunctionError."""
        known = self._read.get(path)
        if known is not None:
            return known
        found = self.locate(path)
        try:
            info = found.stat()
            if not stat.S_ISREG(info.st_mode):
                raise FunctionError(f"{path} is not a regular file")
            if info.st_size > MAX_SIZE:
                raise LimitError(f"{path} is larger than {MAX_SIZE} bytes")
            data = found.read_bytes()
        except FileNotFoundError:
            raise FunctionError(f"no file exists at {path}") from None
        except OSError as error:
            raise FunctionError(f"cannot read {path}: {error.strerror}") from None
        self._read[path] = data
        return data


def read_text(files: Files | None, path: str) -> str:
    """The text of a file. Raises FunctionError."""
    data = _files(files).read(path)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FunctionError(f"contents of {path} are not valid UTF-8") from None


def _files(files: Files | None) -> Files:
    if files is None:
        raise FunctionError("no file can be read here")
    return files


def _of_path(run: Callable[[Files | None, str], str]) -> Callable[[Files | None], Function]:
    def bound(files: Files | None) -> Function:
        return Function(
            lambda values: string(run(files, values[0].v)), [text_parameter("path")], STRING
        )

    return bound


def _digest(algorithm: str, encode: Callable[[bytes], str]) -> Callable[[Files | None], Function]:
    def run(files: Files | None, path: str) -> str:
        data = _files(files).read(path)
        return encode(hashlib.new(algorithm, data, usedforsecurity=False).digest())

    return _of_path(run)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def fileexists(files: Files | None) -> Function:
    def run(values: list[Value]) -> Value:
        path = values[0].v
        try:
            info = _files(files).locate(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return boolean(False)
        except OSError as error:
            raise FunctionError(f"cannot look at {path}: {error.strerror}") from None
        if not stat.S_ISREG(info.st_mode):
            raise FunctionError(f"{path} is not a regular file")
        return boolean(True)

    return Function(run, [text_parameter("path")], BOOL)


def fileset(files: Files | None) -> Function:
    def run(values: list[Value]) -> Value:
        path, pattern = values[0].v, values[1].v
        top = _files(files).locate(path)
        return set_value(STRING, [string(name) for name in _glob(top, pattern)])

    return Function(run, [text_parameter("path"), text_parameter("pattern")], set_of(STRING))


def _glob(top: Path, pattern: str) -> list[str]:
    """The regular files below `top` whose relative name fits the pattern."""
    pattern = os.path.normpath(pattern)
    if pattern.startswith(("..", "/")):
        raise FunctionError("a pattern that leads outside of the path is not followed")
    fits = _glob_pattern(pattern).fullmatch
    depth = None if "**" in pattern else pattern.count("/")
    found: list[str] = []
    looked = 0
    pending: list[tuple[Path, str, int]] = [(top, "", 0)]
    while pending:
        folder, prefix, level = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            looked += 1
            if looked > MAX_LISTED:
                raise LimitError(f"more than {MAX_LISTED} files")
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth is None or level < depth:
                    pending.append((Path(entry.path), name + "/", level + 1))
            elif entry.is_file() and fits(name):
                found.append(name)
    return sorted(found)


def _glob_pattern(pattern: str) -> re.Pattern[str]:
    """`*`, `?`, `[…]`, `{a,b}` and `**` as a regular expression."""
    pieces: list[str] = []
    at = 0
    braces = 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            pieces.append("(?:[^/]+/)*")
            at += 3
            continue
        if pattern.startswith("**", at):
            pieces.append(".*")
            at += 2
            continue
        if char == "*":
            pieces.append("[^/]*")
        elif char == "?":
            pieces.append("[^/]")
        elif char == "[":
            close = pattern.find("]", at + 2)
            if close < 0:
                raise FunctionError("failed to glob pattern: syntax error in pattern")
            inner = pattern[at + 1 : close]
            negated = inner[:1] in ("^", "!")
            body = (inner[1:] if negated else inner).replace("\\", "\\\\").replace("[", "\\[")
            pieces.append(f"[{'^' if negated else ''}{body}]")
            at = close
        elif char == "{":
            braces += 1
            pieces.append("(?:")
        elif char == "}" and braces:
            braces -= 1
            pieces.append(")")
        elif char == "," and braces:
            pieces.append("|")
        elif char == "\\" and at + 1 < len(pattern):
            at += 1
            pieces.append(re.escape(pattern[at]))
        else:
            pieces.append(re.escape(char))
        at += 1
    if braces:
        raise FunctionError("failed to glob pattern: syntax error in pattern")
    try:
        return re.compile("".join(pieces), re.DOTALL)
    except re.error:
        raise FunctionError("failed to glob pattern: syntax error in pattern") from None


def basename(path: str) -> str:
    if not path:
        return "."
    stripped = path.rstrip("/")
    return stripped.rsplit("/", 1)[-1] if stripped else "/"


def dirname(path: str) -> str:
    head = path.rsplit("/", 1)[0] if "/" in path else ""
    if path.startswith("/") and not head:
        return "/"
    return clean(head)


def clean(path: str) -> str:
    """The shortest equal path, as Go's filepath.Clean has it."""
    made = os.path.normpath(path) if path else "."
    return "/" + made.lstrip("/") if path.startswith("/") else made


def _machine(name: str) -> Callable[[Files | None], Function]:
    """abspath and pathexpand of a relative or home path depend on the machine: not known."""

    def bound(files: Files | None) -> Function:  # noqa: ARG001
        def run(values: list[Value]) -> Value:
            path: str = values[0].v
            if name == "abspath" and path.startswith("/"):
                return string(clean(path))
            if name == "pathexpand" and not path.startswith("~"):
                return string(path)
            return unknown(STRING, "variable", f"{name}()", not_null=True)

        return Function(run, [text_parameter("path")], STRING)

    return bound


FUNCTIONS: dict[str, Callable[[Files | None], Function]] = {
    "file": _of_path(read_text),
    "filebase64": _of_path(lambda files, path: _base64(_files(files).read(path))),
    "filemd5": _digest("md5", bytes.hex),
    "filesha1": _digest("sha1", bytes.hex),
    "filesha256": _digest("sha256", bytes.hex),
    "filesha512": _digest("sha512", bytes.hex),
    "filebase64sha256": _digest("sha256", _base64),
    "filebase64sha512": _digest("sha512", _base64),
    "fileexists": fileexists,
    "fileset": fileset,
    "basename": _of_path(lambda files, path: basename(path)),  # noqa: ARG005
    "dirname": _of_path(lambda files, path: dirname(path)),  # noqa: ARG005
    "abspath": _machine("abspath"),
    "pathexpand": _machine("pathexpand"),
}

"""CODEOWNERS → who answers for a file (the last matching line decides, as on GitHub and GitLab)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from assay.engine.errors import printable, usage
from assay.engine.project.overrides import Names

MAX_FILE = 1024 * 1024  # bytes


def read(path: Path, names: Names) -> Callable[[str], Sequence[str]]:
    """Report name of a file → owners, none where no line matches. Raises InputError."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise usage(f"{printable(path.name)} is too large for a file of owners")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the owners cannot be read: {printable(str(error))}"
        raise usage(message, code="path-not-found") from None
    lines = [(_pattern(words[0]), tuple(words[1:])) for words in _lines(text)]
    # A file of owners speaks of the repository, whose root holds it, or the folder above .github.
    folder = (
        path.parent.parent if path.parent.name in (".github", ".gitlab", "docs") else path.parent
    )
    inner = {name: _inside(root, folder) for name, root in names.bases}

    def owners(file: str) -> Sequence[str]:
        whole = _whole(file, inner)
        return next((who for pattern, who in reversed(lines) if pattern.search(whole)), ())

    return owners


def _lines(text: str) -> list[list[str]]:
    found: list[list[str]] = []
    section: list[str] = []
    for line in text.splitlines():
        line = line.split(" #", 1)[0].strip()
        if not line or line.startswith("#"):
            continue
        header = re.match(r"\^?\[[^\]]+\](?:\[\d+\])?\s*(.*)", line)
        if header:  # GitLab's section, with owners for its lines that name none
            section = header[1].split()
            continue
        words = re.split(r"(?<!\\)\s+", line)
        found.append([words[0].replace("\\ ", " "), *(words[1:] or section)])
    return found


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of a .gitignore, without negation."""
    anchored = "/" in text.rstrip("/")
    parts = re.split(r"(\*\*/|/\*\*|\*\*|\*|\?)", text.lstrip("/").rstrip("/"))
    signs = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(signs.get(part, re.escape(part)) for part in parts)
    below = "(?:/.*)?" if text.endswith("/") or "*" not in text.rpartition("/")[2] else ""
    return re.compile(rf"\A{'' if anchored else '(?:.*/)?'}{body}{below}\Z")


def _inside(root: Path, folder: Path) -> str:
    """A path given as the repository names it; "" for the repository itself or one above it."""
    return root.relative_to(folder).as_posix() if folder in root.parents else ""


def _whole(file: str, inner: dict[str, str]) -> str:
    """A report's name of a file as the repository has it."""
    for name, prefix in inner.items():
        if file == name or name == "." or file.startswith(f"{name}/"):
            rest = file if name == "." else file[len(name) :].lstrip("/")
            return "/".join(part for part in (prefix, rest) if part)
    return file

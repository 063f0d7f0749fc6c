"""Folders of control, view and framework files → a Catalogue."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from assay.engine.catalogue import cache
from assay.engine.catalogue.controls import Catalogue, Control, View
from assay.engine.errors import AssayError, InputError, Problem, Text, problem, usage
from assay.engine.model import DOMAINS

MAX_CONTROL = 1024 * 1024  # bytes


class RuleFile(NamedTuple):
    """A file of the catalogue: `name` for reports, its folder's name, and its text."""

    name: str
    folder: str
    text: str


def builtin_folder() -> Path:
    """Where the controls lie that Assay ships."""
    return Path(str(resources.files("assay.rules")))


def load(folders: Sequence[Path] = (), builtin: bool = True) -> Catalogue:
    """The shipped catalogue together with the user's folders, from the user's cache if it is there.

    Raises InputError with every problem of every file; a folder that does not exist is one.
    """
    return from_files(read_files(folders, builtin))


def from_files(files: Sequence[RuleFile]) -> Catalogue:
    """The catalogue of some rule files, from the user's cache if it is there."""
    key = digest(files)
    kept = cache.get(key)
    if kept is not None:
        return kept
    built = build(files)
    cache.put(key, built)
    return built


def read_files(folders: Sequence[Path] = (), builtin: bool = True) -> list[RuleFile]:
    """The rule files of the shipped catalogue and of the given folders, in catalogue order."""
    files: list[RuleFile] = []
    if builtin:
        files += _read(builtin_folder(), "rules")
    for folder in folders:
        if not folder.is_dir():
            raise usage(f"no such folder of controls: {folder}", code="path-not-found")
        files += _read(folder, folder.as_posix() if not folder.is_absolute() else folder.name)
    return files


def build(files: Sequence[RuleFile]) -> Catalogue:
    """The compiled catalogue of some rule files."""
    from assay.engine.catalogue import control_file, views
    from assay.engine.catalogue.checks import Builder
    from assay.engine.catalogue.extensions import EXTENSIONS

    problems: list[Problem] = []
    frameworks: dict[str, frozenset[str]] = {}
    known: dict[str, View] = {}
    controls: list[Control] = []
    for file in files:
        if file.folder == "frameworks":
            with _Gather(problems):
                id, requirements = _framework(file)
                frameworks[id] = requirements
        elif file.folder == "views" or _is_view(file.text):
            with _Gather(problems):
                view = views.read(file.name, file.text, EXTENSIONS)
                if view.name in known:
                    problems.append(_twice("view", view.name, known[view.name].file, file))
                known[view.name] = view
    builder = Builder(known, EXTENSIONS)
    seen: dict[str, str] = {}
    for file in files:
        if file.folder in ("frameworks", "views") or _is_view(file.text):
            continue
        with _Gather(problems):
            folder = file.folder if file.folder in DOMAINS else None
            control = control_file.read(file.name, file.text, builder, folder, frameworks)
            if control.id in seen:
                problems.append(_twice("control", control.id, seen[control.id], file))
            seen[control.id] = file.name
            controls.append(control)
    if problems:
        raise InputError(problems)
    controls.sort(key=lambda control: (DOMAINS.index(control.domain), control.id))
    return Catalogue(tuple(controls), known, digest(files))


def digest(files: Iterable[RuleFile]) -> str:
    """SHA-256 over the names and texts of rule files, hexadecimal."""
    hashed = hashlib.sha256()
    for file in files:
        for data in (file.name.encode(), file.text.encode()):
            hashed.update(len(data).to_bytes(8, "big") + data)
    return hashed.hexdigest()


class _Gather:
    """A context in which an AssayError becomes problems of the whole catalogue."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, AssayError):
            self.problems.extend(error.problems)
            return True
        return False


def _read(folder: Path, name: str) -> list[RuleFile]:
    found: list[RuleFile] = []
    for where, folders, files in os.walk(folder):
        folders.sort()
        inner = os.path.relpath(where, folder).replace(os.sep, "/")
        top = "" if inner == "." else inner.partition("/")[0]
        for each in files:
            if not each.endswith(".yaml"):
                continue
            label = f"{name}/{each}" if inner == "." else f"{name}/{inner}/{each}"
            found.append(RuleFile(label, top, _text(os.path.join(where, each), label)))  # noqa: PTH118 - hundreds a start
    return sorted(found)


def _text(path: str, label: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            data = b""
            while len(data) <= MAX_CONTROL and (more := os.read(descriptor, 65_536)):
                data += more
        finally:
            os.close(descriptor)
    except OSError as error:
        raise usage(f"{label} cannot be read: {error}", code="control-unreadable") from None
    if len(data) > MAX_CONTROL:
        raise usage(f"{label} is too large for a control", code="control-size")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise usage(f"{label} cannot be read: {error}", code="control-unreadable") from None


def _is_view(text: str) -> bool:
    return text.startswith("view:") or "\nview:" in text


def _framework(file: RuleFile) -> tuple[str, frozenset[str]]:
    from assay.engine.catalogue.document import parse

    root = parse(file.name, file.text)
    entries: Mapping[str, object] = root.plain() if isinstance(root.value, dict) else {}
    id, requirements = entries.get("id"), entries.get("requirements")
    if not isinstance(id, str) or not isinstance(requirements, (dict, list)):
        message = "a framework file has `id` and `requirements`"
        raise InputError(Problem("framework-shape", message, file.name))
    return id, frozenset(str(requirement) for requirement in requirements)


def _twice(what: str, id: str, first: str, second: RuleFile) -> Problem:
    start = max(second.text.find(id), 0)
    message = f"the {what} `{id}` stands in {first} too"
    help = "every control and view has a name of its own: give this one another"
    text = Text(second.name, second.text)
    return problem("control-twice", message, text, start, start + len(id), help)

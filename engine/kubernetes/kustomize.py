"""Kustomizations: which folders are built, what they read, and the call of Kustomize.

A kustomization is copied into a temporary folder with just the files that it names, from the files
of the walk: no link leads out of the tree, and nothing is fetched.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine import files, kept
from assay.engine.kubernetes import cage, text, yamltext
from assay.engine.kubernetes.yamltext import YamlError

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
ORIGIN = "config.kubernetes.io/origin"
MAX_SIZE = 64 * 1024**2  # bytes of all files that one build reads
_UP = 16  # how many `../` a name may begin with
_REMOTE = re.compile(r"(?:[a-z+]+://|git@|git::|[\w.-]+\.(?:com|org|io|net|dev)[/:])|\?ref=")
_BASES = ("resources", "bases", "components")


class Kustomization(NamedTuple):
    """A kustomization as declared: `fault` says why it cannot be read."""

    folder: str
    file: files.File
    meta: dict[str, Any]
    fault: str = ""

    @property
    def component(self) -> bool:
        """Whether it is only ever a part of others."""
        return self.meta.get("kind") == "Component"


class KustomizeError(Exception):
    """A kustomization that cannot be built: the message says why."""


class MissingKustomizeError(KustomizeError):
    """Nothing here can build kustomizations."""


def find(tree: files.Tree) -> dict[str, Kustomization]:
    """The kustomizations of the tree by their folder, in the order of the walk."""
    return {
        folder: _read(folder, file)
        for folder, held in tree.folders.items()
        for file in held
        if posixpath.basename(file.name) in NAMES
    }


def tops(found: dict[str, Kustomization]) -> list[Kustomization]:
    """Those that are built for themselves: no components, and nothing that another builds on.

    Of those that build on each other in a ring, the first is a top: building it says so.
    """
    used = {base for each in found.values() for base in _folders(each)}
    chosen = [each for each in found.values() if each.folder not in used and not each.component]
    reached: set[str] = set()
    for each in [*chosen, *found.values()]:
        if each.folder in reached or each.component:
            continue
        if each.folder in used:
            chosen.append(each)
        pending = [each.folder]
        while pending:
            folder = pending.pop()
            if folder in found and folder not in reached:
                reached.add(folder)
                pending += _folders(found[folder])
    return chosen


def _folders(each: Kustomization) -> list[str]:
    return [posixpath.normpath(posixpath.join(each.folder, base)) for base in _bases(each)]


def reads(
    found: dict[str, Kustomization], by_name: dict[str, files.File], top: Kustomization
) -> dict[str, files.File]:
    """The files that a build reads, by name. Raises KustomizeError for what it may not read."""
    wanted: dict[str, files.File] = {}
    _collect(found, by_name, top, wanted)
    if sum(file.size for file in wanted.values()) > MAX_SIZE:
        raise KustomizeError(f"it reads more than {MAX_SIZE // 1024**2} MiB")
    return wanted


def start(
    top: Kustomization, wanted: dict[str, files.File], home: Path, results: kept.Results
) -> cage.Child | cage.Known:
    """Begin to build one kustomization in the empty folder `home`. Raises KustomizeError."""
    program = shutil.which("kustomize")
    command = [program, "build"] if program else [shutil.which("kubectl") or "", "kustomize"]
    if not command[0]:
        raise MissingKustomizeError("there is neither `kustomize` nor `kubectl` on PATH")
    try:
        for name, file in wanted.items():
            target = _target(home, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files.read(file))
    except OSError as error:
        raise KustomizeError(f"a file cannot be copied: {error.strerror}") from error
    given = top.meta.get("buildMetadata")
    asked = {"buildMetadata": [*(given if isinstance(given, list) else ()), "originAnnotations"]}
    _target(home, top.file.name).write_text(json.dumps(top.meta | asked), "utf-8")
    return cage.asked([*command, str(_target(home, top.folder))], home, results)


def message(result: cage.Result, home: Path) -> str:
    """Why a build failed, in Kustomize's words without its temporary paths."""
    said = result.fault or result.err.replace(f"{_target(home, '.')}/", "")
    said = re.sub(r'^E\d{4} \S+ +\d+ \S+\] "command failed" err=<?\s*', "", said)
    return re.sub(r"\s+", " ", said.removeprefix("error: ").removeprefix("Error: ")).rstrip(" >")


def _read(folder: str, file: files.File) -> Kustomization:
    try:
        (document,) = yamltext.documents(text.decode(files.read(file)))
    except (OSError, YamlError, ValueError) as error:
        return Kustomization(folder, file, {}, f"it cannot be read: {error}")
    if document.value is not None and not isinstance(document.value, dict):
        return Kustomization(folder, file, {}, "it is no map")
    return Kustomization(folder, file, document.value or {})


def _bases(each: Kustomization) -> Iterator[str]:
    for field in _BASES:
        held = each.meta.get(field)
        for base in held if isinstance(held, list) else ():
            if isinstance(base, str):
                yield base


def _collect(
    found: dict[str, Kustomization],
    by_name: dict[str, files.File],
    top: Kustomization,
    wanted: dict[str, files.File],
) -> None:
    """Add what the kustomization and all that it builds on name. Raises KustomizeError."""
    pending = [top]
    while pending:
        each = pending.pop()
        if each.file.name in wanted:
            continue
        wanted[each.file.name] = each.file
        for base in _bases(each):
            if _REMOTE.match(base) or "?ref=" in base:
                raise KustomizeError(f"`{base}` is remote, and nothing is fetched")
            name = posixpath.normpath(posixpath.join(each.folder, base))
            if name not in by_name and name not in found:
                raise KustomizeError(f"`{base}` ({name}) is not among what is scanned")
        for word in _words(each.meta):
            for path in (word, word.partition("=")[2]):
                name = posixpath.normpath(posixpath.join(each.folder, path))
                if path and name in by_name:
                    wanted[name] = by_name[name]
                elif path and name in found:
                    pending.append(found[name])


def _words(value: Any) -> Iterator[str]:
    """All texts of one line in a value: any of them may be a path."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending += each.values()
        elif isinstance(each, list):
            pending += each
        elif isinstance(each, str) and "\n" not in each and len(each) < 1024:
            yield each


def _target(home: Path, name: str) -> Path:
    """Where a file of that name is put: deep enough for names that begin with `../`."""
    path = Path(os.path.normpath(home.joinpath(*["u"] * _UP, name)))
    if home not in path.parents:
        raise KustomizeError(f"`{name}` lies too far outside")
    return path

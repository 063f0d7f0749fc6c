"""What all module instances of one root share: files, options, errors, what was missing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.errors import Problem
from assay.engine.files import Base, File, Tree, join
from assay.engine.model import Gap, Place, SourceError
from assay.engine.terraform import module as modules
from assay.engine.terraform.functions.files import Files
from assay.engine.terraform.module import Module
from assay.engine.terraform.schema import Table

MAX_INSTANCES = 20_000  # of one resource or module: more is a mistake or an attack
MAX_RESOURCES = 200_000  # of one root
MAX_MODULES = 40  # levels of modules in modules


class Inputs(NamedTuple):
    """What one environment gives a root."""

    environment: str
    variables: tuple[tuple[str, str], ...]
    variable_files: tuple[str, ...]
    workspace: str


class Options(NamedTuple):
    """How one scan reads Terraform.

    plans, states        files of `terraform show -json` (or raw state), named by the user
    variables            (name, text) of `--var`; variable_files of `--var-file`, in order
    process_environment  where TF_VAR_* are looked up; empty unless asked for
    facts                address of a data source → attribute → value
    inputs               root → its own inputs, once for each environment that has it
    """

    environment: str = "default"
    plans: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    variable_files: tuple[str, ...] = ()
    workspace: str = "default"
    process_environment: Mapping[str, str] = {}
    facts: Mapping[str, Any] = {}
    inputs: Mapping[str, Sequence[Inputs]] = {}


class Library:
    """The modules of a tree, each parsed once, by the report name of its folder."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.parsed: dict[str, Module] = {}

    def module(self, folder: str) -> Module:
        """The module in a folder of the tree, empty where there is none."""
        found = self.parsed.get(folder)
        if found is None:
            files = self.tree.folders.get(folder, [])
            found = self.parsed[folder] = modules.load(folder, files)
        return found

    def installed(self, folder: str, path: Path) -> Module | None:
        """A module below `.terraform`, which the walk leaves out."""
        found = self.parsed.get(folder)
        if found is None:
            try:
                entries = sorted(os.scandir(path), key=lambda entry: entry.name)
            except OSError:
                return None
            files = [
                File(join(folder, entry.name), Path(entry.path), entry.stat().st_size)
                for entry in entries
                if entry.is_file(follow_symlinks=False)
            ]
            found = self.parsed[folder] = modules.load(folder, files)
        return found


class Context:
    """One root: where it lies, what it may read, and what is said of it."""

    def __init__(
        self, library: Library, folder: str, base: Base, options: Options, schema: Table
    ) -> None:
        self.library = library
        self.folder = folder
        self.base = base
        self.options = options
        self.schema = schema
        self.path = _path(base, folder)
        self.files = Files(self.path, base.path if base.path.is_dir() else base.path.parent)
        self.errors: dict[tuple[str, str, Place], SourceError] = {}
        self.gaps: dict[tuple[str, str], Gap] = {}
        self.count = 0
        self.checked: set[str] = set()  # folders of modules that `declared` has looked at
        self._manifest: dict[str, str] | None = None

    def error(self, subject: str, problem: Problem) -> None:
        """Note something that Terraform would refuse; once, however many instances meet it."""
        place = Place(problem.file or self.folder, *problem.span)
        key = (problem.code, problem.message, place)
        if key not in self.errors:
            self.errors[key] = SourceError(
                "terraform",
                self.folder,
                self.options.environment,
                subject,
                problem.code,
                problem.message,
                place,
                problem.help,
            )

    def gap(self, kind: str, subject: str, reason: str, place: Place) -> None:
        """Note something that is not here to be evaluated."""
        self.gaps.setdefault((kind, subject), Gap(kind, subject, "unavailable", reason, place))

    def child(self, parent: Module, source: str, call_path: str) -> Module | None:
        """The module that a source leads to, None where it is not in the tree."""
        if source.startswith(("./", "../")):
            folder = os.path.normpath(join(parent.folder, source)).replace(os.sep, "/")
            if parent.folder.startswith(self._installed_prefix()):
                return self._below_terraform(folder)
            return self.library.module(folder) if folder in self.library.tree.folders else None
        directory = self.manifest.get(call_path)
        if directory is None:
            return None
        folder = os.path.normpath(join(self.folder, directory)).replace(os.sep, "/")
        if folder in self.library.tree.folders:
            return self.library.module(folder)
        return self._below_terraform(folder)

    def _installed_prefix(self) -> str:
        return join(self.folder, ".terraform/")

    def _below_terraform(self, folder: str) -> Module | None:
        if not folder.startswith(self._installed_prefix()):
            return None
        path = Path(os.path.normpath(self.path / os.path.relpath(folder, self.folder)))
        if self.files.allowed not in path.resolve().parents:
            return None
        return self.library.installed(folder, path)

    @property
    def manifest(self) -> dict[str, str]:
        """Installed modules: `vpc.sub` → directory, from `.terraform/modules/modules.json`."""
        if self._manifest is None:
            self._manifest = {}
            path = self.path / ".terraform" / "modules" / "modules.json"
            try:
                listed = json.loads(path.read_text("utf-8"))["Modules"]
                self._manifest = {str(each["Key"]): str(each["Dir"]) for each in listed}
            except (OSError, ValueError, KeyError, TypeError):
                pass
        return self._manifest


def _path(base: Base, folder: str) -> Path:
    """The directory of a folder's report name."""
    if not base.path.is_dir():
        return base.path.parent
    inner = folder if base.name == "." else os.path.relpath(folder, base.name)
    return Path(os.path.normpath(base.path / inner))

"""What a configuration decides of a control on a resource, and where its names lie in a tree."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.engine.catalogue.controls import Catalogue
from assay.engine.files import Tree
from assay.engine.model import Gap, Loaded, Resource
from assay.engine.project.config import Config, Rule

Adjust = Callable[[Resource], "Mapping[str, Any] | str"]


class Names:
    """How the reports of a scan call what a configuration names, relative to its folder."""

    def __init__(self, config: Config, tree: Tree) -> None:
        self.config = config
        self.bases = [(base.name, base.path) for base in tree.bases]

    def of(self, name: str) -> str:
        """The report's name of a path of the configuration; "" where no path given holds it."""
        path = Path(os.path.normpath(self.config.folder / name))
        for base, root in self.bases:
            if path == root or root in path.parents:
                inner = path.relative_to(root).as_posix()
                return base if inner == "." else inner if base == "." else f"{base}/{inner}"
        return ""

    def pattern(self, pattern: str) -> re.Pattern[str]:
        """A pattern of the configuration over the report's names; a folder means all below."""
        fixed = pattern.split("*", 1)[0]
        folder = fixed.rpartition("/")[0]
        rest = pattern[len(folder) :].lstrip("/")
        found = self.of(folder or ".")
        whole = rest if found == "." else f"{found}/{rest}" if found else f"\0/{rest}"
        return _compiled(whole.rstrip("/"))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """`**` is any number of folders, `*` and `?` stay within one name."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(signs.get(part, re.escape(part)) for part in parts)
    return re.compile(rf"{text}(?:/.*)?", re.DOTALL)


class Overrides:
    """The rules of a configuration, ready to be asked."""

    def __init__(self, config: Config, tree: Tree, given: Mapping[str, Mapping[str, Any]]) -> None:
        names = Names(config, tree)
        self.given = given  # parameters of the command line, which go before all others
        self.rules: list[tuple[Rule, tuple[re.Pattern[str], ...]]] = [
            (rule, tuple(names.pattern(each) for each in rule.patterns)) for rule in config.rules
        ]

    def adjust(self, control: str, defaults: Mapping[str, Any]) -> Adjust | None:
        """Resource → its parameters, or the reason why the control is off; None: all alike.

        `defaults` are the control's own parameters with what holds for every resource.
        """
        local = [
            (rule, patterns)
            for rule, patterns in self.rules
            if (control in rule.params or control in rule.disabled)
            and (rule.environments or rule.patterns or control in rule.disabled)
        ]
        if not local:
            return None
        last = self.given.get(control, {})
        known: dict[tuple[bool, ...], Mapping[str, Any] | str] = {}

        def adjust(resource: Resource) -> Mapping[str, Any] | str:
            key = tuple(_applies(rule, patterns, resource) for rule, patterns in local)
            found = known.get(key)
            if found is None:
                found = known[key] = _joined(control, defaults, last, zip(local, key, strict=True))
            return found

        return adjust

    def everywhere(self) -> dict[str, dict[str, Any]]:
        """The parameters that hold for every resource, those of the command line included."""
        found: dict[str, dict[str, Any]] = {}
        for rule, patterns in self.rules:
            if not rule.environments and not patterns:
                for id, values in rule.params.items():
                    found.setdefault(id, {}).update(values)
        for id, given in self.given.items():
            found.setdefault(id, {}).update(given)
        return found


def _joined(
    control: str,
    defaults: Mapping[str, Any],
    last: Mapping[str, Any],
    rules: Iterable[tuple[tuple[Rule, Any], bool]],
) -> Mapping[str, Any] | str:
    values = dict(defaults)
    for (rule, _), applies in rules:
        if applies and control in rule.disabled:
            return rule.disabled[control]
        if applies:
            values.update(rule.params.get(control, {}))
    return {**values, **last}


def _applies(rule: Rule, patterns: tuple[re.Pattern[str], ...], resource: Resource) -> bool:
    if rule.environments and resource.environment not in rule.environments:
        return False
    if not patterns:
        return True
    names = (resource.place.file, resource.root)
    return any(pattern.fullmatch(name) for pattern in patterns for name in names if name)


def with_severities(catalogue: Catalogue, config: Config) -> Catalogue:
    """The catalogue with the severities that the project gives its controls."""
    if not config.severities:
        return catalogue
    controls = tuple(
        control._replace(severity=config.severities.get(control.id, control.severity))
        for control in catalogue.controls
    )
    return catalogue._replace(controls=controls)


def without_excluded(tree: Tree, config: Config) -> Tree:
    """The tree without what the project leaves out, each pattern named in the coverage."""
    if not config.exclude:
        return tree
    names = Names(config, tree)
    patterns = [(text, names.pattern(text)) for text in config.exclude]
    kept, left = [], dict.fromkeys(config.exclude, 0)
    for file in tree.files:
        text = next((text for text, pattern in patterns if pattern.fullmatch(file.name)), None)
        if text is None:
            kept.append(file)
        else:
            left[text] += 1
    gaps = [
        Gap(
            "file",
            text,
            "not_expected",
            f"{count} files excluded by the configuration",
            None,
            False,
        )
        for text, count in left.items()
        if count
    ]
    return Tree(tree.bases, kept, [*tree.gaps, *gaps])


def of_environment(tree: Tree, config: Config, environment: str) -> Tree:
    """The tree without the roots, charts and paths that only other environments declare."""
    names = Names(config, tree)
    declared: dict[str, set[str]] = {}
    for folder, owner in [
        *((root.folder, root.environment) for root in config.roots),
        *((chart.folder, chart.environment) for chart in config.charts),
        *config.members,
    ]:
        declared.setdefault(names.of(folder), set()).add(owner)
    others = [folder for folder, owners in declared.items() if folder and environment not in owners]
    kept = [file for file in tree.files if not any(_below(file.name, each) for each in others)]
    return Tree(tree.bases, kept, tree.gaps)


def _below(file: str, folder: str) -> bool:
    return folder == "." or file == folder or file.startswith(f"{folder}/")


def assign(loaded: Iterable[Loaded], config: Config, tree: Tree) -> None:
    """Give what lies below an environment's paths that environment; the longest path decides."""
    names = Names(config, tree)
    members = sorted(
        ((names.of(path), environment) for path, environment in config.members),
        key=lambda member: -len(member[0]),
    )
    for each in loaded:
        for resource in each.resources:
            if resource.source not in ("manifest", "kustomize", "pipeline"):
                continue
            for folder, environment in members:
                if folder and _below(resource.place.file, folder):
                    resource.environment = environment
                    break

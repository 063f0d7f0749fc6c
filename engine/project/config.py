"""`assay.yaml` → what a project decides of its scans, every mistake in it with its place.

Names of files and folders in it are relative to the folder that it lies in. docs/configuration.md
describes every key.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Catalogue, Param, fits
from assay.engine.catalogue.document import Node, parse
from assay.engine.catalogue.reader import Reader
from assay.engine.errors import printable, usage
from assay.engine.model import SEVERITIES

MAX_FILE = 1024 * 1024  # bytes
LISTS = ("registries", "regions", "zones")  # each feeds the parameter of that name, everywhere
JUDGING = ("params", "disable", "severities")
KEYS = (
    *("environments", "paths", "tiers", *LISTS, *JUDGING, "expects", "owners", "exclude"),
    *("rules", "exceptions", "baseline"),
)
ENVIRONMENT = ("terraform", "charts", "paths", "namespace", "params", "disable", "severities")
ROOT = ("root", "var-files", "vars", "workspace")
CHART = ("chart", "values", "set", "namespace", "release", "kube-version", "api-versions")


class Root(NamedTuple):
    """A Terraform root as one environment has it; names are relative to the configuration."""

    environment: str
    folder: str
    variables: tuple[tuple[str, str], ...]
    variable_files: tuple[str, ...]
    workspace: str


class Chart(NamedTuple):
    """A chart as one environment renders it."""

    environment: str
    folder: str
    values: tuple[str, ...]
    sets: tuple[str, ...]
    namespace: str | None
    release: str
    kube_version: str
    api_versions: tuple[str, ...]


class Rule(NamedTuple):
    """What holds for some resources: all of them, those of an environment, or those of paths.

    `disabled` maps a control to the reason; later rules go before earlier ones.
    """

    environments: frozenset[str]
    patterns: tuple[str, ...]
    params: Mapping[str, Mapping[str, Any]]
    disabled: Mapping[str, str]


class Config(NamedTuple):
    """A configuration file, read and checked; `folder` is where it lies."""

    folder: Path
    environments: tuple[str, ...]
    roots: tuple[Root, ...]
    charts: tuple[Chart, ...]
    members: tuple[tuple[str, str], ...]  # (path, environment)
    rules: tuple[Rule, ...]
    severities: Mapping[str, str]
    expects: frozenset[str]
    owners: str
    exclude: tuple[str, ...]
    rule_folders: tuple[str, ...]
    exceptions: str
    baseline: str


class Source(NamedTuple):
    """The text of a configuration before it is checked against a catalogue."""

    path: str
    folder: Path
    root: Node
    reader: Reader


def read(path: str, given: bytes | None = None) -> Source:
    """The file, or its reviewed text, as nodes. Raises InputError for what is no configuration."""
    try:
        if given is None and Path(path).stat().st_size > MAX_FILE:
            raise usage(f"{printable(path)} is too large for a configuration")
        text = Path(path).read_text("utf-8") if given is None else given.decode()
    except (OSError, UnicodeDecodeError) as error:
        message = f"the configuration cannot be read: {printable(str(error))}"
        raise usage(message, code="path-not-found") from None
    return Source(path, Path(path).resolve().parent, parse(path, text), Reader(path, text))


def rule_folders(source: Source) -> list[Path]:
    """The folders of controls that it adds, needed before anything else can be checked."""
    names = source.reader.texts(dict(source.root.items()).get("rules"), "`rules`")
    return [source.folder / name for name in names]


def check(source: Source, catalogue: Catalogue) -> Config:
    """The configuration. Raises InputError with every mistake in it."""
    return _Checker(source, catalogue).config()


class _Checker:
    def __init__(self, source: Source, catalogue: Catalogue) -> None:
        self.source = source
        self.reader = Reader(source.reader.file, source.reader.whole.text)
        self.params = {
            control.id: {param.name: param for param in control.params}
            for control in catalogue.controls
        }
        self.expected = {
            check.expects
            for control in catalogue.controls
            for check in control.checks
            if check.expects
        }

    def config(self) -> Config:
        reader, root = self.reader, self.source.root
        entries = reader.mapping(root, KEYS, "a configuration")
        severities = self.severities(entries.get("severities"))
        rules = [self.rule(entries, (), frozenset(), self.shared(entries))]
        roots: list[Root] = []
        charts: list[Chart] = []
        members: list[tuple[str, str]] = []
        named = reader.mapping(entries.get("environments"), (), "`environments`")
        for name, node in named.items():
            inner = reader.mapping(node, ENVIRONMENT, f"the environment `{name}`")
            roots += self.roots(name, inner.get("terraform"))
            charts += self.charts(name, inner)
            members += [(path, name) for path in self.texts(inner, "paths")]
            rules.append(self.rule(inner, (), frozenset({name}), {}))
        for node in self.items(entries.get("paths"), "`paths`"):
            inner = reader.mapping(
                node, ("match", "environments", *JUDGING[:2]), "an entry of paths"
            )
            if "match" not in inner:
                reader.fail("control-missing", "`match` is missing: a path, `**` allowed", node)
            chosen = frozenset(self.known(inner.get("environments"), named, "environment"))
            rules.append(self.rule(inner, self.texts(inner, "match"), chosen, {}))
        expects = self.known(entries.get("expects"), self.expected, "expectation")
        self.twice(roots, members, named)
        reader.done()
        return Config(
            self.source.folder,
            tuple(named),
            tuple(roots),
            tuple(charts),
            tuple(members),
            tuple(rules),
            severities,
            frozenset(expects),
            reader.text(entries, "owners", root, ""),
            self.texts(entries, "exclude"),
            self.texts(entries, "rules"),
            reader.text(entries, "exceptions", root, ""),
            reader.text(entries, "baseline", root, ""),
        )

    # -- inputs ----------------------------------------------------------------------------------

    def roots(self, environment: str, node: Node | None) -> Iterable[Root]:
        for entry in self.items(node, "`terraform`"):
            if isinstance(entry.value, str):
                yield Root(environment, _folder(entry.value), (), (), "default")
                continue
            inner = self.reader.mapping(entry, ROOT, "a Terraform root")
            folder = self.reader.text(inner, "root", entry)
            given = self.reader.mapping(inner.get("vars"), (), "`vars`")
            variables = tuple((name, _written(value.plain())) for name, value in given.items())
            workspace = self.reader.text(inner, "workspace", entry, "default")
            files = self.texts(inner, "var-files")
            yield Root(environment, _folder(folder), variables, files, workspace)

    def charts(self, environment: str, inner: Mapping[str, Node]) -> Iterable[Chart]:
        namespace = inner.get("namespace")
        shared = str(namespace.value) if namespace is not None else None
        for entry in self.items(inner.get("charts"), "`charts`"):
            if isinstance(entry.value, str):
                yield Chart(environment, _folder(entry.value), (), (), shared, "", "", ())
                continue
            fields = self.reader.mapping(entry, CHART, "a chart")
            yield Chart(
                environment,
                _folder(self.reader.text(fields, "chart", entry)),
                self.texts(fields, "values"),
                self.texts(fields, "set"),
                self.reader.text(fields, "namespace", entry, shared or "") or None,
                self.reader.text(fields, "release", entry, ""),
                self.reader.text(fields, "kube-version", entry, ""),
                self.texts(fields, "api-versions"),
            )

    def twice(
        self, roots: list[Root], members: list[tuple[str, str]], named: Mapping[str, Node]
    ) -> None:
        """An environment holds a root once, and a path lies in one environment."""
        seen: dict[tuple[str, str], str] = {}
        for kind, path, environment in [
            *((root.environment, root.folder, root.environment) for root in roots),
            *(("", path, environment) for path, environment in members),
        ]:
            if (kind, path) in seen:
                message = f"`{path}` stands twice, in `{seen[kind, path]}` and `{environment}`"
                self.reader.fail("config-twice", message, named[environment])
            seen[kind, path] = environment

    # -- what judges -----------------------------------------------------------------------------

    def rule(
        self,
        entries: Mapping[str, Node],
        patterns: tuple[str, ...],
        environments: frozenset[str],
        shared: Mapping[str, Mapping[str, Any]],
    ) -> Rule:
        params = {id: dict(values) for id, values in shared.items()}
        given = self.reader.mapping(entries.get("params"), (), "`params`")
        for id, node in given.items():
            if not self.control(id, entries["params"].keys[id]):
                continue
            known = self.params[id]
            for name, value in self.reader.mapping(node, known or ("",), f"`{id}`").items():
                if name in known:
                    params.setdefault(id, {})[name] = self.fitting(known[name], value)
        return Rule(environments, patterns, params, self.disabled(entries.get("disable")))

    def shared(self, entries: Mapping[str, Node]) -> dict[str, dict[str, Any]]:
        """What the project's own lists set: parameters of that name, of every control."""
        values: dict[str, tuple[Any, ...]] = {name: self.texts(entries, name) for name in LISTS}
        tiers = self.reader.mapping(entries.get("tiers"), (), "`tiers`")
        values["tiers"] = tuple(tiers)
        values["paths"] = tuple(
            f"{tier}>{to}" for tier, node in tiers.items() for to in self.known(node, tiers, "tier")
        )
        found: dict[str, dict[str, Any]] = {}
        for id, params in self.params.items():
            for name, given in values.items():
                own = name != "paths" or "tiers" in params
                if given and own and name in params and params[name].type == "list":
                    found.setdefault(id, {})[name] = list(given)
        return found

    def disabled(self, node: Node | None) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in self.items(node, "`disable`"):
            inner = self.reader.mapping(entry, ("control", "reason"), "an entry of disable")
            id = self.reader.text(inner, "control", entry)
            reason = self.reader.text(inner, "reason", entry)
            if id and self.control(id, (inner["control"].line, inner["control"].column)):
                found[id] = reason
        return found

    def severities(self, node: Node | None) -> dict[str, str]:
        found: dict[str, str] = {}
        for id in self.reader.mapping(node, (), "`severities`") if node is not None else ():
            assert node is not None
            if self.control(id, node.keys[id]):
                found[id] = self.reader.one_of(dict(node.items()), id, node, SEVERITIES)
        return found

    # -- pieces ----------------------------------------------------------------------------------

    def control(self, id: str, at: tuple[int, int]) -> bool:
        if id in self.params:
            return True
        from difflib import get_close_matches

        near = get_close_matches(id, self.params, 1)
        help = f"did you mean `{near[0]}`?" if near else "`assay controls list` prints them all"
        self.reader.fail_at("no-control", f"no control `{id}`", at, help)
        return False

    def fitting(self, param: Param, node: Node) -> Any:
        value = node.plain()
        if not fits(param.type, value):
            message = f"`{param.name}` must be a {param.type}"
            self.reader.fail("parameter-type", message, node)
        return float(value) if param.type == "double" and isinstance(value, int) else value

    def known(self, node: Node | None, words: Iterable[str], what: str) -> tuple[str, ...]:
        given = self.reader.texts(node, f"a {what}")
        for name in given:
            if name not in words and node is not None:
                help = f"known: {', '.join(sorted(words)) or 'none'}"
                self.reader.fail("config-unknown", f"no {what} `{name}`", node, help)
        return given

    def items(self, node: Node | None, what: str) -> list[Node]:
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.reader.fail("control-type", f"{what} must be a list", node)
            return []
        return list(node.value)

    def texts(self, entries: Mapping[str, Node], key: str) -> tuple[str, ...]:
        return self.reader.texts(entries.get(key), f"`{key}`")


def _folder(name: str) -> str:
    """A folder's name without what means nothing: `./a/` is `a`."""
    return os.path.normpath(name) if name else ""


def _written(value: Any) -> str:
    """A variable's value as `--var` takes it: text as it is, anything else as JSON."""
    import json

    return value if isinstance(value, str) else json.dumps(value)

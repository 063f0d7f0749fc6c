"""GitLab CI files → one expanded pipeline: includes, `extends`, `!reference`, `default`, variables.

Source: GitLab's CI/CD YAML reference. Jobs come out as GitLab would run them, each with the place
at which it is written. What is included from elsewhere is not here: the pipeline says so under
`included`, and GitLab's own templates are known by the jobs that they add (templates.json).
"""

from __future__ import annotations

import fnmatch
import json
import posixpath
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from assay.engine.model import Path, Place
from assay.engine.pipelines.document import Document, DocumentError, Reference, parse

MAX_EXTENDS = 11  # levels, GitLab's own limit
MAX_REFERENCE = 10
MAX_INCLUDES = 150
# Top-level keys that are no jobs.
GLOBALS = frozenset(
    {
        "default",
        "include",
        "stages",
        "variables",
        "workflow",
        "spec",
        "pages:deploy",
        "image",
        "services",
        "cache",
        "before_script",
        "after_script",
    }
)
# What a job takes from `default:` (or, in the older spelling, from the top level).
INHERITED = (
    "after_script",
    "artifacts",
    "before_script",
    "cache",
    "hooks",
    "id_tokens",
    "image",
    "interruptible",
    "retry",
    "services",
    "tags",
    "timeout",
)
STAGES = (".pre", "build", "test", "deploy", ".post")


class Problem(NamedTuple):
    """Something in the pipeline that GitLab would refuse, or that is not here to be read."""

    code: str
    message: str
    place: Place


class Pipeline(NamedTuple):
    """An expanded pipeline: `values` as controls see them, places by path, problems."""

    values: dict[str, Any]
    places: dict[Path, Place]
    problems: list[Problem]


Open = Callable[[str], str | None]  # the text of a file of the repository, None where there is none


def load(name: str, text: str, open_file: Open, listing: Callable[[], list[str]]) -> Pipeline:
    """The pipeline that begins with a file.

    `open_file` reads a path relative to the repository's root, `listing` gives all paths there
    (for includes with patterns). Raises DocumentError where the first file is no YAML.
    """
    reader = _Reader(name, open_file, listing)
    merged = reader.file(name, text, 0)
    jobs = {key: value for key, value in merged.items() if _is_job(key, value)}
    expander = _Expander(jobs, merged, reader)
    shown: dict[str, Any] = {}
    for job in sorted(jobs, key=lambda key: reader.order.get(key, 0)):
        if not job.startswith("."):
            shown[job] = expander.job(job)
    for job, facts in reader.known_jobs.items():
        shown[job] = {**facts, **_plain(shown.get(job, {}))}
    default = {key: merged[key] for key in INHERITED if key in merged}
    values: dict[str, Any] = {
        "file": name,
        "jobs": shown,
        "stages": _plain(merged.get("stages")) or list(STAGES),
        "variables": _plain(merged.get("variables") or {}),
        "workflow": _plain(merged.get("workflow") or {}),
        "default": _plain({**default, **_mapping(merged.get("default"))}),
        "included": reader.included,
    }
    places = dict(reader.places)
    for job in shown:
        for path, place in list(reader.places.items()):
            if path[:1] == (job,):
                places["jobs", *path] = place
    return Pipeline(values, places, reader.problems + expander.problems)


def _is_job(key: str, value: Any) -> bool:
    return key not in GLOBALS and isinstance(value, dict)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain(value: Any) -> Any:
    """Without null entries; a reference that leads nowhere becomes nothing."""
    if isinstance(value, dict):
        return {
            str(key): _plain(inner)
            for key, inner in value.items()
            if inner is not None and not isinstance(inner, Reference)
        }
    if isinstance(value, list):
        return [_plain(inner) for inner in value if not isinstance(inner, Reference)]
    return value


class _Reader:
    """Follows `include` and merges files as GitLab does: the including file wins."""

    def __init__(self, name: str, open_file: Open, listing: Callable[[], list[str]]) -> None:
        self.folder = posixpath.dirname(name)
        self.open_file = open_file
        self.listing = listing
        self.places: dict[Path, Place] = {}
        self.order: dict[str, int] = {}
        self.included: list[dict[str, Any]] = []
        self.known_jobs: dict[str, dict[str, Any]] = {}
        self.problems: list[Problem] = []
        self.seen = {name}

    def file(self, name: str, text: str, depth: int) -> dict[str, Any]:
        """The merged mapping of a file with all it includes."""
        documents = parse(name, text)
        if len(documents) == 2 and "spec" in _mapping(documents[0].value):
            documents = documents[1:]  # the header of a component with inputs
        document = documents[0] if documents else Document({}, {})
        if not isinstance(document.value, dict):
            raise DocumentError("pipeline-shape", "a pipeline is a mapping", 1, 1)
        merged: dict[str, Any] = {}
        for entry, place in self._entries(document, name):
            merged = deep_merge(merged, self._include(entry, place, depth))
        for path, place in document.places.items():
            self.places[path] = place
        for key in document.value:
            self.order[key] = len(self.order)
        whole: dict[str, Any] = deep_merge(merged, document.value)
        return whole

    def _entries(self, document: Document, name: str) -> Iterator[tuple[Any, Place]]:
        include = document.value.get("include")
        listed = include if isinstance(include, list) else [include] if include else []
        for number, entry in enumerate(listed):
            place = document.places.get(("include", number)) or document.places.get(("include",))
            yield entry, place or Place(name)

    def _include(self, entry: Any, place: Place, depth: int) -> dict[str, Any]:
        if isinstance(entry, str):
            entry = {"remote" if "://" in entry else "local": entry}
        if not isinstance(entry, dict):
            return {}
        if "local" in entry:
            return self._local(str(entry["local"]), place, depth)
        for kind in ("template", "component", "remote", "project"):
            if kind in entry:
                return self._elsewhere(kind, entry, place)
        return {}

    def _local(self, path: str, place: Place, depth: int) -> dict[str, Any]:
        wanted = posixpath.normpath(posixpath.join(self.folder, path.lstrip("/")))
        names = [wanted]
        if "*" in wanted:
            names = [name for name in self.listing() if fnmatch.fnmatchcase(name, wanted)]
        merged: dict[str, Any] = {}
        for name in names:
            text = None if name.startswith("..") else self.open_file(name)
            if text is None or len(self.seen) > MAX_INCLUDES or depth > MAX_INCLUDES:
                message = f"the included file {path} is not here"
                self.problems.append(Problem("pipeline-include", message, place))
                continue
            self.included.append({"kind": "local", "name": name})
            if name in self.seen:
                continue  # GitLab takes a file once
            self.seen.add(name)
            try:
                merged = deep_merge(merged, self.file(name, text, depth + 1))
            except DocumentError as error:
                where = Place(name, error.line, error.column)
                self.problems.append(Problem(error.code, error.message, where))
        return merged

    def _elsewhere(self, kind: str, entry: Mapping[str, Any], place: Place) -> dict[str, Any]:
        name = str(entry[kind])
        found: dict[str, Any] = {"kind": kind, "name": name}
        for key in ("ref", "file", "integrity"):
            if entry.get(key) is not None:
                found[key] = _plain(entry[key])
        jobs = known_jobs(kind, name)
        found["known"] = jobs is not None
        self.included.append(found)
        if jobs is None:
            message = f"the {kind} {name} is not here: its jobs are not known"
            self.problems.append(Problem("pipeline-elsewhere", message, place))
        for job, facts in (jobs or {}).items():
            self.known_jobs[job] = {**facts, "from": name}
            self.places.setdefault((job,), place)
        return {}


class _Expander:
    """Resolves `extends` and `!reference`, and hands down defaults."""

    def __init__(self, jobs: dict[str, Any], merged: dict[str, Any], reader: _Reader) -> None:
        self.jobs = jobs
        self.merged = merged
        self.reader = reader
        self.problems: list[Problem] = []
        self.done: dict[str, dict[str, Any]] = {}

    def job(self, name: str) -> dict[str, Any]:
        """The job as it would run, with `name`."""
        value = self.resolve(self.extended(name, ()), 0, name)
        inherit = _mapping(value.get("inherit"))
        given = {key: self.merged[key] for key in INHERITED if key in self.merged}
        given.update(_mapping(self.merged.get("default")))
        wanted = inherit.get("default", True)
        for key in INHERITED:
            taken = wanted if isinstance(wanted, bool) else key in wanted
            if taken and key in given and key not in value:
                value[key] = self.resolve(given[key], 0, name)
        value.setdefault("stage", "test")
        value["name"] = name
        plain: dict[str, Any] = _plain(value)
        for key in ("image", "services"):
            if key in plain:
                plain[key] = _images(plain[key])
        for key in ("before_script", "script", "after_script"):
            if key in plain:
                plain[key] = list(_lines(plain[key]))
        return plain

    def extended(self, name: str, seen: tuple[str, ...]) -> dict[str, Any]:
        """The job merged over what it extends."""
        if name in self.done:
            return self.done[name]
        own = self.jobs.get(name)
        if own is None:
            self._problem("pipeline-extends", f"`{name}` is extended and not here", seen[-1:])
            return {}
        if name in seen or len(seen) > MAX_EXTENDS:
            self._problem("pipeline-extends", f"`{name}` extends itself, or too deeply", (name,))
            return {}
        bases = own.get("extends") or []
        merged: dict[str, Any] = {}
        for base in bases if isinstance(bases, list) else [bases]:
            merged = deep_merge(merged, self.extended(str(base), (*seen, name)))
        whole: dict[str, Any] = deep_merge(merged, own)
        self.done[name] = whole
        return whole

    def resolve(self, value: Any, depth: int, job: str) -> Any:
        """A value with every reference replaced; a list inside a list is flattened."""
        if isinstance(value, Reference):
            return self._referred(value, depth, job)
        if isinstance(value, dict):
            return {key: self.resolve(inner, depth, job) for key, inner in value.items()}
        if isinstance(value, list):
            found: list[Any] = []
            for inner in value:
                resolved = self.resolve(inner, depth, job)
                flat = isinstance(inner, Reference) and isinstance(resolved, list)
                found.extend(resolved if flat else [resolved])
            return found
        return value

    def _referred(self, reference: Reference, depth: int, job: str) -> Any:
        shown = " ".join(reference.path)
        if depth > MAX_REFERENCE:
            self._problem("pipeline-reference", f"`{shown}` refers too deeply", (job,))
            return None
        value: Any = self.merged
        for number, step in enumerate(reference.path):
            value = value.get(step) if isinstance(value, dict) else None
            if number == 0 and isinstance(value, dict) and step in self.jobs:
                value = self.extended(step, ())
        if value is None:
            self._problem("pipeline-reference", f"`!reference [{shown}]` leads nowhere", (job,))
            return None
        return self.resolve(value, depth + 1, job)

    def _problem(self, code: str, message: str, path: Path) -> None:
        place = self.reader.places.get(path) or Place(self.reader.folder or ".")
        if not any(known.message == message for known in self.problems):
            self.problems.append(Problem(code, message, place))


def deep_merge(base: Any, over: Any) -> Any:
    """Mappings merged key by key, everything else replaced: GitLab's rule for all merging."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    merged = dict(base)
    for key, value in over.items():
        merged[key] = deep_merge(base[key], value) if key in base else value
    return merged


def _images(value: Any) -> Any:
    """Images in their long form, so that controls need to know only one."""
    if isinstance(value, list):
        return [_images(inner) for inner in value]
    return {"name": value} if isinstance(value, str) else value


def _lines(value: Any) -> Iterator[str]:
    """A script as a flat list of texts: GitLab takes one text, and lists in lists, too."""
    if isinstance(value, list):
        for inner in value:
            yield from _lines(inner)
    elif not isinstance(value, dict):
        yield str(value)


@cache
def _templates() -> dict[str, Any]:
    text = resources.files("assay.engine.pipelines").joinpath("templates.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def known_jobs(kind: str, name: str) -> dict[str, Any] | None:
    """The jobs that one of GitLab's templates or components adds; None for one not known."""
    table = _templates()
    if kind == "template":
        sets = table["templates"].get(name)
    elif kind == "component":
        path = name.split("@", 1)[0].partition("/components/")[2] or name.split("@", 1)[0]
        sets = table["components"].get(path)
    else:
        return None
    if sets is None:
        return None
    return {job: dict(table["jobs"][job]) for group in sets for job in table["groups"][group]}

"""The shapes of the catalogue: controls, checks, views and relations, with compiled expressions."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.catalogue.paths import Steps
from assay.engine.cel import Program

# Kinds that are not written in any source but made by the scan, one item or resource at a time.
BUILT_IN_VIEWS = ("workload", "namespace", "job", "literal")
WHOLES = (
    "root",
    "chart",
    "pipeline",
    "estate",
    "atlantis",
    "atlantis-server",
    "keycloak-realm",
    "helm-values",
)
JOINS = ("refers", "referred", "named", "names", "selects", "selected", "within", "owns")
PARAM_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "int": int,
    "bool": bool,
    "double": (int, float),
    "string": str,
    "list": list,
}
SCOPES = ("namespace", "root", "environment", "scan")


class Param(NamedTuple):
    """A threshold of a control: `type` is int, bool, double, string or list."""

    name: str
    type: str
    default: Any
    about: str = ""


class Relation(NamedTuple):
    """How resources of `kinds` are joined to the one that is judged (design, section 2).

    `paths` lie in the related resource for refers, names, selects and owns, in the judged one for
    referred, named and selected; `scope` is for `within`. `on` is the attribute whose equal text
    joins where nothing refers; `of` starts from another relation; `default` is a name used where
    the path is absent.
    """

    name: str
    kinds: tuple[str, ...]
    join: str
    paths: tuple[Steps, ...]
    scope: str = ""
    on: str = ""
    of: str = ""
    default: str = ""


class Message(NamedTuple):
    """Text with CEL in braces: literal parts and programs, in order."""

    parts: tuple[str | Program, ...]
    source: str


class Framework(NamedTuple):
    """Why a control speaks to one requirement of a framework.

    `asks` are (parameter, `min` or `max`, number): a run whose parameter is laxer cannot satisfy
    the requirement.
    """

    framework: str
    requirement: str
    relation: str
    because: str
    asks: tuple[tuple[str, str, float], ...] = ()


class Rules(NamedTuple):
    """What a check evaluates.

    `names` are the CEL variables in the order in which programs take them. `conjuncts` are the
    operands of the assertion's top-level `&&`, each with the paths it reads, to name what failed.
    """

    names: tuple[str, ...]
    when: Program | None
    assertion: Program
    each: tuple[Steps, ...]
    at: tuple[Steps, ...]
    message: Message
    variables: tuple[tuple[str, Program], ...]
    related: tuple[Relation, ...]
    conjuncts: tuple[tuple[Program, tuple[Steps, ...]], ...]
    reads: tuple[Steps, ...]


class Check:
    """How one control is decided for one kind of resource, or for a list of kinds or a view.

    What it evaluates (`rules`, whose fields are the check's too) is unpacked when it is first
    asked for: most scans meet few of the kinds that a catalogue knows.
    """

    __slots__ = ("_kept", "control", "expects", "fix", "id", "kinds", "rules", "sources", "view")

    names: tuple[str, ...]
    when: Program | None
    assertion: Program
    each: tuple[Steps, ...]
    at: tuple[Steps, ...]
    message: Message
    variables: tuple[tuple[str, Program], ...]
    related: tuple[Relation, ...]
    conjuncts: tuple[tuple[Program, tuple[Steps, ...]], ...]
    reads: tuple[Steps, ...]

    def __init__(
        self,
        control: str,
        id: str,
        kinds: tuple[str, ...],
        view: str,
        fix: str,
        sources: frozenset[str],
        expects: str,
        rules: Rules | None,
        kept: bytes = b"",
    ) -> None:
        self.control = control
        self.id = id
        self.kinds = kinds
        self.view = view
        self.fix = fix
        self.sources = sources
        self.expects = expects
        self._kept = kept
        if rules is not None:
            self.rules = rules

    def __getattr__(self, name: str) -> Any:
        if name == "rules" and self._kept:
            self.rules = pickle.loads(self._kept)  # noqa: S301 - from the user's own cache
            return self.rules
        if name in Rules._fields:
            return getattr(self.rules, name)
        raise AttributeError(name)

    def __reduce__(self) -> tuple[Any, ...]:
        head = (self.control, self.id, self.kinds, self.view, self.fix, self.sources, self.expects)
        return Check, (*head, None, self._kept or pickle.dumps(self.rules, protocol=5))


class Control(NamedTuple):
    """One requirement in our own words, with everything that decides and explains it."""

    id: str
    title: str
    severity: str
    domain: str
    why: str
    frameworks: tuple[Framework, ...]
    equivalents: Mapping[str, tuple[str, ...]]
    params: tuple[Param, ...]
    checks: tuple[Check, ...]
    file: str
    line: int
    manual: str = ""  # what a person has to decide, for a control that no check can


class ViewPart(NamedTuple):
    """How a view sees one kind: when it applies, where its items are, and each item's fields."""

    kind: str
    when: Program | None
    each: Steps
    document: Program | None
    item: tuple[tuple[str, Program], ...]


class View(NamedTuple):
    """A shape that several kinds share, as data: `rules/views/*.yaml`."""

    name: str
    parts: Mapping[str, ViewPart]
    fields: tuple[str, ...]
    file: str


class Catalogue(NamedTuple):
    """All controls and views that were loaded; `digest` is SHA-256 over their files."""

    controls: Sequence[Control]
    views: Mapping[str, View]
    digest: str

    def control(self, id: str) -> Control | None:
        """The control with that id."""
        return next((control for control in self.controls if control.id == id), None)


def is_terraform(kind: str) -> bool:
    """Whether the kind is a Terraform type, `data.` included."""
    return "/" not in kind and kind[:1].islower() and kind not in (*BUILT_IN_VIEWS, *WHOLES)


def is_kubernetes(kind: str) -> bool:
    """Whether the kind is `group/version/Kind` or a core `Kind`."""
    return kind.rpartition("/")[2][:1].isupper()


def fits(kind: str, value: Any) -> bool:
    """Whether a value may be given to a parameter of that type."""
    if isinstance(value, bool):
        return kind == "bool"
    return isinstance(value, PARAM_TYPES[kind])

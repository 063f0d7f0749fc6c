"""The words of Assay as types: places, unknowns, resources, findings, coverage, scans.

Shapes only: nothing here reads a file, evaluates an expression or prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

STATUSES = ("pass", "fail", "not_applicable", "unknown", "error", "manual")
QUIET = frozenset({"pass", "not_applicable"})  # statuses of which there is nothing to say
CAUSES = ("apply", "provider", "variable", "data", "module", "render", "relation")
SEVERITIES = ("low", "medium", "high", "critical")
DOMAINS = (
    "network",
    "secret",
    "identity",
    "backup",
    "multi-az",
    "workload",
    "audit",
    "delivery",
)
SOURCES = (
    "terraform",
    "plan",
    "state",
    "manifest",
    "chart",
    "kustomize",
    "cluster",
    "snapshot",
    "pipeline",
)
SOURCE_CONTROL = "assay-source"  # the control whose findings say that a source was not read
UNCHANGED = "unchanged"  # `excepted_by` of what was there before the change that is judged

Path = tuple[str | int, ...]  # ("spec", "containers", 0, "image"); () is the resource itself


class Place(NamedTuple):
    """Where something is written: lines and columns from 1; the end is exclusive, 0 if unknown."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 0
    end_column: int = 0


class Unknown:
    """A value that this evaluation cannot know, with everything that is known of it.

    cause      one of CAUSES
    origin     what it comes from, as a person would name it (`data.aws_ami.linux.id`, `var.cidr`)
    identity   equal identities are equal values; None: not comparable even to itself
    family     two identities of one family are known to differ (elements of one zone list)
    not_null   certainly neither null nor absent
    type       CEL type name where known: string int double bool list map; else None
    prefix, suffix   what a text certainly begins and ends with
    structure  ("json" | "yaml", value) of a text whose meaning is known in part
    least      lower bound of size() of a text, list or map
    refs       Terraform addresses that the value depends on
    """

    __slots__ = (
        "cause",
        "family",
        "identity",
        "least",
        "not_null",
        "origin",
        "prefix",
        "refs",
        "structure",
        "suffix",
        "type",
    )

    def __init__(
        self,
        cause: str,
        origin: str,
        *,
        identity: str | None = None,
        family: str | None = None,
        not_null: bool = False,
        type: str | None = None,
        prefix: str = "",
        suffix: str = "",
        structure: tuple[str, Any] | None = None,
        least: int = 0,
        refs: tuple[str, ...] = (),
    ) -> None:
        self.cause = cause
        self.origin = origin
        self.identity = identity
        self.family = family
        self.not_null = not_null
        self.type = type
        self.prefix = prefix
        self.suffix = suffix
        self.structure = structure
        self.least = least
        self.refs = refs

    def __repr__(self) -> str:
        return f"Unknown({self.cause!r}, {self.origin!r})"

    def __bool__(self) -> bool:
        raise TypeError("an unknown has no truth value")


class Incomplete(list[Any]):
    """A list whose known elements are these and which may hold more: `rest` says why.

    It may satisfy `exists` and `size(x) >= n`, never `all` (design, section 2).
    """

    __slots__ = ("rest",)

    def __init__(self, known: Sequence[Any], rest: Unknown) -> None:
        super().__init__(known)
        self.rest = rest


Locator = Callable[[Path], Place]  # the place of a value, or of its nearest ancestor that has one


class Resource:
    """One thing that checks look at. Known by (source, root, environment, address).

    kind        Terraform type (`data.` before data sources), `group/version/Kind`, or core `Kind`
    values      what controls read: dicts, lists, str, int, float, bool, Unknown; null is dropped
    place       where it is declared
    locate      path → place of that value; finds the nearest ancestor when the value is absent
    sensitive   paths whose values must never be shown
    refs        path → addresses of the resources that the value there refers to, known or not
    namespace   Kubernetes namespace: text, "" for cluster scope, None where it is not known
    relations   same-root key space: Terraform module path, so that equal texts join inside a root
    instances   "unknown" for one resource that stands for a count or for_each not known
    unplaced    not complete, but nothing other than `metadata.namespace` is unknown
    hook        Helm hook or test name, else ""
    calls       addresses of the module calls that lead to it, outermost first
    """

    __slots__ = (
        "address",
        "calls",
        "complete",
        "environment",
        "hook",
        "instances",
        "kind",
        "locate",
        "namespace",
        "place",
        "refs",
        "root",
        "sensitive",
        "source",
        "unplaced",
        "values",
    )

    def __init__(
        self,
        source: str,
        kind: str,
        address: str,
        values: dict[str, Any],
        place: Place,
        *,
        root: str = ".",
        environment: str = "default",
        locate: Locator | None = None,
        sensitive: frozenset[Path] = frozenset(),
        refs: Mapping[Path, tuple[str, ...]] | None = None,
        namespace: str | None = "",
        complete: bool = True,
        unplaced: bool = False,
        instances: str = "",
        hook: str = "",
        calls: tuple[str, ...] = (),
    ) -> None:
        self.source = source
        self.kind = kind
        self.address = address
        self.values = values
        self.place = place
        self.root = root
        self.environment = environment
        self.locate: Locator = locate or (lambda _: place)
        self.sensitive = sensitive
        self.refs: Mapping[Path, tuple[str, ...]] = refs or {}
        self.namespace = namespace
        self.unplaced = unplaced
        self.complete = complete  # False where values hold an Unknown or Incomplete anywhere
        self.instances = instances
        self.hook = hook
        self.calls = calls

    def __repr__(self) -> str:
        return f"Resource({self.source!r}, {self.address!r})"


class Violation(NamedTuple):
    """One reason of a fail: the path inside the resource (text form), what is wrong, where."""

    path: str
    message: str
    place: Place


class Finding(NamedTuple):
    """One control × check × resource with a status: every evaluation is one, passes too."""

    control: str
    check: str
    status: str
    severity: str
    resource: Resource
    cause: str | None = None
    message: str = ""
    violations: tuple[Violation, ...] = ()
    excepted_by: str | None = None
    fix: str = ""


class Coverage(NamedTuple):
    """How far one control reached into one source.

    state is evaluated, not_applicable, denied, unavailable, not_parsed or not_expected; `subject`
    names what was not reached (`v1/Secret in data`, a file, a module) where it is not the whole.
    """

    control: str
    source: str
    state: str
    number: int = 0
    subject: str = ""
    reason: str = ""


class Gap(NamedTuple):
    """Part of the input that was seen and not evaluated.

    kind is file, block, module, root, chart, kustomization, permission, version or duplicate: what
    `--allow KIND:PATTERN` names; those of another kind (owned, bootstrap, list) never block.
    `state` is one of Coverage's states; `blocks` says whether the gate fails for it (a README that
    is no manifest does not).
    """

    kind: str
    subject: str
    state: str
    reason: str
    place: Place | None = None
    blocks: bool = True


class SourceError(NamedTuple):
    """A source, or a part of it, that could not be read: one `assay-source` error finding."""

    source: str
    root: str
    environment: str
    subject: str  # what could not be read: a file, a block's address, a chart
    code: str
    message: str
    place: Place
    help: str = ""


class Loaded(NamedTuple):
    """What a loader gives back: resources in a fixed order, what failed, what was left out."""

    resources: list[Resource]
    errors: list[SourceError]
    gaps: list[Gap]


class Fault(NamedTuple):
    """A fault of the run itself (not of a source), such as a report file that can't be written."""

    code: str
    message: str


class Notice(NamedTuple):
    """Something about the run that people should know and the gate does not stop at.

    code is exception-expired, exception-unused, exception-broad, exception-reference,
    baseline-expired, baseline-unused or changed-since.
    """

    code: str
    subject: str
    message: str
    place: Place | None = None


class Scan(NamedTuple):
    """One run, complete: reports are pure functions of this.

    findings() iterates in catalogue and resource order and may be called more than once;
    `controls` are in catalogue order; `counts` has a number for each status; `at` is the time
    given by `--at`, RFC 3339, else None.
    """

    version: str
    catalogue_digest: str
    controls: Sequence[Any]  # assay.engine.catalogue.Control; reports read its public fields
    findings: Callable[[], Iterator[Finding]]
    counts: Mapping[str, int]
    resources: Sequence[Resource]
    coverage: Sequence[Coverage]
    gaps: Sequence[Gap]
    faults: Sequence[Fault]
    parameters: Mapping[str, Any]
    inputs: Sequence[str]
    at: str | None = None
    notices: Sequence[Notice] = ()
    exceptions: Sequence[Any] = ()  # those in force: assay.engine.exceptions.Acceptance
    owners: Callable[[str], Sequence[str]] | None = None  # report name of a file → its owners

    def notable(self) -> Iterator[Finding]:
        """The findings that are neither pass nor not_applicable, in the same order.

        Whoever makes the findings may have a shorter way to these, a method `notable`.
        """
        owner = getattr(self.findings, "__self__", self.findings)
        short = getattr(owner, "notable", None)
        if short is not None:
            found: Iterator[Finding] = short()
            return found
        return (each for each in self.findings() if each.status not in QUIET)


def path_text(path: Path) -> str:
    """A path as Terraform writes it: `a[0].b["k"]`."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif step.replace("_", "a").replace("-", "a").isalnum() and not step[0].isdigit():
            parts.append(f".{step}" if parts else step)
        else:
            quoted = step.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'["{quoted}"]')
    return "".join(parts)


def value_at(values: Any, path: Path) -> Any:
    """The value at a path, or None where there is none."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(values, list) or step >= len(values):
                return None
            values = values[step]
        elif isinstance(values, dict):
            values = values.get(step)
        else:
            return None
    return values

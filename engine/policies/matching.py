"""Which objects a policy matches: resource rules, selectors and Gatekeeper's match.

Source: the meaning of MatchResources in admissionregistration.k8s.io/v1, and of `match` in
Gatekeeper's documentation. A scan asks as if every object were created now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from assay.engine.admission import targets
from assay.engine.judge import selectors
from assay.engine.model import Resource, Unknown

NAMESPACE = "kubernetes.io/metadata.name"
Match = Callable[["Asked"], "bool | Unknown"]


# What no policy is ever asked about, lest it lock everybody out.
NEVER = frozenset({"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"})


class Asked(NamedTuple):
    """One object as a request would bring it.

    `namespace` is the Namespace object's values, made up where the scan has none; `labels` are
    its labels, where a label that is not known is an Unknown.
    """

    resource: Resource
    object: Any
    old: Any
    operation: str
    group: str
    version: str
    kind: str
    plural: str
    name: str
    place: str  # the name of its namespace, "" for none
    namespace: Any
    labels: Any
    request: dict[str, Any]
    complete: bool
    placed: bool  # whether its namespace's labels are known
    sizes: list[tuple[int, int]]  # of its longest list and text, once they were asked for
    known: dict[int, Any]  # variables that several policies define alike


class Matcher(NamedTuple):
    """Both parts of a match: what the kind of an object decides, and what only the object can.

    `kinds` is asked once for all objects of one kind, operation and scope; `rest` is None where
    there is nothing more to ask.
    """

    kinds: Callable[[Asked], bool]
    rest: Match | None


class Labels(dict[str, Any]):
    """The labels of a Namespace that the scan does not hold: all but its name are unknown."""

    __slots__ = ("_name",)

    def __init__(self, name: Any) -> None:
        super().__init__({NAMESPACE: name})
        self._name = name

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - as a dict has it
        """The label, or an Unknown."""
        if key in self:
            return self[key]
        return Unknown("relation", f"the labels of the namespace {self._name}")


def rules(spec: Mapping[str, Any]) -> Matcher:
    """The match of `matchConstraints` or `matchResources`."""
    included = [(_rule(each, spec), _names(each)) for each in _list(spec, "resourceRules")]
    excluded = [(_rule(each, spec), _names(each)) for each in _list(spec, "excludeResourceRules")]
    bare = "resourceRules" not in spec
    namespaces, labels = spec.get("namespaceSelector"), spec.get("objectSelector")
    named = any(names for _, names in (*included, *excluded))

    def kinds(asked: Asked) -> bool:
        if not bare and not any(rule(asked) for rule, _ in included):
            return False
        return not any(rule(asked) for rule, names in excluded if not names)

    def rest(asked: Asked) -> bool | Unknown:
        if named and not _by_name(asked):
            return False
        verdicts = (_in_namespace(namespaces, asked), _labelled(labels, asked))
        if False in verdicts:
            return False
        return next((each for each in verdicts if isinstance(each, Unknown)), True)

    def _by_name(asked: Asked) -> bool:
        def fits(rule: Callable[[Asked], bool], names: frozenset[str]) -> bool:
            return rule(asked) and (not names or asked.name in names)

        wanted = bare or any(fits(rule, names) for rule, names in included)
        return wanted and not any(fits(rule, names) for rule, names in excluded)

    return Matcher(kinds, rest if named or namespaces or labels else None)


def creates(spec: Mapping[str, Any]) -> bool:
    """Whether a policy is asked about creations at all."""
    operations = {
        operation
        for rule in _list(spec, "resourceRules")
        for operation in rule.get("operations") or ()
    }
    return bool(operations & {"CREATE", "*"}) or "resourceRules" not in spec


def _rule(rule: Mapping[str, Any], spec: Mapping[str, Any]) -> Callable[[Asked], bool]:
    groups = frozenset(rule.get("apiGroups") or ())
    versions = frozenset(rule.get("apiVersions") or ())
    resources = frozenset(rule.get("resources") or ())
    operations = frozenset(rule.get("operations") or ())
    scope = rule.get("scope") or "*"
    exact = spec.get("matchPolicy") == "Exact"

    def match(asked: Asked) -> bool:
        if "*" not in groups and asked.group not in groups:
            return False
        if exact and "*" not in versions and asked.version not in versions:
            return False
        if not resources & {"*", "*/*", asked.plural}:
            return False
        if "*" not in operations and asked.operation not in operations:
            return False
        return scope == "*" or (scope == "Namespaced") == bool(asked.place)

    return match


def _names(rule: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(rule.get("resourceNames") or ())


def _in_namespace(selector: Any, asked: Asked) -> bool | Unknown:
    """Cluster-wide objects other than Namespaces are always in."""
    if not selector or (not asked.place and asked.kind != "Namespace"):
        return True
    return selectors.matches(selector, asked.labels)


def _labelled(selector: Any, asked: Asked) -> bool | Unknown:
    if not selector:
        return True
    verdicts = [selectors.matches(selector, labels_of(each)) for each in _both(asked)]
    if True in verdicts:
        return True
    return next((each for each in verdicts if isinstance(each, Unknown)), False)


def _both(asked: Asked) -> Iterable[Any]:
    return [each for each in (asked.object, asked.old) if isinstance(each, dict)]


def labels_of(object: Any) -> Any:
    """The labels of an object itself."""
    metadata = object.get("metadata") if isinstance(object, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return {} if labels is None else labels


def selects(selector: Any, labels: Any) -> bool:
    """Whether a label selector certainly selects these labels."""
    return selectors.matches(selector, labels or {}) is True


def plural(group: str, kind: str) -> str:
    """The resource of a kind; of an unknown custom one what its CRD would most likely say."""
    return targets.plural_of(group, kind) or targets.plural_of("", kind) or kind.lower()


def gatekeeper(spec: Mapping[str, Any]) -> Matcher:
    """The match of a Constraint."""
    kinds = _list(spec, "kinds")
    namespaces = tuple(map(str, spec.get("namespaces") or ()))
    excluded = tuple(map(str, spec.get("excludedNamespaces") or ()))
    scope, name = spec.get("scope") or "*", spec.get("name")

    def by_kind(asked: Asked) -> bool:
        if kinds and not any(_kind(each, asked) for each in kinds):
            return False
        return scope == "*" or (scope == "Namespaced") == bool(asked.place)

    def rest(asked: Asked) -> bool | Unknown:
        if name and not glob(str(name), asked.name):
            return False
        # A Namespace is in the namespace that it is.
        where = asked.place or (asked.name if asked.kind == "Namespace" else "")
        if where and any(glob(each, where) for each in excluded):
            return False
        if namespaces and (not where or not any(glob(each, where) for each in namespaces)):
            return not where and asked.kind != "Namespace"
        verdicts = (
            _in_namespace(spec.get("namespaceSelector"), asked),
            _labelled(spec.get("labelSelector"), asked),
        )
        if False in verdicts:
            return False
        return next((each for each in verdicts if isinstance(each, Unknown)), True)

    return Matcher(by_kind, rest)


def _kind(entry: Mapping[str, Any], asked: Asked) -> bool:
    groups, kinds = entry.get("apiGroups") or ["*"], entry.get("kinds") or ["*"]
    return ("*" in groups or asked.group in groups) and ("*" in kinds or asked.kind in kinds)


def glob(pattern: str, name: str) -> bool:
    """A name with a star before or behind it."""
    if pattern.startswith("*") and pattern.endswith("*") and len(pattern) > 1:
        return pattern[1:-1] in name
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name.endswith(pattern[1:]) if pattern.startswith("*") else name == pattern


def _list(spec: Mapping[str, Any], key: str) -> list[Any]:
    held = spec.get(key)
    return [each for each in held if isinstance(each, dict)] if isinstance(held, list) else []

"""The roles and bindings that every API server makes for itself: known, and not judged as found.

They are nobody's decision, and whoever changes one finds it put back at the next start. One is set
aside by name only as long as it allows no more than the server's own does; one that allows more is
judged like any other. Relations lead to them all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.engine.judge import facts
from assay.engine.model import Gap, Resource

REASON = "made by Kubernetes itself, and allows no more than in Kubernetes"
LABEL = "kubernetes.io/bootstrapping"
UPDATED = "rbac.authorization.kubernetes.io/autoupdate"
_GROUP = "rbac.authorization.k8s.io/v1/"
_LIVE = ("cluster", "snapshot")  # a manifest that names one is somebody's decision
_EVERY = ("*",)


def aside(resources: Iterable[Resource]) -> dict[int, Gap]:
    """By id: the resources that are not judged, each with the gap that says so."""
    return {
        id(resource): Gap(
            "bootstrap",
            resource.address,
            "not_applicable",
            f"{REASON} {facts.version()}",
            resource.place,
            blocks=False,
        )
        for resource in resources
        if resource.source in _LIVE and resource.kind.startswith(_GROUP) and _own(resource)
    }


def _own(resource: Resource) -> bool:
    values = resource.values
    metadata = values.get("metadata") or {}
    if (metadata.get("labels") or {}).get(LABEL) != "rbac-defaults":
        return False
    if (metadata.get("annotations") or {}).get(UPDATED) == "false":
        return False
    kind, name = resource.kind.removeprefix(_GROUP), str(metadata.get("name"))
    default = facts.built_in(kind, resource.namespace or "", name)
    if default is None:
        return False
    if kind.endswith("Binding"):
        known = [_subject(subject) for subject in default["subjects"]]
        subjects = [_subject(subject) for subject in values.get("subjects") or ()]
        same = values.get("roleRef") == default["roleRef"]
        return same and all(subject in known for subject in subjects)
    rules = values.get("rules") or ()
    return rules == default or all(_covered(rule, default) for rule in rules)


def _subject(subject: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(subject.get(field) for field in ("kind", "namespace", "name"))


def _covered(rule: Mapping[str, Any], defaults: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each single thing that a rule allows is allowed by some rule of the defaults."""
    verbs = rule.get("verbs") or ()
    names: Sequence[Any] = rule.get("resourceNames") or (None,)
    return all(
        any(_has(each, "nonResourceURLs", url) and _has(each, "verbs", verb) for each in defaults)
        for url in rule.get("nonResourceURLs") or ()
        for verb in verbs
    ) and all(
        any(_allows(each, (group, resource, name, verb)) for each in defaults)
        for group in rule.get("apiGroups") or ()
        for resource in rule.get("resources") or ()
        for name in names
        for verb in verbs
    )


def _allows(rule: Mapping[str, Any], wanted: tuple[Any, ...]) -> bool:
    group, resource, name, verb = wanted
    named = rule.get("resourceNames")
    return (
        _has(rule, "apiGroups", group)
        and _has(rule, "resources", resource)
        and _has(rule, "verbs", verb)
        and (not named or name in named)
    )


def _has(rule: Mapping[str, Any], field: str, wanted: Any) -> bool:
    held = rule.get(field) or ()
    return wanted in held or any(every in held for every in _EVERY)

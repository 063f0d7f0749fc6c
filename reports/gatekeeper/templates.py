"""Checks → Gatekeeper's ConstraintTemplates with a Constraint each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.engine.admission import names
from assay.engine.admission.convert import Policy
from assay.engine.admission.rego import Audit
from assay.engine.admission.rewriting import literal
from assay.engine.admission.targets import Target
from assay.engine.catalogue.controls import Param
from assay.reports.gatekeeper import settings as marks
from assay.reports.gatekeeper.settings import Settings

SUBJECT = "variables.anyObject"
TARGET = "admission.k8s.gatekeeper.sh"
# A Pod can change for the worse in its ephemeral containers alone, which have a resource of their
# own; and what is being deleted must get rid of its finalizers.
NOT_DELETED = {
    "name": "not-being-deleted",
    "expression": "object == null || !has(object.metadata.deletionTimestamp)",
}
NO_POD_UPDATE = {
    "name": "no-update-of-a-pod",
    "expression": 'object == null || object.kind != "Pod" || !has(request.operation) || '
    'request.operation != "UPDATE" || '
    '(has(request.subResource) && request.subResource == "ephemeralcontainers")',
}
AUDIT_POINTS = ("audit.gatekeeper.sh", "gator.gatekeeper.sh")
TYPES: Mapping[str, Mapping[str, Any]] = {
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "list": {"type": "array", "items": {"type": "string"}},
}


def template(found: Policy, settings: Settings) -> dict[str, Any]:
    """The ConstraintTemplate of a check, in CEL."""
    values = settings.params[found.control.id]
    variables = [
        {"name": name, "expression": _param(param, values[param.name])}
        for name, param in found.params
    ]
    variables += [{"name": each.name, "expression": each.expression} for each in found.variables]
    conditions = [NOT_DELETED]
    if any(each.kind == "Pod" for each in found.targets):
        conditions.append(NO_POD_UPDATE)
    source: dict[str, Any] = {
        "failurePolicy": settings.failure_policy,
        "matchConditions": conditions,
    }
    if variables:
        source["variables"] = variables
    source["validations"] = [
        {
            "expression": found.expression,
            "message": found.message,
            "messageExpression": found.message_expression,
        }
    ]
    params = [param for _, param in found.params]
    code = {"engine": "K8sNativeValidation", "source": source}
    return _template(found, params, code, settings, {})


def audit_template(found: Audit, settings: Settings) -> dict[str, Any]:
    """The ConstraintTemplate of a check that joins objects, in Rego."""
    params = [param for param in found.control.params if param.name in found.params]
    needed = [
        {"groups": [group], "versions": [version], "kinds": [kind]}
        for group, version, kind in found.synced
    ]
    data = {"metadata.gatekeeper.sh/requires-sync-data": json.dumps([[each] for each in needed])}
    code = {"engine": "Rego", "source": {"version": "v1", "rego": found.rego}}
    return _template(found, params, code, settings, data)


def _template(
    found: Policy | Audit,
    params: Sequence[Param],
    code: dict[str, Any],
    settings: Settings,
    annotations: Mapping[str, str],
) -> dict[str, Any]:
    kind = names.template_kind(found.name)
    schema: dict[str, Any] = {"type": "object"}
    if params:
        schema["properties"] = {param.name: _schema(param) for param in params}
    spec = {
        "crd": {"spec": {"names": {"kind": kind}, "validation": {"openAPIV3Schema": schema}}},
        "targets": [{"target": TARGET, "code": [code]}],
    }
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": marks.metadata(
            kind.lower(),
            found.control,
            found.check,
            spec,
            settings,
            **{"description": found.control.title, **annotations},
        ),
        "spec": spec,
    }


def constraint(
    found: Policy | Audit, settings: Settings, params: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The Constraint of a check, with its parameters; one that joins objects is for audits only."""
    values = params or settings.params[found.control.id]
    spec: dict[str, Any] = {"enforcementAction": settings.enforcement}
    if isinstance(found, Audit):
        points = [{"name": name} for name in AUDIT_POINTS]
        spec = {
            "enforcementAction": "scoped",
            "scopedEnforcementActions": [
                {"action": settings.enforcement, "enforcementPoints": points}
            ],
        }
    targets = found.targets
    if settings.expansion and any(each.template is not None for each in targets):
        targets = tuple(each for each in targets if each.kind == "Pod") or targets
    match: dict[str, Any] = {"kinds": list(matched(targets))}
    if settings.excluded_namespaces:
        match["excludedNamespaces"] = list(settings.excluded_namespaces)
    spec["match"] = match
    given = (
        found.params if isinstance(found, Audit) else tuple(param.name for _, param in found.params)
    )
    if given:
        spec["parameters"] = {name: values[name] for name in given}
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": names.template_kind(found.name),
        "metadata": marks.metadata(found.name, found.control, found.check, spec, settings),
        "spec": spec,
    }


def matched(targets: Iterable[Target]) -> Iterable[dict[str, Any]]:
    """The kinds of a Constraint, by group."""
    grouped: dict[str, list[str]] = {}
    for each in targets:
        grouped.setdefault(each.group, []).append(each.name)
    for group, kinds in grouped.items():
        yield {"apiGroups": [group], "kinds": kinds}


def syncset(audits: Sequence[Audit]) -> dict[str, Any]:
    """What Gatekeeper must keep at hand for the rules that join objects."""
    gvks = sorted({each for audit in audits for each in audit.synced})
    return {
        "apiVersion": "syncset.gatekeeper.sh/v1alpha1",
        "kind": "SyncSet",
        "metadata": {"name": "assay", "labels": {marks.MANAGER: "assay"}},
        "spec": {
            "gvks": [
                {"group": group, "version": version, "kind": kind} for group, version, kind in gvks
            ]
        },
    }


def expansions() -> list[dict[str, Any]]:
    """ExpansionTemplates: the pods that controllers would make, judged as pods."""
    return [
        _expansion("assay-apps", ["apps"], APPS, "spec.template"),
        _expansion("assay-jobs", ["batch"], ["Job"], "spec.template"),
        _expansion("assay-cron-jobs", ["batch"], ["CronJob"], "spec.jobTemplate.spec.template"),
        _expansion("assay-controllers", [""], ["ReplicationController"], "spec.template"),
    ]


APPS = ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]


def _expansion(name: str, groups: list[str], kinds: list[str], source: str) -> dict[str, Any]:
    return {
        "apiVersion": "expansion.gatekeeper.sh/v1beta1",
        "kind": "ExpansionTemplate",
        "metadata": {"name": name, "labels": {marks.MANAGER: "assay"}},
        "spec": {
            "applyTo": [{"groups": groups, "kinds": kinds, "versions": ["v1"]}],
            "templateSource": source,
            "generatedGVK": {"kind": "Pod", "group": "", "version": "v1"},
        },
    }


def _schema(param: Param) -> dict[str, Any]:
    about = {"description": param.about} if param.about else {}
    return {**TYPES[param.type], **about}


def _param(param: Param, value: Any) -> str:
    """A parameter of the Constraint, or its default where that has none."""
    default = literal(value)
    held = f"variables.params.?{param.name}.orValue({default})"
    return f"variables.params == null ? {default} : {held}"

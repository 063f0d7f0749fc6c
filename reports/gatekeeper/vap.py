"""Checks → ValidatingAdmissionPolicies with their bindings and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assay.engine.admission.convert import Policy
from assay.engine.admission.rewriting import literal, quoted
from assay.engine.admission.targets import Target
from assay.engine.catalogue.controls import Param
from assay.reports.gatekeeper import settings as marks
from assay.reports.gatekeeper.settings import Settings

API = "admissionregistration.k8s.io/v1"
SINCE = (1, 30)  # the first Kubernetes that serves it
NOT_DELETED = {
    "name": "not-being-deleted",
    "expression": "!has(object.metadata.deletionTimestamp)",
}
CRD_TYPES: Mapping[str, Mapping[str, Any]] = {
    "int": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "list": {"type": "array", "items": {"type": "string"}},
}


def policy(found: Policy, settings: Settings) -> dict[str, Any]:
    """The ValidatingAdmissionPolicy of a check."""
    values = settings.params[found.control.id]
    variables = [
        {"name": name, "expression": _param(param, values[param.name], settings)}
        for name, param in found.params
    ]
    variables += [{"name": each.name, "expression": each.expression} for each in found.variables]
    spec: dict[str, Any] = {"failurePolicy": settings.failure_policy}
    if found.params and settings.param_kind != "none":
        spec["paramKind"] = _param_kind(settings)
    spec["matchConstraints"] = {
        "matchPolicy": "Equivalent",
        "resourceRules": list(rules(found.targets, found.containers)),
    }
    spec["matchConditions"] = [NOT_DELETED]
    if variables:
        spec["variables"] = variables
    spec["validations"] = [
        {
            "expression": found.expression,
            "message": found.message,
            "messageExpression": found.message_expression,
            "reason": "Forbidden",
        }
    ]
    failed = f"{quoted(f'{found.control.id}: ')} + {found.message_expression}"
    spec["auditAnnotations"] = [
        {"key": "violation", "valueExpression": f'({found.expression}) ? "" : {failed}'}
    ]
    needs = ".".join(map(str, max(found.kube_version, SINCE)))
    return {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": marks.metadata(
            found.name, found.control, found.check, spec, settings, **{marks.KUBE_VERSION: needs}
        ),
        "spec": spec,
    }


def binding(found: Policy, settings: Settings) -> dict[str, Any]:
    """The binding that puts a policy into force."""
    spec: dict[str, Any] = {
        "policyName": found.name,
        "validationActions": list(settings.validation_actions),
    }
    if found.params and settings.param_kind != "none":
        where = {"namespace": settings.param_namespace} if settings.param_kind != "crd" else {}
        spec["paramRef"] = {"name": found.name, **where, "parameterNotFoundAction": "Deny"}
    if settings.excluded_namespaces:
        excluded = {
            "key": "kubernetes.io/metadata.name",
            "operator": "NotIn",
            "values": list(settings.excluded_namespaces),
        }
        spec["matchResources"] = {"namespaceSelector": {"matchExpressions": [excluded]}}
    return {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": marks.metadata(found.name, found.control, found.check, spec, settings),
        "spec": spec,
    }


def parameters(found: Policy, settings: Settings) -> dict[str, Any] | None:
    """The object that holds a policy's parameters; None where it needs none."""
    if not found.params or settings.param_kind == "none":
        return None
    given = settings.params[found.control.id]
    values = {param.name: given[param.name] for _, param in found.params}
    if settings.param_kind == "crd":
        held = marks.metadata(found.name, found.control, found.check, values, settings)
        return {**_param_kind(settings), "metadata": held, "spec": values}
    texts = {name: _as_text(value) for name, value in values.items()}
    held = marks.metadata(found.name, found.control, found.check, texts, settings)
    held = {"name": held.pop("name"), "namespace": settings.param_namespace, **held}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held, "data": texts}


def definition(policies: Iterable[Policy]) -> dict[str, Any]:
    """The CustomResourceDefinition of parameters: every parameter of every policy, by its type."""
    properties: dict[str, Any] = {}
    for found in policies:
        for _, param in found.params:
            known = properties.setdefault(param.name, dict(CRD_TYPES[param.type]))
            if known != CRD_TYPES[param.type]:
                properties[param.name] = {"x-kubernetes-preserve-unknown-fields": True}
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": dict(sorted(properties.items()))}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"controlparameters.{marks.PARAM_GROUP}",
            "labels": {marks.MANAGER: "assay"},
        },
        "spec": {
            "group": marks.PARAM_GROUP,
            "names": {
                "kind": "ControlParameters",
                "listKind": "ControlParametersList",
                "plural": "controlparameters",
                "singular": "controlparameters",
            },
            "scope": "Cluster",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def rules(targets: Iterable[Target], containers: bool) -> Iterable[dict[str, Any]]:
    """What a policy matches, no more than its check reads.

    Pods only when they are made: nothing else of them can change for the worse but ephemeral
    containers, which have a resource of their own, and a finalizer must stay removable.
    """
    grouped: dict[tuple[str, str], list[str]] = {}
    for each in targets:
        if each.kind != "Pod":
            grouped.setdefault((each.group, each.version), []).append(each.plural)
            continue
        yield _rule("", "v1", ["CREATE"], ["pods"])
        if containers:
            yield _rule("", "v1", ["UPDATE"], ["pods/ephemeralcontainers"])
    for (group, version), plurals in grouped.items():
        yield _rule(group, version, ["CREATE", "UPDATE"], plurals)


def _rule(group: str, version: str, operations: list[str], resources: list[str]) -> dict[str, Any]:
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": operations,
        "resources": resources,
    }


def _param_kind(settings: Settings) -> dict[str, Any]:
    if settings.param_kind == "crd":
        return {"apiVersion": f"{marks.PARAM_GROUP}/v1", "kind": "ControlParameters"}
    return {"apiVersion": "v1", "kind": "ConfigMap"}


def _param(param: Param, value: Any, settings: Settings) -> str:
    """A parameter's value; a ConfigMap holds texts, a list as its lines."""
    default = literal(value)
    if settings.param_kind == "none":
        return default
    if settings.param_kind == "crd":
        held = f"params.?spec.?{param.name}.orValue({default})"
        return f"params == null ? {default} : {held}"
    field = f"params.data[{quoted(param.name)}]"
    read = {
        "int": f"int({field})",
        "bool": f'{field} == "true"',
        "double": f"double({field})",
        "string": field,
        "list": f'{field}.split("\\n").filter(line, line != "")',
    }[param.type]
    there = f"params != null && has(params.data) && {quoted(param.name)} in params.data"
    return f"{there} ? {read} : {default}"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)

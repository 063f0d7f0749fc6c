"""The resources of a scan as requests: each made once, for all policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.engine.admission.targets import split
from assay.engine.catalogue.controls import is_kubernetes
from assay.engine.judge.relations import scope_of
from assay.engine.model import Resource, Unknown
from assay.engine.policies import matching
from assay.engine.policies.matching import Asked, Labels

REVIEW = "AdmissionReview"
USER = Unknown("variable", "request.userInfo", not_null=True)
OPTIONS = Unknown("variable", "request.options")


def asked(resources: Sequence[Resource]) -> list[Asked]:
    """A request for every Kubernetes object; an AdmissionReview is the request that it holds."""
    namespaces = {
        (scope_of(each), each.values.get("metadata", {}).get("name")): each.values
        for each in resources
        if each.kind == "Namespace"
    }
    found = []
    for resource in resources:
        if not is_kubernetes(resource.kind) or resource.kind == "namespace":
            continue
        if "apiVersion" not in resource.values:
            continue
        if resource.kind.endswith(f"/{REVIEW}"):
            review = resource.values.get("request")
            if isinstance(review, dict):
                found.append(_reviewed(resource, review, namespaces))
            continue
        found.append(_created(resource, namespaces))
    return found


def _created(resource: Resource, namespaces: Mapping[Any, Any]) -> Asked:
    group, version, kind = split(resource.kind)
    metadata = resource.values.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return _asked(
        resource, resource.values, None, "CREATE", (group, version, kind), name, namespaces, {}
    )


def _reviewed(
    resource: Resource, review: Mapping[str, Any], namespaces: Mapping[Any, Any]
) -> Asked:
    given = review.get("object")
    old = review.get("oldObject")
    held = given if isinstance(given, dict) else old if isinstance(old, dict) else {}
    version = str(held.get("apiVersion", ""))
    group, _, version = version.rpartition("/")
    kind = str(held.get("kind", ""))
    said = review.get("kind")
    if isinstance(said, dict):
        group, version = str(said.get("group", "")), str(said.get("version", ""))
        kind = str(said.get("kind", kind))
    name = review.get("name") or (held.get("metadata") or {}).get("name")
    operation = str(review.get("operation") or "CREATE")
    return _asked(
        resource, given, old, operation, (group, version, kind), name, namespaces, dict(review)
    )


def _asked(
    resource: Resource,
    given: Any,
    old: Any,
    operation: str,
    named: tuple[str, str, str],
    name: Any,
    namespaces: Mapping[Any, Any],
    review: dict[str, Any],
) -> Asked:
    group, version, kind = named
    plural = matching.plural(group, kind)
    place = review.get("namespace", resource.namespace if not review else "")
    known = place if isinstance(place, str) else ""
    namespace, labels, placed = _namespace(resource, given, kind, place, name, namespaces)
    gvk = {"group": group, "version": version, "kind": kind}
    gvr = {"group": group, "version": version, "resource": plural}
    request = {
        "kind": gvk,
        "resource": gvr,
        "subResource": "",
        "requestKind": gvk,
        "requestResource": gvr,
        "requestSubResource": "",
        "name": name if isinstance(name, (str, Unknown)) else "",
        "namespace": place if place is not None else _unknown_namespace(resource),
        "operation": operation,
        "userInfo": USER,
        "dryRun": False,
        "options": OPTIONS,
    }
    if review:
        request |= {key: review[key] for key in request.keys() & review.keys()}
    return Asked(
        resource,
        given,
        old,
        operation,
        group,
        version,
        kind,
        plural,
        name if isinstance(name, str) else "",
        known or ("?" if place is None else ""),
        namespace,
        labels,
        request,
        resource.complete and place is not None,
        placed,
        [],
        {},
    )


def _namespace(
    resource: Resource,
    given: Any,
    kind: str,
    place: Any,
    name: Any,
    namespaces: Mapping[Any, Any],
) -> tuple[Any, Any, bool]:
    """The Namespace that an object is in, its labels, and whether they are known."""
    if kind == "Namespace":
        held = matching.labels_of(given)
        return given, {matching.NAMESPACE: name, **held} if isinstance(held, dict) else held, True
    if not place:
        return None, {} if place == "" else Labels(_unknown_namespace(resource)), place == ""
    found = namespaces.get((scope_of(resource), place))
    if found is None:
        labels = Labels(place)
        metadata = {"name": place, "labels": Unknown("relation", f"the labels of {place}")}
        return {"metadata": metadata}, labels, False
    return found, {matching.NAMESPACE: place, **(matching.labels_of(found) or {})}, True


def _unknown_namespace(resource: Resource) -> Any:
    metadata = resource.values.get("metadata")
    held = metadata.get("namespace") if isinstance(metadata, dict) else None
    return held if held is not None else Unknown("variable", "metadata.namespace")

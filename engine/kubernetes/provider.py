"""Terraform's `kubernetes_*` resources → the Kubernetes objects that they declare. Pure.

The provider writes an object's fields in snake_case, single maps as blocks, and lists of maps as
repeated blocks in the singular. Source: the schema of hashicorp/kubernetes 2.x, beside the API's
own field names. What a resource says beyond the object (`wait_for_rollout`, `timeouts`) is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.engine.kubernetes import kinds, objects
from assay.engine.kubernetes.objects import Origin
from assay.engine.model import Gap, Loaded, Locator, Path, Place, Resource, Unknown

MANIFEST = "kubernetes_manifest"
SOURCES = frozenset({"terraform", "plan", "state"})
_RBAC = "rbac.authorization.k8s.io/v1"
_HOOKS = "admissionregistration.k8s.io/v1"
# The type without `kubernetes_` and without `_v1`: both generations declare the same object.
_KINDS = {
    "api_service": ("apiregistration.k8s.io/v1", "APIService"),
    "cluster_role": (_RBAC, "ClusterRole"),
    "cluster_role_binding": (_RBAC, "ClusterRoleBinding"),
    "config_map": ("v1", "ConfigMap"),
    "cron_job": ("batch/v1", "CronJob"),
    "csi_driver": ("storage.k8s.io/v1", "CSIDriver"),
    "daemon_set": ("apps/v1", "DaemonSet"),
    "daemonset": ("apps/v1", "DaemonSet"),
    "default_service_account": ("v1", "ServiceAccount"),
    "deployment": ("apps/v1", "Deployment"),
    "endpoints": ("v1", "Endpoints"),
    "horizontal_pod_autoscaler": ("autoscaling/v1", "HorizontalPodAutoscaler"),
    "horizontal_pod_autoscaler_v2": ("autoscaling/v2", "HorizontalPodAutoscaler"),
    "ingress_class": ("networking.k8s.io/v1", "IngressClass"),
    "job": ("batch/v1", "Job"),
    "limit_range": ("v1", "LimitRange"),
    "mutating_webhook_configuration": (_HOOKS, "MutatingWebhookConfiguration"),
    "namespace": ("v1", "Namespace"),
    "network_policy": ("networking.k8s.io/v1", "NetworkPolicy"),
    "persistent_volume": ("v1", "PersistentVolume"),
    "persistent_volume_claim": ("v1", "PersistentVolumeClaim"),
    "pod": ("v1", "Pod"),
    "pod_disruption_budget": ("policy/v1", "PodDisruptionBudget"),
    "priority_class": ("scheduling.k8s.io/v1", "PriorityClass"),
    "replication_controller": ("v1", "ReplicationController"),
    "resource_quota": ("v1", "ResourceQuota"),
    "role": (_RBAC, "Role"),
    "role_binding": (_RBAC, "RoleBinding"),
    "runtime_class": ("node.k8s.io/v1", "RuntimeClass"),
    "secret": ("v1", "Secret"),
    "service": ("v1", "Service"),
    "service_account": ("v1", "ServiceAccount"),
    "stateful_set": ("apps/v1", "StatefulSet"),
    "storage_class": ("storage.k8s.io/v1", "StorageClass"),
    "validating_webhook_configuration": (_HOOKS, "ValidatingWebhookConfiguration"),
}
# Types whose generations declare different objects, and those that declare none of their own.
_EXACT = {
    "kubernetes_ingress": ("extensions/v1beta1", "Ingress"),
    "kubernetes_ingress_v1": ("networking.k8s.io/v1", "Ingress"),
}
# Blocks that stand for lists: the provider's name → the API's.
_LISTS = {
    "allowed_topologies": "allowedTopologies",
    "container": "containers",
    "egress": "egress",
    "env": "env",
    "env_from": "envFrom",
    "from": "from",
    "host_aliases": "hostAliases",
    "http_header": "httpHeaders",
    "image_pull_secret": "imagePullSecrets",
    "image_pull_secrets": "imagePullSecrets",
    "ingress": "ingress",
    "init_container": "initContainers",
    "items": "items",
    "limit": "limits",
    "match_expressions": "matchExpressions",
    "match_fields": "matchFields",
    "metric": "metrics",
    "node_selector_term": "nodeSelectorTerms",
    "option": "options",
    "path": "paths",
    "policy": "policies",
    "port": "ports",
    "ports": "ports",
    "preferred_during_scheduling_ignored_during_execution": (
        "preferredDuringSchedulingIgnoredDuringExecution"
    ),
    "readiness_gate": "readinessGates",
    "required_during_scheduling_ignored_during_execution": (
        "requiredDuringSchedulingIgnoredDuringExecution"
    ),
    "rule": "rules",
    "sources": "sources",
    "subject": "subjects",
    "subset": "subsets",
    "sysctl": "sysctls",
    "tls": "tls",
    "to": "to",
    "toleration": "tolerations",
    "topology_spread_constraint": "topologySpreadConstraints",
    "volume": "volumes",
    "volume_claim_template": "volumeClaimTemplates",
    "volume_device": "volumeDevices",
    "volume_mount": "volumeMounts",
    "webhook": "webhooks",
}
# The same names where they stand for one map: (the block around it, the block).
_SINGLE = frozenset(
    {
        ("backend", "service.port"),
        ("node_affinity", "required_during_scheduling_ignored_during_execution"),
        ("service", "port"),
    }
)
_NAMES = {
    "ca_bundle": "caBundle",
    "cluster_ip": "clusterIP",
    "cluster_ips": "clusterIPs",
    "disk_uri": "diskURI",
    "external_ips": "externalIPs",
    "host_ip": "hostIP",
    "host_ipc": "hostIPC",
    "host_pid": "hostPID",
    "load_balancer_ip": "loadBalancerIP",
    "non_resource_urls": "nonResourceURLs",
    "pd_id": "pdID",
    "volume_id": "volumeID",
}
# Texts of the provider that are numbers of the API, or a number or a name.
_NUMBERS = frozenset(
    {
        "fs_group",
        "max_surge",
        "max_unavailable",
        "min_available",
        "port",
        "replicas",
        "run_as_group",
        "run_as_user",
        "target_port",
    }
)
_DIGITS = re.compile(r"[0-9]{1,18}\Z")
_OUTSIDE = re.compile(r"(?:id|timeouts|generate_name|wait_.*|.*_wo(?:_revision)?)\Z")
_NAMESPACE = re.compile(r"((?:module\..+\.)?kubernetes_namespace(?:_v1)?\.\w+)\b.*\bmetadata\b")


def kind_of(type: str) -> tuple[str, str] | None:
    """The (apiVersion, kind) that a Terraform type declares; None for one that declares none."""
    if type in _EXACT:
        return _EXACT[type]
    name = type.removeprefix("kubernetes_")
    return _KINDS.get(name) or _KINDS.get(name.removesuffix("_v1"))


def objects_of(resources: Iterable[Resource]) -> Loaded:
    """The Kubernetes objects among Terraform resources, after which they point at Terraform."""
    held = [
        resource
        for resource in resources
        if resource.source in SOURCES and resource.kind.startswith("kubernetes_")
    ]
    named = {
        each.address: _first(each.values.get("metadata")).get("name")
        for each in held
        if each.kind in ("kubernetes_namespace", "kubernetes_namespace_v1")
    }
    learnt: dict[tuple[str, str], bool] = {}
    found: list[Resource] = []
    gaps: list[Gap] = []
    made: list[tuple[Resource, dict[str, Any], dict[Path, Path]]] = []
    for resource in held:
        paths: dict[Path, Path] = {}
        if resource.kind == MANIFEST:
            manifest = resource.values.get("manifest")
            wrong = objects.problem(manifest)
            if wrong is not None:
                reason = "its manifest is not known before apply"
                reason = reason if isinstance(manifest, Unknown) else wrong[1]
                place = resource.locate(("manifest",))
                gaps.append(Gap("document", resource.address, "not_parsed", reason, place))
                continue
            paths[()] = ("manifest",)
            values = dict(objects.dropped(manifest))
        else:
            declared = kind_of(resource.kind)
            if declared is None:
                continue
            values = _object(resource, declared, paths, named)
        objects.learn(learnt, values)
        made.append((resource, values, paths))
    for resource, values, paths in made:
        found.append(_resource(resource, values, paths, learnt))
    return Loaded(found, [], gaps)


def _resource(
    resource: Resource,
    values: dict[str, Any],
    paths: dict[Path, Path],
    learnt: Mapping[tuple[str, str], bool],
) -> Resource:
    origin = Origin(resource.source, resource.root, resource.environment, None)
    locate = _Locator(paths, resource.locate)
    built = objects.resource(values, origin, learnt, resource.place, locate, resource.complete)
    back = {there: here for here, there in paths.items()}
    marks = {moved for path in resource.sensitive for moved in [_moved(path, back)] if moved}
    built.sensitive |= marks
    built.instances = resource.instances
    built.calls = (*resource.calls, resource.address)
    return built


def _object(
    resource: Resource,
    declared: tuple[str, str],
    paths: dict[Path, Path],
    named: Mapping[str, Any],
) -> dict[str, Any]:
    """The object's values; `paths` learns where each of them stands in the Terraform resource."""
    values: dict[str, Any] = {"apiVersion": declared[0], "kind": declared[1]}
    for field, value in resource.values.items():
        if not _OUTSIDE.match(field):
            _field(values, field, value, declared[1], (), (), paths)
    metadata = values.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        metadata = values["metadata"] = {}
    space = metadata.get("namespace")
    if isinstance(space, Unknown):
        match = _NAMESPACE.match(space.origin)
        known = named.get(match[1]) if match else None
        if isinstance(known, str):
            metadata["namespace"] = known
    elif space is None and kinds.namespaced(kinds.group(declared[0]), declared[1], {}):
        # Source: the provider's documentation of `metadata.namespace`.
        metadata["namespace"] = "default"
    return values


def _field(
    into: dict[str, Any],
    field: str,
    value: Any,
    parent: str,
    here: Path,
    there: Path,
    paths: dict[Path, Path],
) -> None:
    """Put one field of a block into the object at path `here`."""
    there = (*there, field)
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        name = _list_name(field, parent)
        if name:
            paths[*here, name] = there
            into[name] = [
                _block(each, field, (*here, name, at), (*there, at), paths)
                for at, each in enumerate(value)
            ]
            return
        name = camel(field)
        into[name] = _block(value[0], field, (*here, name), (*there, 0), paths)
        return
    name = camel(field)
    if field in _NUMBERS and isinstance(value, str) and _DIGITS.match(value):
        value = int(value)
    paths[*here, name] = there
    into[name] = value


def _list_name(field: str, parent: str) -> str:
    if (parent, field) in _SINGLE:
        return ""
    if parent == "ServiceAccount" and field == "secret":
        return "secrets"
    return _LISTS.get(field, "")


def _block(
    values: Mapping[str, Any], parent: str, here: Path, there: Path, paths: dict[Path, Path]
) -> dict[str, Any]:
    paths[here] = there
    found: dict[str, Any] = {}
    for field, value in values.items():
        _field(found, field, value, parent, here, there, paths)
    return found


def camel(field: str) -> str:
    """The API's name of a field: `run_as_user` → `runAsUser`."""
    if field in _NAMES:
        return _NAMES[field]
    first, *rest = field.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _first(value: Any) -> Mapping[str, Any]:
    found = value[0] if isinstance(value, Sequence) and value else {}
    return found if isinstance(found, dict) else {}


def _moved(path: Path, back: Mapping[Path, Path]) -> Path:
    """The path in the object of a path in the Terraform resource; () where it has none."""
    for length in range(len(path), 0, -1):
        found = back.get(path[:length])
        if found is not None:
            return (*found, *path[length:])
    return ()


class _Locator:
    """Where a field of the object is written in Terraform."""

    __slots__ = ("_locate", "_paths")

    def __init__(self, paths: Mapping[Path, Path], locate: Locator) -> None:
        self._paths = paths
        self._locate = locate

    def __call__(self, path: Path) -> Place:
        for length in range(len(path), -1, -1):
            found = self._paths.get(path[:length])
            if found is not None:
                return self._locate((*found, *path[length:]))
        return self._locate(())

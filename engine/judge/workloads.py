"""Where the pod template lies in every kind of workload."""

from __future__ import annotations

from typing import Any

from assay.engine.model import Path, Resource

TEMPLATES: dict[str, Path] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicationController": ("spec", "template"),
    "apps/v1/DaemonSet": ("spec", "template"),
    "apps/v1/Deployment": ("spec", "template"),
    "apps/v1/ReplicaSet": ("spec", "template"),
    "apps/v1/StatefulSet": ("spec", "template"),
    "batch/v1/CronJob": ("spec", "jobTemplate", "spec", "template"),
    "batch/v1/Job": ("spec", "template"),
}
# The places where custom kinds keep a pod template, tried in this order.
CUSTOM: tuple[Path, ...] = (
    ("spec", "template"),
    ("spec", "jobTemplate", "spec", "template"),
    ("spec", "podTemplate"),
    ("spec", "jobTargetRef", "template"),
)
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def template_of(resource: Resource) -> tuple[Path, dict[str, Any]] | None:
    """The path and value of a resource's pod template; None for what makes no pods."""
    path = TEMPLATES.get(resource.kind)
    if path is not None:
        template = _at(resource.values, path)
        return (path, template) if isinstance(template, dict) else None
    if not resource.kind[:1].isupper() and "/" not in resource.kind:
        return None
    for path in CUSTOM:
        template = _at(resource.values, path)
        if isinstance(template, dict) and isinstance(template.get("spec"), dict):
            containers = template["spec"].get("containers")
            if isinstance(containers, list) and containers:
                return path, template
    return None


def containers_of(path: Path, template: dict[str, Any]) -> tuple[list[Any], list[Path]]:
    """The containers of all three lists, with their paths in the resource."""
    found: list[Any] = []
    places: list[Path] = []
    spec = template.get("spec")
    if isinstance(spec, dict):
        for name in CONTAINER_LISTS:
            listed = spec.get(name)
            if isinstance(listed, list):
                found += listed
                places += [(*path, "spec", name, number) for number in range(len(listed))]
    return found, places


def labels_of(resource: Resource) -> Any:
    """The labels of the pods that a resource makes, or its own labels."""
    found = template_of(resource)
    owner = resource.values if found is None else found[1]
    metadata = owner.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return {} if labels is None else labels


def _at(values: Any, path: Path) -> Any:
    for step in path:
        values = values.get(step) if isinstance(values, dict) else None
    return values

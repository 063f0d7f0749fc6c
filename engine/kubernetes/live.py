"""An object as a cluster gives it → a Resource; which of them stand for others. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from assay.engine.kubernetes import kinds, objects, redaction
from assay.engine.kubernetes.objects import Origin
from assay.engine.model import Gap, Place, Resource, Unknown, value_at

# Controllers of Kubernetes itself: what they make is judged in the template it is made from.
_MAKERS = frozenset(
    {
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Job",
        "ReplicaSet",
        "ReplicationController",
        "StatefulSet",
    }
)
_MADE = frozenset({"Job", "Pod", "ReplicaSet"})
_NOISE = ("managedFields", "resourceVersion", "selfLink")
MARKER = "assay:secret:literal"  # in place of a literal whose name says that it is a secret
WITHHELD = "the contents of Secrets are never read from a cluster"


class Maker(NamedTuple):
    """The controller that made an object."""

    group: str
    kind: str
    name: str
    uid: str


def trim(item: dict[str, Any], managers: bool = False) -> dict[str, Any]:
    """The object without what no control reads and what may hold secrets, changed in place.

    `managers` keeps managedFields, which say who set a field.
    """
    metadata = item.get("metadata")
    if isinstance(metadata, dict):
        for field in _NOISE:
            if field != "managedFields" or not managers:
                metadata.pop(field, None)
        annotations = metadata.get("annotations")
        if isinstance(annotations, dict):
            annotations.pop(redaction.LAST_APPLIED, None)
            if not annotations:
                del metadata["annotations"]
    if item.get("kind") == "Secret":
        for field in ("data", "stringData"):
            item.pop(field, None)
    for path in redaction.paths(str(item.get("kind")), item):
        held = value_at(item, path[:-1])
        if isinstance(held, dict):
            held[path[-1]] = MARKER
    return item


def order(item: dict[str, Any]) -> tuple[str, str, str, str]:
    """The key by which the objects of a cluster and of its snapshot stand in one order."""
    metadata = item.get("metadata") or {}
    return (
        item["apiVersion"],
        item["kind"],
        str(metadata.get("namespace") or ""),
        str(metadata.get("name")),
    )


def maker(item: dict[str, Any]) -> Maker | None:
    """The controller among the owners of an object, if it has one."""
    metadata = item.get("metadata") or {}
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            group = kinds.group(str(owner.get("apiVersion")))
            return Maker(group, str(owner.get("kind")), str(owner.get("name")), str(owner["uid"]))
    return None


def resources(
    items: Iterable[dict[str, Any]], source: str, cluster: str, environment: str
) -> tuple[list[Resource], list[Gap]]:
    """The Resources of trimmed objects, without those that a judged controller made."""
    held = list(items)
    learnt: dict[tuple[str, str], bool] = {}
    for item in held:
        objects.learn(learnt, item)
    origin = Origin(source, cluster, environment)
    known = {
        (item.get("metadata") or {}).get("uid") for item in held if item.get("kind") in _MAKERS
    }
    made: Counter[str] = Counter()
    found: list[Resource] = []
    for item in held:
        by = maker(item)
        if by is not None and item["kind"] in _MADE and by.uid in known:
            made[kinds.name(item["apiVersion"], item["kind"])] += 1
            continue
        found.append(_resource(item, by, origin, learnt))
    gaps = [
        Gap(
            "owned",
            kind,
            "evaluated",
            f"{number} made by controllers judged themselves",
            None,
            False,
        )
        for kind, number in sorted(made.items())
    ]
    return found, gaps


def _resource(
    item: dict[str, Any], by: Maker | None, origin: Origin, learnt: dict[tuple[str, str], bool]
) -> Resource:
    complete = item["kind"] != "Secret" or item["apiVersion"] != "v1"
    if not complete:
        withheld = {
            "type": Unknown("data", WITHHELD, not_null=True, type="string"),
            "data": Unknown("data", WITHHELD, type="map"),
        }
        item = {**item, **withheld}
    else:
        # A list names the kind once: what it holds has it like any other object.
        metadata = item.get("metadata")
        if metadata is None:
            item["metadata"] = {}
    built = objects.resource(item, origin, learnt, Place(origin.root), complete=complete)
    place = Place(f"{origin.root}/{built.address}")
    built.place = place
    built.locate = lambda _: place
    if by is not None:
        built.calls = (kinds.address(by.group, by.kind, built.namespace, by.name),)
    return built

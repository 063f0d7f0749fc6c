"""Declared objects against live ones: every declared field must be there with the same meaning.

What the cluster adds (defaults, status, what controllers and meshes put in) is no drift. Fields
that the declaration leaves to others, such as replicas set by an autoscaler, are none either.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.kubernetes import kinds, live, quantity
from assay.engine.model import Path, Place, Resource, Unknown, path_text

# Lists that the API server merges by a key, by the name of the field that holds them.
_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "webhooks": ("name",),
    "resourceClaims": ("name",),
}
_PORTS = ("containerPort", "port")  # of a container, and of a Service: with the protocol
_QUANTITIES = frozenset(
    {
        "capacity",
        "default",
        "defaultRequest",
        "hard",
        "limits",
        "max",
        "min",
        "overhead",
        "requests",
    }
    | {"sizeLimit", "averageValue", "divisor", "maxLimitRequestRatio"}
)
_NOT_DECLARED = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion"})
# What clusters, Helm and meshes make in every namespace.
_SYSTEM = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})
_SYSTEM_PREFIXES = (("Secret", "sh.helm.release.v1."), ("ConfigMap", "istio-ca-"))
ARGO_COMPARE = "argocd.argoproj.io/compare-options"
ARGO_HOOK = "argocd.argoproj.io/hook"
# What else is looked for where something is declared.
STANDARD = frozenset(
    {
        "ConfigMap",
        "Pod",
        "Secret",
        "Service",
        "ServiceAccount",
        "apps/v1/DaemonSet",
        "apps/v1/Deployment",
        "apps/v1/StatefulSet",
        "batch/v1/CronJob",
        "batch/v1/Job",
        "networking.k8s.io/v1/Ingress",
        "networking.k8s.io/v1/NetworkPolicy",
        "rbac.authorization.k8s.io/v1/Role",
        "rbac.authorization.k8s.io/v1/RoleBinding",
    }
)
SENSITIVE = "(sensitive)"
_ABSENT: Any = object()


class Difference(NamedTuple):
    """One way in which the cluster is not as declared.

    what      missing, changed, undeclared or unknown (it could not be compared)
    path      of the field, as text; empty for the object
    declared, live   the values, None where there is none or it must not be shown
    who       the field manager that set the live value, with what it did it by
    """

    what: str
    kind: str
    address: str
    path: str
    declared: Any
    live: Any
    who: str
    message: str
    place: Place


class _Change(NamedTuple):
    path: Path  # in the declaration
    live_path: Path
    declared: Any
    live: Any


def compare(
    declared: Iterable[Resource],
    items: Sequence[dict[str, Any]],
    unread: Mapping[str, str],
    cluster: str,
) -> list[Difference]:
    """All differences, in the order of the declaration, then what nobody declared.

    items    live objects with managedFields, as `cluster.fetch` gives them
    unread   kind → why its objects, or some of them, are not among the items
    """
    index: dict[tuple[str, str, str, str], dict[str, Any]] = {_key(item): item for item in items}
    found: list[Difference] = []
    seen: set[tuple[str, str, str, str]] = set()
    namespaces: set[str] = set()
    for resource in declared:
        if resource.hook or ARGO_HOOK in _annotations(resource.values):
            continue
        key = _declared_key(resource, index)
        if key is None:
            reason = "its namespace is not known: name it with --namespace"
            found.append(_whole("unknown", resource, reason))
            continue
        seen.add(key)
        namespaces.add(key[2])
        item = index.get(key)
        if item is None:
            reason = unread.get(resource.kind, "")
            what = "unknown" if reason else "missing"
            found.append(_whole(what, resource, reason or "it is not in the cluster"))
            continue
        found += _changes(resource, item)
    found += _undeclared(items, seen, namespaces - {""}, cluster)
    return found


def _changes(resource: Resource, item: dict[str, Any]) -> list[Difference]:
    changes: list[_Change] = []
    values = resource.values
    if resource.kind == "Secret":  # the cluster was not asked for the rest
        values = {name: held for name, held in values.items() if name == "metadata"}
    _compare(values, item, (), (), resource.sensitive, changes)
    found = []
    for change in changes:
        who, scaled = _manager(item, change.live_path)
        if change.path == ("spec", "replicas") and scaled:
            continue  # an autoscaler's, or a person's `kubectl scale`: the field is left to them
        path = path_text(change.path)
        absent = change.live is _ABSENT
        shown = None if absent else change.live
        is_now = "absent" if absent else _shown(shown)
        by = f" (set by {who})" if who else ""
        wanted = _hidden(change.declared, change.path, resource.sensitive)
        message = f"`{path}` is {is_now} where {_shown(wanted)} is declared{by}"
        place = resource.locate(change.path)
        found.append(
            Difference(
                "changed",
                resource.kind,
                resource.address,
                path,
                wanted,
                shown,
                who,
                message,
                place,
            )
        )
    return found


def _compare(
    declared: Any,
    held: Any,
    path: Path,
    live_path: Path,
    sensitive: frozenset[Path],
    changes: list[_Change],
) -> None:
    """Add to `changes` where the declared value is not in the live one."""
    if isinstance(declared, Unknown) or path in sensitive or held == declared:
        return
    if isinstance(held, str) and live.stands_for(held, declared):
        return  # a secret, which nobody may see
    if _empty(declared) and (held is _ABSENT or _empty(held)):
        return
    if isinstance(declared, dict) and (isinstance(held, dict) or held is _ABSENT):
        if held is _ABSENT:
            changes.append(_Change(path, live_path, declared, held))
            return
        for name, value in declared.items():
            inner = (*path, name)
            if _ignored(inner):
                continue
            _compare(value, held.get(name, _ABSENT), inner, (*live_path, name), sensitive, changes)
        return
    if isinstance(declared, list) and isinstance(held, list):
        _compare_lists(declared, held, path, live_path, sensitive, changes)
        return
    if not _same(declared, held, path):
        changes.append(_Change(path, live_path, declared, held))


def _compare_lists(
    declared: list[Any],
    held: list[Any],
    path: Path,
    live_path: Path,
    sensitive: frozenset[Path],
    changes: list[_Change],
) -> None:
    field = path[-1] if path else ""
    keyed = [_merge_key(field, value) for value in declared]
    if all(key is not None for key in keyed):
        places = {_merge_key(field, value): at for at, value in enumerate(held)}
        for number, (key, value) in enumerate(zip(keyed, declared, strict=True)):
            at = places.get(key, -1)
            other = held[at] if at >= 0 else _ABSENT
            inner = (*path, number)
            _compare(value, other, inner, (*live_path, max(at, 0)), sensitive, changes)
        return
    if len(declared) != len(held):
        changes.append(_Change(path, live_path, declared, held))
        return
    for number, (value, other) in enumerate(zip(declared, held, strict=True)):
        _compare(value, other, (*path, number), (*live_path, number), sensitive, changes)


def _merge_key(field: str | int, value: Any) -> tuple[Any, ...] | None:
    """What tells an element of a merged list from the others; None in lists that are one value."""
    if not isinstance(value, dict):
        return None
    if field == "ports":
        number = next((value[name] for name in _PORTS if name in value), None)
        return None if number is None else (number, value.get("protocol", "TCP"))
    names = _KEYS.get(str(field), ())
    return tuple(value[name] for name in names) if names and set(names) <= value.keys() else None


def _same(declared: Any, held: Any, path: Path) -> bool:
    if held is _ABSENT:
        return False
    if _QUANTITIES.intersection(step for step in path if isinstance(step, str)):
        number = quantity.parse(declared)
        return number is not None and number == quantity.parse(held)
    if isinstance(declared, bool) or isinstance(held, bool):
        return declared is held
    return bool(declared == held)


def _empty(value: Any) -> bool:
    """Whether the API server leaves the value out when it writes the object."""
    return value is None or value is False or value in ({}, [], "", 0)


def _ignored(path: Path) -> bool:
    return path in (("apiVersion",), ("kind",), ("status",)) or (
        len(path) == 2 and path[0] == "metadata" and path[1] in (*_NOT_DECLARED, "namespace")
    )


def _key(item: Mapping[str, Any]) -> tuple[str, str, str, str]:
    metadata = item.get("metadata") or {}
    group = kinds.group(item["apiVersion"])
    return group, item["kind"], metadata.get("namespace") or "", str(metadata.get("name"))


def _declared_key(
    resource: Resource, index: Mapping[tuple[str, str, str, str], Any]
) -> tuple[str, str, str, str] | None:
    """The key of a declared object; where its namespace is not known, that of its only namesake."""
    group, kind = kinds.group(resource.values["apiVersion"]), resource.values["kind"]
    name = str((resource.values.get("metadata") or {}).get("name"))
    if resource.namespace is not None:
        return group, kind, resource.namespace, name
    same = [key for key in index if key[:2] == (group, kind) and key[3] == name]
    return same[0] if len(same) == 1 else None


def _annotations(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return (values.get("metadata") or {}).get("annotations") or {}


def _undeclared(
    items: Sequence[dict[str, Any]],
    seen: set[tuple[str, str, str, str]],
    namespaces: set[str],
    cluster: str,
) -> list[Difference]:
    """Live objects in the declared namespaces that nobody declared and no object owns."""
    found = []
    for item in items:
        key = _key(item)
        group, kind, namespace, name = key
        metadata = item.get("metadata") or {}
        if key in seen or namespace not in namespaces or metadata.get("ownerReferences"):
            continue
        if (kind, name) in _SYSTEM or any(
            kind == other and name.startswith(prefix) for other, prefix in _SYSTEM_PREFIXES
        ):
            continue
        if "IgnoreExtraneous" in str(_annotations(item).get(ARGO_COMPARE)):
            continue
        address = kinds.address(group, kind, namespace, name)
        who, _ = _manager(item, ())
        message = "nobody declared it" + (f" (made by {who})" if who else "")
        full = kinds.name(item["apiVersion"], kind)
        place = Place(f"{cluster}/{address}")
        found.append(Difference("undeclared", full, address, "", None, None, who, message, place))
    return found


def _whole(what: str, resource: Resource, message: str) -> Difference:
    return Difference(
        what, resource.kind, resource.address, "", None, None, "", message, resource.place
    )


def _manager(item: Mapping[str, Any], path: Path) -> tuple[str, bool]:
    """Who last set the field at a path of a live object, and whether by its scale."""
    best: tuple[str, str, bool] = ("", "", False)
    for entry in (item.get("metadata") or {}).get("managedFields") or ():
        owns = _owns(entry.get("fieldsV1") or {}, item, path)
        if owns and str(entry.get("time") or "") >= best[0]:
            scaled = entry.get("subresource") == "scale"
            words = str(entry.get("manager")) + (" through scale" if scaled else "")
            best = (str(entry.get("time") or ""), words, scaled)
    return best[1], best[2]


def _owns(fields: Mapping[str, Any], item: Any, path: Path) -> bool:
    """Whether a set of fields, in the form of managedFields, has the path or a part of it."""
    value = item
    for step in path:
        if isinstance(step, str):
            inner = fields.get(f"f:{step}")
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
            inner = next(
                (
                    held
                    for name, held in fields.items()
                    if name.startswith("k:")
                    and isinstance(value, dict)
                    and json.loads(name[2:]).items() <= value.items()
                ),
                None,
            )
        if inner is None:
            return False
        if not inner:
            return True  # the manager owns all below
        fields = inner
    return True


def _hidden(value: Any, path: Path, sensitive: frozenset[Path]) -> Any:
    """The declared value without what must not be shown and without what nobody knows."""
    if path in sensitive:
        return SENSITIVE
    if isinstance(value, Unknown):
        return "(unknown)"
    if isinstance(value, dict):
        return {name: _hidden(held, (*path, name), sensitive) for name, held in value.items()}
    if isinstance(value, list):
        return [_hidden(held, (*path, at), sensitive) for at, held in enumerate(value)]
    return value


def _shown(value: Any) -> str:
    """A value in a message: short."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

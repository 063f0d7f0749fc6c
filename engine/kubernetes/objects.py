"""A decoded object → a Resource: its kind, namespace, address and marks, whatever it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from assay.engine.kubernetes import kinds, redaction
from assay.engine.model import Locator, Path, Place, Resource, Unknown

MAX_LISTS = 8  # a List in a List in a List …
# Maps of text to text: the API server reads null in them as the empty text.
_TEXT_MAPS = frozenset(
    {"annotations", "binaryData", "data", "labels", "matchLabels", "nodeSelector", "stringData"}
)


class Origin(NamedTuple):
    """Where objects come from, the same for all of one file or rendering."""

    source: str
    root: str
    environment: str
    namespace: str | None = None  # of the objects that name none; None where nobody said
    hooks: bool = False  # whether Helm's hook annotations mean something


class Item(NamedTuple):
    """An object, or an item of a List that is none: then `problem` says why."""

    path: Path
    value: Any
    problem: str = ""


def problem(value: Any) -> tuple[str, str] | None:
    """Why a value is no object: (code of an error or "", reason). None for an object."""
    if not isinstance(value, dict) or not {"apiVersion", "kind"} <= value.keys():
        return "", "no manifest: it has no apiVersion and kind"
    api_version, kind = value["apiVersion"], value["kind"]
    for field, held in (("apiVersion", api_version), ("kind", kind)):
        if not isinstance(held, str) or not held:
            return "manifest-type", f"`{field}` is no text"
    group = kinds.group(api_version) or api_version.partition("/")[0]
    if group in kinds.CLIENT_GROUPS or (api_version, kind) == ("v1", "Config"):
        return "", f"the configuration of a client program ({api_version} {kind})"
    metadata = value.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return "manifest-type", "`metadata` is no map"
    for field in ("name", "namespace", "generateName"):
        if metadata and not isinstance(metadata.get(field), str | Unknown | None):
            return "manifest-type", f"`metadata.{field}` is no text"
    return None


def items(value: dict[str, Any], prefix: Path = (), level: int = 0) -> list[Item]:
    """The object itself, or what a List holds: the path of each inside the document."""
    kind, held = value["kind"], value.get("items")
    if not kind.endswith("List") or not (isinstance(held, list) or kind == "List"):
        return [Item(prefix, value)]
    found: list[Item] = []
    for number, item in enumerate(held or ()):
        path = (*prefix, "items", number)
        if isinstance(item, dict) and kind != "List":
            implied = {"apiVersion": value["apiVersion"], "kind": kind.removesuffix("List")}
            item = implied | item
        wrong = problem(item)
        if wrong is not None:
            found.append(Item(path, item, wrong[1]))
        elif level >= MAX_LISTS:
            found.append(Item(path, item, f"lists stand over {MAX_LISTS} deep in each other"))
        else:
            found += items(item, path, level + 1)
    return found


def learn(learnt: dict[tuple[str, str], bool], value: dict[str, Any]) -> None:
    """Note what a CustomResourceDefinition says of its kind's scope."""
    spec = value.get("spec")
    if value["kind"] != "CustomResourceDefinition" or not isinstance(spec, dict):
        return
    names, scope = spec.get("names"), spec.get("scope")
    if isinstance(names, dict) and scope in ("Namespaced", "Cluster"):
        learnt[str(spec.get("group")), str(names.get("kind"))] = scope == "Namespaced"


def resource(
    values: dict[str, Any],
    origin: Origin,
    learnt: Mapping[tuple[str, str], bool],
    place: Place,
    locate: Locator | None = None,
    complete: bool = True,
) -> Resource:
    """The Resource of an object without null fields. `complete`: no value in it is Unknown."""
    kind, group = values["kind"], kinds.group(values["apiVersion"])
    metadata = values.get("metadata") or {}
    given = metadata.get("namespace")
    namespace: str | None = given if isinstance(given, str) and given else None
    unplaced = False
    namespaced = kinds.namespaced(group, kind, learnt)
    if namespaced is False:
        namespace = ""
    elif namespaced and (given is None or given == ""):
        namespace = origin.namespace
        unplaced = complete and namespace is None
        complete = complete and namespace is not None
        filled = {**metadata, "namespace": namespace or unknown_namespace(origin)}
        values = {**values, "metadata": filled}
    annotations = metadata.get("annotations")
    hook = None
    if origin.hooks and isinstance(annotations, dict):
        hook = annotations.get("helm.sh/hook")
    return Resource(
        origin.source,
        kinds.name(values["apiVersion"], kind),
        kinds.address(group, kind, namespace, _name(metadata)),
        values,
        place,
        root=origin.root,
        environment=origin.environment,
        locate=locate,
        sensitive=redaction.paths(kind, values),
        namespace=namespace,
        complete=complete,
        unplaced=unplaced,
        hook=hook if isinstance(hook, str) else "",
    )


def _name(metadata: Mapping[str, Any]) -> str:
    """The name, or what it will begin with and a star, or a question mark."""
    name, begins = metadata.get("name"), metadata.get("generateName")
    if isinstance(name, str) and name:
        return name
    return f"{begins}*" if isinstance(begins, str) and begins else "?"


def unknown_namespace(origin: Origin, prefix: str = "", suffix: str = "") -> Unknown:
    """The namespace that whoever applies the files will choose, the same for all of them.

    With a prefix or suffix: a text that has this namespace in it.
    """
    where = f"namespace of {origin.root} in {origin.environment}"
    return Unknown(
        "variable",
        "metadata.namespace",
        identity=f"{prefix}<{where}>{suffix}",
        not_null=True,
        type="string",
        prefix=prefix,
        suffix=suffix,
        least=len(prefix) + len(suffix) + 1,
    )


def dropped(value: Any, field: str = "") -> Any:
    """The value without null fields, as the API server decodes it. Lists keep their length."""
    if isinstance(value, dict):
        empty = field in _TEXT_MAPS
        return {
            name: "" if inner is None else dropped(inner, name)
            for name, inner in value.items()
            if inner is not None or empty
        }
    if isinstance(value, list):
        return [dropped(inner) for inner in value]
    return value

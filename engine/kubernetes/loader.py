"""Files → the Kubernetes objects declared in them, with what could not be read and what was left.

Every document of a YAML or JSON file ends as a resource (or several, for a List), an error, or a
Gap. Nothing here runs anything from the tree.
"""

from __future__ import annotations

import posixpath
from typing import Any, NamedTuple

from assay.engine import files
from assay.engine.kubernetes import kinds, redaction
from assay.engine.kubernetes import text as texts
from assay.engine.kubernetes.places import Locator, Places
from assay.engine.model import Gap, Loaded, Path, Place, Resource, SourceError, Unknown

MAX_LISTS = 8  # a List in a List in a List …
CHART = "Chart.yaml"
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
# Maps of text to text: the API server reads null in them as the empty text.
_TEXT_MAPS = frozenset(
    {"annotations", "binaryData", "data", "labels", "matchLabels", "nodeSelector", "stringData"}
)


class Options(NamedTuple):
    """How the manifests of one environment are read."""

    environment: str = "default"
    namespace: str | None = None  # of the objects that name none


class _Object(NamedTuple):
    """One object found: where it stands, and its values as written."""

    found: texts.Found
    prefix: Path
    values: dict[str, Any]


class _Reading:
    """What has been gathered so far in one run over the files."""

    def __init__(self, tree: files.Tree, options: Options) -> None:
        self.tree = tree
        self.options = options
        self.places = Places()
        self.objects: list[_Object] = []
        self.errors: list[SourceError] = []
        self.gaps: list[Gap] = []
        self.learnt: dict[tuple[str, str], bool] = {}

    def error(self, file: files.File, code: str, message: str, place: Place, help: str) -> None:
        self.errors.append(
            SourceError(
                "manifest",
                self.tree.base_of(file).name,
                self.options.environment,
                file.name,
                code,
                message,
                place,
                help,
            )
        )


def load(tree: files.Tree, options: Options | None = None) -> Loaded:
    """The objects of all manifests below the given paths, in the order of files and documents."""
    reading = _Reading(tree, options or Options())
    charts = chart_folders(tree)
    for folder in charts:
        reading.gaps.append(_chart_gap(folder))
    for file in tree.files:
        if _template_of(file.name, charts) is None and texts.is_candidate(file):
            _read(reading, file)
    resources = [_resource(reading, found) for found in reading.objects]
    return Loaded(resources, reading.errors, reading.gaps)


def chart_folders(tree: files.Tree) -> list[str]:
    """The folders that hold a Helm chart of their own: not those inside another chart."""
    found = {
        folder
        for folder, held in tree.folders.items()
        if any(posixpath.basename(file.name) == CHART for file in held)
    }
    return sorted(
        folder
        for folder in found
        if not any(f"{folder}/".startswith(f"{outer}/") and outer != folder for outer in found)
    )


def _chart_gap(folder: str) -> Gap:
    return Gap(
        "chart",
        folder,
        "not_parsed",
        "the templates of a Helm chart are programs; this chart was not rendered",
        Place(files.join(folder, CHART)),
    )


def _template_of(name: str, charts: list[str]) -> str | None:
    """The chart whose template the file is, or None."""
    for folder in charts:
        inside = name if folder == "." else name.removeprefix(f"{folder}/")
        if (folder == "." or inside != name) and "templates" in inside.split("/")[:-1]:
            return folder
    return None


def _read(reading: _Reading, file: files.File) -> None:
    if posixpath.basename(file.name) in KUSTOMIZATIONS:
        reading.gaps.append(
            Gap(
                "kustomization",
                posixpath.dirname(file.name) or ".",
                "not_parsed",
                "this kustomization was not built; the files it names are judged as they stand",
                Place(file.name),
            )
        )
        return
    if file.size > files.MAX_FILE:
        reason = f"larger than {files.MAX_FILE // 2**20} MiB"
        reading.gaps.append(Gap("file", file.name, "not_parsed", reason, Place(file.name)))
        return
    try:
        for found in texts.documents(file):
            if isinstance(found, texts.Broken):
                _broken(reading, found)
            else:
                _document(reading, found)
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        reading.gaps.append(Gap("file", file.name, "not_parsed", reason, Place(file.name)))


def _broken(reading: _Reading, broken: texts.Broken) -> None:
    """An error, but for what no cluster reads: loose JSON, and YAML that other programs take."""
    code, place = broken.error.code, Place(broken.file.name, broken.line, broken.column)
    if not broken.manifest and code not in ("yaml-syntax", "yaml-encoding"):
        reason = f"no manifest: {broken.error.message}"
        reading.gaps.append(_no_manifest(place, reason))
        return
    help = _HELP.get(code, "")
    reading.error(broken.file, code, broken.error.message, place, help)


_HELP = {
    "yaml-syntax": "a template must be rendered first; else mend the text at this place",
    "yaml-duplicate-key": "keep one of them: which one a cluster would read is chance",
    "json-duplicate-key": "keep one of them: which one a cluster would read is chance",
    "yaml-encoding": "write the file in UTF-8",
}


def _no_manifest(place: Place, reason: str) -> Gap:
    return Gap("document", place.file, "not_applicable", reason, place, blocks=False)


def _document(reading: _Reading, found: texts.Found) -> None:
    value = found.document.value
    if value is None:
        return  # an empty document
    file = found.piece.file
    problem = _problem(value)
    if problem is None:
        _objects(reading, found, (), value, 0)
    elif problem[0]:
        reading.error(file, problem[0], problem[1], _place(reading, found, ()), "")
    else:
        reading.gaps.append(_no_manifest(_place(reading, found, ()), problem[1]))


def _problem(value: Any) -> tuple[str, str] | None:
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
        if metadata and not isinstance(metadata.get(field), str | None):
            return "manifest-type", f"`metadata.{field}` is no text"
    return None


def _objects(
    reading: _Reading, found: texts.Found, prefix: Path, value: dict[str, Any], level: int
) -> None:
    """Take in an object, or the items of a List."""
    kind, items = value["kind"], value.get("items")
    if not kind.endswith("List") or not (isinstance(items, list) or kind == "List"):
        reading.objects.append(_Object(found, prefix, value))
        _learn(reading.learnt, value)
        return
    for number, item in enumerate(items or ()):
        inner = (*prefix, "items", number)
        if isinstance(item, dict) and kind != "List":
            implied = {"apiVersion": value["apiVersion"], "kind": kind.removesuffix("List")}
            item = implied | item
        problem = _problem(item)
        if problem is not None or level >= MAX_LISTS:
            reason = problem[1] if problem else f"lists stand over {MAX_LISTS} deep in each other"
            place = _place(reading, found, inner)
            reading.error(found.piece.file, "manifest-item", reason, place, "")
        else:
            _objects(reading, found, inner, item, level + 1)


def _learn(learnt: dict[tuple[str, str], bool], value: dict[str, Any]) -> None:
    spec = value.get("spec")
    if value["kind"] != "CustomResourceDefinition" or not isinstance(spec, dict):
        return
    names, scope = spec.get("names"), spec.get("scope")
    if isinstance(names, dict) and scope in ("Namespaced", "Cluster"):
        learnt[str(spec.get("group")), str(names.get("kind"))] = scope == "Namespaced"


def _place(reading: _Reading, found: texts.Found, path: Path) -> Place:
    """Of the path, or of the document where it is not known."""
    place = reading.places.find(found.piece, found.number, path) if path else None
    return place or Place(found.piece.file.name, found.line, found.column)


def _resource(reading: _Reading, held: _Object) -> Resource:
    found, options = held.found, reading.options
    values = dropped(held.values) if found.document.nulls else held.values
    kind, group = values["kind"], kinds.group(values["apiVersion"])
    metadata = values.get("metadata") or {}
    root = reading.tree.base_of(found.piece.file).name
    place = _place(reading, found, held.prefix)
    complete = True
    namespace: str | None = metadata.get("namespace") or None
    namespaced = kinds.namespaced(group, kind, reading.learnt)
    if namespaced is False:
        namespace = ""
    elif namespace is None and namespaced:
        namespace = options.namespace
        complete = namespace is not None
        values = {
            **values,
            "metadata": {
                **metadata,
                "namespace": namespace or _unknown_namespace(root, options.environment),
            },
        }
    name = metadata.get("name") or (f"{metadata.get('generateName') or '?'}*").replace("?*", "?")
    return Resource(
        "manifest",
        kinds.name(values["apiVersion"], kind),
        kinds.address(group, kind, namespace, name),
        values,
        place,
        root=root,
        environment=options.environment,
        locate=Locator(reading.places, found.piece, found.number, held.prefix, place),
        sensitive=redaction.paths(kind, values),
        namespace=namespace,
        complete=complete,
    )


def _unknown_namespace(root: str, environment: str) -> Unknown:
    """The namespace that whoever applies the files will choose, the same for all of them."""
    return Unknown(
        "variable",
        "metadata.namespace",
        identity=f"namespace of {root} in {environment}",
        not_null=True,
        type="string",
        least=1,
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

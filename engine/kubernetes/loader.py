"""Files → the Kubernetes objects declared in them, with what could not be read and what was left.

Every document of a YAML or JSON file ends as a resource (or several, for a List), an error, or a
Gap. Charts and kustomizations are rendered in a cage; nothing else from the tree is run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from assay.engine import files, kept
from assay.engine.kubernetes import charts, objects, overlays, renderings
from assay.engine.kubernetes import text as texts
from assay.engine.kubernetes.places import Locator, Places
from assay.engine.kubernetes.renderings import Rendering
from assay.engine.model import Gap, Loaded, Path, Place, Resource, SourceError


class Options(NamedTuple):
    """How one scan reads Kubernetes.

    environment, namespace   of plain manifests: namespace for the objects that name none
    keep                     whether an object may be kept for the next run: it holds no secret;
                             without it nothing that is rendered is kept
    renderings               how charts are rendered: those for the chart's folder, else those
                             for none, else once with the two above. One that names a
                             kustomization's folder names its environment
    """

    environment: str = "default"
    namespace: str | None = None
    renderings: tuple[Rendering, ...] = ()
    keep: Callable[[Any], bool] | None = None


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
    options = options or Options()
    reading = _Reading(tree, options)
    default = Rendering(options.environment, namespace=options.namespace)
    results = kept.Results("rendering", options.keep)
    overlay = overlays.Overlays(tree, options.renderings, default, results)
    outcome = renderings.load_charts(tree, options.renderings, default, results)
    candidates = [
        file
        for file in tree.files
        if not any(charts.owns(chart, file.name, done) for chart, done in outcome.owners.items())
        and texts.is_candidate(file)
    ]
    for file in candidates:  # while the kustomizations are built
        if file.name not in overlay.claimed:
            _read(reading, file)
    built, read = overlay.finish(reading.places)
    results.prune()
    for file in candidates:
        if file.name in overlay.claimed and file.name not in read:
            _read(reading, file)
    pending = outcome.pending + built.pending
    for each in pending:
        objects.learn(reading.learnt, each.values)
    resources = [_resource(reading, found) for found in reading.objects]
    resources += [
        objects.resource(
            each.values, each.origin, reading.learnt, each.place, each.locate, each.complete
        )
        for each in pending
    ]
    return Loaded(
        resources,
        outcome.errors + built.errors + reading.errors,
        outcome.gaps + built.gaps + reading.gaps,
    )


def _read(reading: _Reading, file: files.File) -> None:
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
    problem = objects.problem(value)
    if problem is None:
        _objects(reading, found)
    elif problem[0]:
        reading.error(file, problem[0], problem[1], _place(reading, found, ()), "")
    else:
        reading.gaps.append(_no_manifest(_place(reading, found, ()), problem[1]))


def _objects(reading: _Reading, found: texts.Found) -> None:
    """Take in an object, or the items of a List."""
    for item in objects.items(found.document.value):
        if item.problem:
            place = _place(reading, found, item.path)
            reading.error(found.piece.file, "manifest-item", item.problem, place, "")
        else:
            reading.objects.append(_Object(found, item.path, item.value))
            objects.learn(reading.learnt, item.value)


def _place(reading: _Reading, found: texts.Found, path: Path) -> Place:
    """Of the path, or of the document where it is not known."""
    place = reading.places.find(found.piece, found.number, path) if path else None
    return place or Place(found.piece.file.name, found.line, found.column)


def _resource(reading: _Reading, held: _Object) -> Resource:
    found, options = held.found, reading.options
    values = objects.dropped(held.values) if found.document.nulls else held.values
    place = _place(reading, found, held.prefix)
    root = reading.tree.base_of(found.piece.file).name
    return objects.resource(
        values,
        objects.Origin("manifest", root, options.environment, options.namespace),
        reading.learnt,
        place,
        Locator(reading.places, found.piece, found.number, held.prefix, place),
    )

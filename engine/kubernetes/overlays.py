"""Kustomizations of a tree → built objects with the places of the files that they come from."""

from __future__ import annotations

import posixpath
import tempfile
from pathlib import Path as FilePath
from typing import Any

from assay.engine import files
from assay.engine.kubernetes import kustomize, objects, rendered, text, yamltext
from assay.engine.kubernetes.objects import Origin
from assay.engine.kubernetes.places import Locator, Places
from assay.engine.kubernetes.renderings import Outcome, Pending, Rendering
from assay.engine.kubernetes.yamltext import YamlError
from assay.engine.model import Gap, Place, SourceError


def load_overlays(
    tree: files.Tree, renderings: tuple[Rendering, ...], default: Rendering, places: Places
) -> tuple[Outcome, set[str]]:
    """Build every kustomization that stands for itself; also the files that were accounted for."""
    outcome = Outcome([], [], [], {})
    found = kustomize.find(tree)
    chosen = {each.folder: each for each in renderings if each.folder}
    read: set[str] = set()
    by_name = {file.name: file for file in tree.files} if found else {}
    for top in kustomize.tops(found):
        rendering = chosen.get(top.folder, default)
        if top.fault:
            outcome.errors.append(_error(top, rendering, top.fault))
            read.add(top.file.name)
            continue
        with tempfile.TemporaryDirectory(prefix="assay-kustomize-") as folder:
            home = FilePath(folder).resolve()
            try:
                build = kustomize.build(tree, found, top, home)
            except kustomize.MissingKustomizeError as error:
                outcome.gaps.append(_gap(top, f"this kustomization was not built: {error}"))
                continue
            except kustomize.KustomizeError as error:
                outcome.errors.append(_error(top, rendering, str(error)))
                continue
            if build.result.code or build.result.fault:
                message = kustomize.message(build.result, home)
                outcome.errors.append(_error(top, rendering, message))
                continue
        read |= build.read
        output = build.result.out.decode("utf-8", "replace")
        _objects(top, rendering, output, by_name, places, outcome)
    tops = kustomize.tops(found)
    for each in found.values():
        if each.file.name in read or each in tops:
            continue
        reason = "what builds on it was not built"
        if each.component:
            reason = "a component that nothing built here uses"
        outcome.gaps.append(_gap(each, reason, "not_applicable"))
    judged = {pending.place.file for pending in outcome.pending}
    for name in sorted(read - judged):
        reason = "a part of a kustomization: judged in what is built from it"
        gap = Gap("document", name, "not_applicable", reason, Place(name), blocks=False)
        outcome.gaps.append(gap)
    return outcome, read | {each.file.name for each in found.values()}


def _objects(
    top: kustomize.Kustomization,
    rendering: Rendering,
    output: str,
    by_name: dict[str, files.File],
    places: Places,
    outcome: Outcome,
) -> None:
    origin = Origin("kustomize", top.folder, rendering.environment, rendering.namespace)
    sources = _Sources(by_name)
    for piece in rendered.pieces(output):
        if isinstance(piece, rendered.Fault):
            outcome.errors.append(_error(top, rendering, piece.message, piece.code))
            continue
        values, source = _without_origin(piece.values)
        file = by_name.get(posixpath.normpath(posixpath.join(top.folder, source)))
        place, locate = Place(top.file.name), None
        held = sources.find(file, values) if file is not None and source else None
        if held is not None:
            found, item = held
            first = Place(found.piece.file.name, found.line, found.column)
            place = (places.find(found.piece, found.number, item) if item else None) or first
            locate = Locator(places, found.piece, found.number, item, place)
        pending = Pending(values, origin, place, locate or _nowhere(place))
        outcome.pending.append(pending)


class _Sources:
    """The objects in the files that a build has read, each file read once."""

    def __init__(self, by_name: dict[str, files.File]) -> None:
        self.by_name = by_name
        self.known: dict[str, list[tuple[text.Found, objects.Item]]] = {}

    def find(
        self, file: files.File, values: dict[str, Any]
    ) -> tuple[text.Found, tuple[str | int, ...]] | None:
        """The object in the file that the built one most likely was: its kind, part of its name."""
        if file.name not in self.known:
            self.known[file.name] = _read(file)
        name = str((values.get("metadata") or {}).get("name"))
        same = [
            (found, item)
            for found, item in self.known[file.name]
            if item.value.get("kind") == values["kind"]
        ]
        named = [
            (found, item)
            for found, item in same
            if str((item.value.get("metadata") or {}).get("name")) in name
        ]
        best = max(
            named or same[:1],
            key=lambda pair: len(str((pair[1].value.get("metadata") or {}).get("name"))),
            default=None,
        )
        return (best[0], best[1].path) if best else None


def _read(file: files.File) -> list[tuple[text.Found, objects.Item]]:
    held: list[tuple[text.Found, objects.Item]] = []
    try:
        for found in text.documents(file):
            if isinstance(found, text.Found) and objects.problem(found.document.value) is None:
                items = objects.items(found.document.value)
                held += [(found, item) for item in items if not item.problem]
    except OSError:
        return held
    return held


def _without_origin(values: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The object without Kustomize's note on where it comes from, and the path in that note."""
    metadata = values.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    note = annotations.get(kustomize.ORIGIN)
    if not isinstance(note, str):
        return values, ""
    others = {name: held for name, held in annotations.items() if name != kustomize.ORIGIN}
    kept = {name: held for name, held in metadata.items() if name != "annotations"}
    if others:
        kept["annotations"] = others
    try:
        (document,) = yamltext.documents(note)
        path = document.value.get("path") or ""
    except (YamlError, ValueError, AttributeError):
        path = ""
    return {**values, "metadata": kept}, path if isinstance(path, str) else ""


def _nowhere(place: Place) -> Any:
    return lambda _: place


def _gap(each: kustomize.Kustomization, reason: str, state: str = "not_parsed") -> Gap:
    place = Place(each.file.name)
    return Gap("kustomization", each.folder, state, reason, place, state == "not_parsed")


def _error(
    top: kustomize.Kustomization, rendering: Rendering, message: str, code: str = "kustomize-build"
) -> SourceError:
    help = "build it with `kubectl kustomize` to see the same" if code == "kustomize-build" else ""
    return SourceError(
        "kustomize",
        top.folder,
        rendering.environment,
        top.folder,
        code,
        message,
        Place(top.file.name),
        help,
    )

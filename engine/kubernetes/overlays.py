"""Kustomizations of a tree → built objects with the places of the files that they come from."""

from __future__ import annotations

import posixpath
import tempfile
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from assay.engine import files, kept
from assay.engine.kubernetes import cage, kustomize, objects, rendered, text, yamltext
from assay.engine.kubernetes.objects import Origin
from assay.engine.kubernetes.places import Locator, Places
from assay.engine.kubernetes.renderings import Outcome, Pending, Rendering
from assay.engine.kubernetes.yamltext import YamlError
from assay.engine.model import Gap, Place, SourceError

AT_ONCE = 4  # builds under way


class Overlays:
    """The kustomizations of a tree while they are built: the manifests are read meanwhile.

    `claimed` are the files that builds read: they are judged in what is built, if it succeeds.
    """

    def __init__(
        self,
        tree: files.Tree,
        renderings: tuple[Rendering, ...],
        default: Rendering,
        results: kept.Results,
    ) -> None:
        self._results = results
        self._found = kustomize.find(tree)
        self._default = default
        self._chosen = {each.folder: each for each in renderings if each.folder}
        self._outcome = Outcome([], [], [], {})
        self._by_name = {file.name: file for file in tree.files} if self._found else {}
        self._sources = _Sources(self._by_name)
        self._tops = kustomize.tops(self._found)
        self._waiting: list[_Wanted] = []
        self._running: list[_Running] = []
        self.claimed = {each.file.name for each in self._found.values()}
        for top in self._tops:
            try:
                if top.fault:
                    raise kustomize.KustomizeError(top.fault)
                wanted = kustomize.reads(self._found, self._by_name, top)
            except kustomize.KustomizeError as error:
                self._fail(top, str(error))
                continue
            self._waiting.append(_Wanted(top, wanted))
            self.claimed |= wanted.keys()
        self._start()

    def finish(self, places: Places) -> tuple[Outcome, set[str]]:
        """What was built, and the files that it accounts for."""
        outcome, read = self._outcome, set[str]()
        while self._running:
            running = self._running.pop(0)
            with running.folder:
                result = running.child.finish()
                self._start()
                top = running.wanted.top
                if result.code or result.fault:
                    home = FilePath(running.folder.name).resolve()
                    self._fail(top, kustomize.message(result, home))
                    continue
            read |= running.wanted.files.keys()
            output = result.out.decode("utf-8", "replace")
            pieces = list(rendered.pieces(output))
            _objects(top, self._rendering(top), pieces, self._sources, places, outcome)
            held = [piece.values for piece in pieces if isinstance(piece, rendered.Piece)]
            if len(held) == len(pieces):
                cage.remember(running.child, result, held)
        self._account(read)
        return outcome, read | {each.file.name for each in self._found.values()}

    def _rendering(self, top: kustomize.Kustomization) -> Rendering:
        return self._chosen.get(top.folder, self._default)

    def _fail(self, top: kustomize.Kustomization, message: str) -> None:
        self._outcome.errors.append(_error(top, self._rendering(top), message))

    def _start(self) -> None:
        """Keep as many builds under way as may be at once."""
        while self._waiting and len(self._running) < AT_ONCE:
            wanted = self._waiting.pop(0)
            folder = tempfile.TemporaryDirectory(prefix="assay-kustomize-")
            try:
                home = FilePath(folder.name).resolve()
                child = kustomize.start(wanted.top, wanted.files, home, self._results)
            except kustomize.MissingKustomizeError as error:
                folder.cleanup()
                reason = f"this kustomization was not built: {error}"
                self._outcome.gaps.append(_gap(wanted.top, reason))
            except kustomize.KustomizeError as error:
                folder.cleanup()
                self._fail(wanted.top, str(error))
            else:
                self._running.append(_Running(wanted, child, folder))

    def _account(self, read: set[str]) -> None:
        """Say of every kustomization that was not built, and of every file that was, why."""
        gaps = self._outcome.gaps
        for each in self._found.values():
            if each.file.name in read or each in self._tops:
                continue
            reason = "what builds on it was not built"
            if each.component:
                reason = "a component that nothing built here uses"
            gaps.append(_gap(each, reason, "not_applicable"))
        judged = {pending.place.file for pending in self._outcome.pending}
        reason = "a part of a kustomization: judged in what is built from it"
        gaps += [
            Gap("document", name, "not_applicable", reason, Place(name), blocks=False)
            for name in sorted(read - judged)
        ]


class _Wanted(NamedTuple):
    """A kustomization to be built, and what it reads."""

    top: kustomize.Kustomization
    files: dict[str, files.File]


class _Running(NamedTuple):
    """A build under way, in its folder."""

    wanted: _Wanted
    child: cage.Child | cage.Known
    folder: tempfile.TemporaryDirectory[str]


def _objects(
    top: kustomize.Kustomization,
    rendering: Rendering,
    pieces: list[rendered.Piece | rendered.Fault],
    sources: _Sources,
    places: Places,
    outcome: Outcome,
) -> None:
    origin = Origin("kustomize", top.folder, rendering.environment, rendering.namespace)
    for piece in pieces:
        if isinstance(piece, rendered.Fault):
            outcome.errors.append(_error(top, rendering, piece.message, piece.code))
            continue
        values, source = _without_origin(piece.values)
        file = sources.by_name.get(posixpath.normpath(posixpath.join(top.folder, source)))
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

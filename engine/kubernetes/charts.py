"""Helm charts: which folders are charts, what they are rendered from, and the call of Helm.

A chart is copied into a temporary folder from the files of the walk, so no link leads out of the
tree, and its `file://` libraries are put into `charts/` there, as `helm dependency build` would.
"""

from __future__ import annotations

import importlib.util
import json
import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine import files, kept
from assay.engine.kubernetes import cage, text, yamltext
from assay.engine.kubernetes.yamltext import YamlError
from assay.engine.model import Place

CHART = "Chart.yaml"
_WHEEL = str(Path(__file__).with_name("helm_wheel.py"))
MAX_CHART = 64 * 1024**2  # bytes of all files of a chart
# Of a chart folder, what belongs to the chart; other files beside it are judged as they stand.
_OWN = re.compile(
    r"(?:Chart\.ya?ml|Chart\.lock|requirements\.(?:yaml|lock)|values[^/]*\.(?:ya?ml|json)"
    r"|(?:templates|crds|charts|ci)/.*)\Z"
)
# Functions whose result differs from one rendering to the next.
_CHANGING = re.compile(
    rb"\b(?:rand(?:Alpha|Num|Ascii|Bytes|Int)\w*|gen(?:CA|SelfSigned|Signed|PrivateKey)\w*|uuidv4"
    rb"|now|htpasswd|bcrypt|shuffle|derivePassword|encryptAES)\b"
)

# What Helm says before its error: of other things, and with the time of day.
_WARNINGS = re.compile(r"\A(?:level=WARN[^\n]*\n|\d{4}/\d\d/\d\d [\d:]+ [^\n]*\n)+")
_PLACE = re.compile(r"\b[\w.-]+/((?:charts/[\w.-]+/)*templates/[\w./-]+):(\d+)(?::(\d+))?")


class Chart(NamedTuple):
    """A chart as declared: `meta` is Chart.yaml; `fault` says why that cannot be read."""

    folder: str
    meta: dict[str, Any]
    fault: str = ""

    @property
    def name(self) -> str:
        """The name in Chart.yaml, else the folder's."""
        found = self.meta.get("name")
        return found if isinstance(found, str) and found else posixpath.basename(self.folder)

    @property
    def library(self) -> bool:
        """Whether the chart is rendered only through others."""
        return self.meta.get("type") == "library"


class Settings(NamedTuple):
    """What a rendering is given, in Helm's own words."""

    release: str
    namespace: str
    values: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


class Copy(NamedTuple):
    """A chart in its temporary folder: `origins` maps a path there to the file it is of."""

    path: Path
    origins: dict[str, files.File]
    changing: bool  # whether a template may give another text each time


class ChartError(Exception):
    """A chart that cannot be rendered: the message says why."""


class MissingHelmError(ChartError):
    """Nothing here can render charts."""


def find(tree: files.Tree) -> list[Chart]:
    """The charts of the tree that stand for themselves: not those inside another's `charts/`."""
    found = [
        (folder, file)
        for folder, held in tree.folders.items()
        for file in held
        if posixpath.basename(file.name) == CHART
    ]
    folders = {folder for folder, _ in found}
    return [
        _read(folder, file)
        for folder, file in sorted(found)
        if not any(inside(folder, outer).startswith("charts/") for outer in folders)
    ]


def inside(name: str, folder: str) -> str:
    """The path of a file or folder below a folder; empty where it is not below."""
    if folder == ".":
        return name if name != "." else ""
    return name[len(folder) + 1 :] if name.startswith(f"{folder}/") else ""


def owns(folder: str, name: str, rendered: bool) -> bool:
    """Whether the file is a part of the chart, and so accounted for by its rendering or its gap.

    The CRDs of a chart that was not rendered are no templates and are read as they stand.
    """
    inner = inside(name, folder)
    return bool(_OWN.match(inner)) and (rendered or not inner.startswith("crds/"))


def copy(tree: files.Tree, chart: Chart, into: Path) -> Copy:
    """Put the chart with its libraries into a folder. Raises ChartError."""
    origins: dict[str, files.File] = {}
    places = {
        file.path.parent: folder
        for folder, held in tree.folders.items()
        for file in held
        if file.name.endswith(CHART) and posixpath.basename(file.name) == CHART
    }
    try:
        changing = _copy(tree, chart, into, into, origins, places, ())
    except OSError as error:
        raise ChartError(f"a file of the chart cannot be copied: {error.strerror}") from error
    return Copy(into, origins, changing)


def start(chart: Copy, settings: Settings, results: kept.Results) -> cage.Child | cage.Known:
    """Begin `helm template`, of the program on PATH or of the wheel that carries it.

    A chart whose templates may give another text each time is always rendered anew. Raises
    ChartError where there is neither.
    """
    home = chart.path.parent
    others = [Path(values).resolve() for values in settings.values]
    if chart.changing:
        results = kept.Results("rendering", None)
    program = shutil.which("helm")
    if program is not None:
        arguments = _arguments(chart, settings)
        command = [program, "template", settings.release, *arguments]
        return cage.asked(command, home, results, others)
    if importlib.util.find_spec("helm_python") is None:
        raise MissingHelmError(
            "there is no `helm` on PATH; put it there or install assay-policy[charts]"
        )
    request = {
        "chart": str(chart.path),
        "release": settings.release,
        "namespace": settings.namespace,
        "values": [str(path) for path in others],
        "sets": settings.sets,
        "kube_version": settings.kube_version,
        "api_versions": settings.api_versions,
    }
    command = [sys.executable, "-I", _WHEEL, json.dumps(request)]
    return cage.asked(command, home, results, others)


def _arguments(chart: Copy, settings: Settings) -> list[str]:
    words = [str(chart.path), "--namespace", settings.namespace, "--include-crds"]
    for values in settings.values:
        words += ["--values", str(Path(values).resolve())]
    for pair in settings.sets:
        words += ["--set", pair]
    if settings.kube_version:
        words += ["--kube-version", settings.kube_version]
    for version in settings.api_versions:
        words += ["--api-versions", version]
    return words


def _read(folder: str, file: files.File) -> Chart:
    try:
        content = text.decode(files.read(file))
        (document,) = yamltext.documents(content)
    except (OSError, YamlError, ValueError) as error:
        return Chart(folder, {}, f"its {CHART} cannot be read: {error}")
    if not isinstance(document.value, dict):
        return Chart(folder, {}, f"its {CHART} is no map")
    return Chart(folder, document.value)


def _copy(
    tree: files.Tree,
    chart: Chart,
    top: Path,
    into: Path,
    origins: dict[str, files.File],
    places: dict[Path, str],
    above: tuple[str, ...],
) -> bool:
    """Copy one chart, then the libraries that it names by `file://`."""
    changing = False
    here: Path | None = None
    for file in _below(tree, chart.folder):
        inner = inside(file.name, chart.folder)
        data = files.read(file)
        target = into / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        origins[target.relative_to(top).as_posix()] = file
        changing = changing or inner.endswith(".tgz") or bool(_CHANGING.search(data))
        if inner == CHART:
            here = file.path.parent
        if sum(held.size for held in origins.values()) > MAX_CHART:
            raise ChartError(f"the chart is larger than {MAX_CHART // 1024**2} MiB")
    dependencies = chart.meta.get("dependencies")
    for dependency in dependencies if isinstance(dependencies, list) else ():
        repository = dependency.get("repository") if isinstance(dependency, dict) else None
        if not isinstance(repository, str) or not repository.startswith("file://") or not here:
            continue
        name = str(dependency.get("name"))
        folder = places.get((here / repository.removeprefix("file://")).resolve())
        target = into / "charts" / name
        if "/" in name or name.startswith(".") or target.exists():
            continue
        if folder is None:
            raise ChartError(
                f"its library `{name}` ({repository}) is not among what is scanned; name it too"
            )
        if folder in above or len(above) > 8:
            raise ChartError(f"its library `{name}` contains the chart itself")
        library = next(
            _read(folder, file) for file in tree.folders[folder] if file.name.endswith(CHART)
        )
        inner_changing = _copy(tree, library, top, target, origins, places, (*above, chart.folder))
        changing = changing or inner_changing
    return changing


def _below(tree: files.Tree, folder: str) -> Iterator[files.File]:
    """The files inside a folder, in the order of the walk."""
    prefix = "" if folder == "." else f"{folder}/"
    for name, held in tree.folders.items():
        if name == folder or name.startswith(prefix):
            yield from held


def failure(chart: Chart, copied: Copy, result: cage.Result) -> tuple[str, Place]:
    """Helm's message without its temporary paths, and the place that it speaks of."""
    message = result.err.replace(f"{copied.path}/", "").replace(str(copied.path), chart.name)
    message = _WARNINGS.sub("", message).removeprefix("Error: ")
    found = _PLACE.search(message)
    file = copied.origins.get(found[1]) if found else None
    if found and file is not None:
        return message, Place(file.name, int(found[2]), int(found[3] or 1))
    return message, Place(files.join(chart.folder, CHART))

"""Charts of a tree → rendered objects, one rendering for each environment, with errors and gaps."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from assay.engine import files, kept
from assay.engine.kubernetes import cage, charts, objects, rendered
from assay.engine.kubernetes.objects import Origin
from assay.engine.kubernetes.templates import Template
from assay.engine.model import Gap, Loaded, Locator, Path, Place, Resource, SourceError


class Rendering(NamedTuple):
    """One evaluation of a chart, as a configuration file declares it.

    folder is the chart's, as the walk names it; empty for every chart of the tree.
    """

    environment: str = "default"
    folder: str = ""
    namespace: str | None = None
    release: str = ""
    values: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


class Pending(NamedTuple):
    """An object that becomes a Resource when the scope of every kind is known."""

    values: dict[str, Any]
    origin: Origin
    place: Place
    locate: Locator
    complete: bool = True


class Outcome(NamedTuple):
    """What renderings gave: objects, what failed, what was left out, whose files are accounted."""

    pending: list[Pending]
    errors: list[SourceError]
    gaps: list[Gap]
    owners: dict[str, bool]  # folders of charts, and whether they were rendered


def load_charts(
    tree: files.Tree,
    renderings: tuple[Rendering, ...],
    default: Rendering,
    results: kept.Results,
) -> Outcome:
    """Render every chart of the tree: once for each rendering that is meant for it.

    A rendering that names the chart's folder goes before those that name none; a chart that none
    is meant for is rendered by `default`.
    """
    outcome = Outcome([], [], [], {})
    for chart in charts.find(tree):
        special = [each for each in renderings if each.folder == chart.folder]
        general = [each for each in renderings if not each.folder]
        outcome.owners[chart.folder] = False
        if chart.library:
            outcome.owners[chart.folder] = True
            outcome.gaps.append(
                _gap(chart, "not_applicable", "a library chart: rendered where it is used", False)
            )
        elif chart.fault:
            place = Place(files.join(chart.folder, charts.CHART))
            outcome.errors.append(_error(chart, "default", chart.fault, place))
        else:
            _render_chart(tree, chart, special or general or [default], outcome, results)
    return outcome


def _render_chart(
    tree: files.Tree,
    chart: charts.Chart,
    renderings: list[Rendering],
    outcome: Outcome,
    results: kept.Results,
) -> None:
    with tempfile.TemporaryDirectory(prefix="assay-chart-") as home:
        try:
            copied = charts.copy(tree, chart, FilePath(home).resolve() / "chart")
            for rendering in renderings:
                _render(chart, copied, rendering, outcome, results)
            outcome.owners[chart.folder] = True
        except charts.MissingHelmError as error:
            reason = f"the chart was not rendered: {error}"
            outcome.gaps.append(_gap(chart, "not_parsed", reason, True))
        except charts.ChartError as error:
            place = Place(files.join(chart.folder, charts.CHART))
            outcome.errors.append(_error(chart, "default", str(error), place))


def _render(
    chart: charts.Chart,
    copied: charts.Copy,
    rendering: Rendering,
    outcome: Outcome,
    results: kept.Results,
) -> None:
    settings = charts.Settings(
        rendering.release or chart.name,
        rendering.namespace or rendered.NAMESPACE,
        rendering.values,
        rendering.sets,
        rendering.kube_version,
        rendering.api_versions,
    )
    origin = Origin("chart", chart.folder, rendering.environment, rendering.namespace, hooks=True)
    started = [charts.start(copied, settings, results) for _ in range(1 + copied.changing)]
    ended = [child.finish() for child in started]
    for result in ended:
        if result.code or result.fault:
            message, place = charts.failure(chart, copied, result)
            error = _error(chart, rendering.environment, result.fault or message, place)
            outcome.errors.append(error)
            return
    first, *rest = [list(rendered.pieces(_text(result.out))) for result in ended]
    held = [piece.values for piece in first if isinstance(piece, rendered.Piece)]
    if len(held) == len(first):
        cage.remember(started[0], ended[0], held)
    second = rest[0] if rest and len(rest[0]) == len(first) else first
    known: dict[str, Template] = {}
    for piece, other in zip(first, second, strict=True):
        template = _template(copied, piece.source, known)
        if isinstance(piece, rendered.Fault):
            place = Place(template.file.name) if template else _place(chart)
            error = _error(chart, rendering.environment, piece.message, place, piece.code)
            outcome.errors.append(error)
            continue
        compared = other.values if isinstance(other, rendered.Piece) else None
        values, complete = rendered.with_unknowns(piece.values, compared, origin)
        locate = ChartLocator(template, piece.values["kind"], piece.number, _place(chart))
        outcome.pending.append(Pending(values, origin, locate(()), locate, complete))


class ChartLocator:
    """A rendered object's question for places: the nearest line of its template."""

    __slots__ = ("_kind", "_number", "_other", "_template")

    def __init__(self, template: Template | None, kind: str, number: int, other: Place) -> None:
        self._template = template
        self._kind = kind
        self._number = number
        self._other = other

    def __call__(self, path: Path) -> Place:
        if self._template is None:
            return self._other
        return self._template.find(self._kind, self._number, path)


def _template(copied: charts.Copy, source: str, known: dict[str, Template]) -> Template | None:
    """The template of Helm's `# Source:`, which begins with the chart's name."""
    if source not in known:
        file = copied.origins.get(source.partition("/")[2])
        if file is None:
            return None
        known[source] = Template(file)
    return known[source]


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def _place(chart: charts.Chart) -> Place:
    return Place(files.join(chart.folder, charts.CHART))


def _gap(chart: charts.Chart, state: str, reason: str, blocks: bool) -> Gap:
    return Gap("chart", chart.folder, state, reason, _place(chart), blocks)


def _error(
    chart: charts.Chart, environment: str, message: str, place: Place, code: str = "chart-render"
) -> SourceError:
    help = "render it with `helm template` to see the same" if code == "chart-render" else ""
    return SourceError("chart", chart.folder, environment, chart.folder, code, message, place, help)


def load_release(tree: files.Tree, rendering: Rendering, release: Resource) -> Loaded:
    """The objects of one chart of the tree as a Terraform resource installs it.

    They are of the release's source and root, stand in their templates, and name the release.
    """
    chart = next(each for each in charts.find(tree) if each.folder == rendering.folder)
    outcome = Outcome([], [], [], {})
    _render_chart(tree, chart, [rendering], outcome, kept.Results("rendering", None))
    learnt: dict[tuple[str, str], bool] = {}
    for each in outcome.pending:
        objects.learn(learnt, each.values)
    resources = []
    for each in outcome.pending:
        origin = each.origin._replace(source=release.source, root=release.root)
        built = objects.resource(
            each.values, origin, learnt, each.place, each.locate, each.complete
        )
        built.calls = (*release.calls, release.address)
        resources.append(built)
    return Loaded(resources, outcome.errors, outcome.gaps)

"""Files of a scan → resources: pipelines with all that they include, and files of other tools."""

from __future__ import annotations

from typing import NamedTuple

from assay.engine.files import File, Tree, read
from assay.engine.model import Gap, Loaded, Locator, Path, Place, Resource, SourceError
from assay.engine.pipelines import gitlab, others
from assay.engine.pipelines.document import DocumentError

MAX_FILE = 4 * 1024 * 1024  # bytes
ROOT = ".gitlab-ci.yml"


class Options(NamedTuple):
    """`environment` is the name that the resources carry."""

    environment: str = "default"


def wanted(tree: Tree) -> bool:
    """Whether the tree holds a file that this loader may read."""
    return any(is_pipeline(file.name) or others.may_be(file.name) for file in tree.files)


def is_pipeline(name: str) -> bool:
    """Whether a file's name says that it is a GitLab CI file, the root of one or a part."""
    last = name.rpartition("/")[2]
    return last.endswith((".gitlab-ci.yml", ".gitlab-ci.yaml"))


def load(tree: Tree, options: Options) -> Loaded:
    """Every pipeline of the tree as one resource of kind `pipeline`. Never raises for content."""
    files = {file.name: file for file in tree.files}
    resources: list[Resource] = []
    errors: list[SourceError] = []
    gaps: list[Gap] = []
    for file in tree.files:
        if file.name.rpartition("/")[2] != ROOT:
            if others.may_be(file.name):
                _other(file, tree.base_of(file).name, options, resources, errors)
            continue
        root = tree.base_of(file).name
        try:
            found = gitlab.load(file.name, _text(file), _opener(files), lambda: list(files))
        except DocumentError as error:
            place = Place(file.name, error.line, error.column)
            errors.append(_error(file, root, options, error.code, error.message, place))
            continue
        except (OSError, UnicodeDecodeError) as error:
            place = Place(file.name)
            errors.append(_error(file, root, options, "pipeline-unreadable", str(error), place))
            continue
        for problem in found.problems:
            if problem.code == "pipeline-elsewhere":
                gap = Gap("include", file.name, "unavailable", problem.message, problem.place)
                gaps.append(gap)
            else:
                errors.append(
                    _error(file, root, options, problem.code, problem.message, problem.place)
                )
        resources.append(_resource(file, root, options, found))
    return Loaded(resources, errors, gaps)


def _other(
    file: File,
    root: str,
    options: Options,
    resources: list[Resource],
    errors: list[SourceError],
) -> None:
    """A file of Atlantis or Keycloak, if it is one."""
    try:
        found = others.load(file)
    except DocumentError as error:
        place = Place(file.name, error.line, error.column)
        errors.append(_error(file, root, options, error.code, error.message, place))
        return
    for kind, address, values, places in found:
        whole = Place(file.name)
        resources.append(
            Resource(
                "chart" if kind == "helm-values" else "pipeline",
                kind,
                address,
                values,
                whole,
                root=root,
                environment=options.environment,
                locate=_locator(places, whole),
                sensitive=others.sensitive(kind, values),
            )
        )


def _text(file: File) -> str:
    data = read(file)
    if len(data) > MAX_FILE:
        raise OSError("the file is too large for a pipeline")
    return data.decode("utf-8-sig")


def _opener(files: dict[str, File]) -> gitlab.Open:
    def open_file(name: str) -> str | None:
        file = files.get(name)
        try:
            return None if file is None else _text(file)
        except (OSError, UnicodeDecodeError):
            return None

    return open_file


def _resource(file: File, root: str, options: Options, found: gitlab.Pipeline) -> Resource:
    return Resource(
        "pipeline",
        "pipeline",
        f"pipeline/{file.name}",
        found.values,
        Place(file.name),
        root=root,
        environment=options.environment,
        locate=_locator(found.places, Place(file.name)),
    )


def _locator(places: dict[Path, Place], whole: Place) -> Locator:
    def locate(path: Path) -> Place:
        for length in range(len(path), 0, -1):
            if path[:length] in places:
                return places[path[:length]]
        return whole

    return locate


def _error(
    file: File, root: str, options: Options, code: str, message: str, place: Place
) -> SourceError:
    return SourceError("pipeline", root, options.environment, file.name, code, message, place)

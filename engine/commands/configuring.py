"""`--config`: the project's configuration, read once a run, and what it means for the loaders."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.engine.errors import printable, usage
from assay.engine.files import Tree

if TYPE_CHECKING:
    from assay.engine.catalogue.controls import Catalogue
    from assay.engine.commands.changed import Reviewed
    from assay.engine.kubernetes.renderings import Rendering
    from assay.engine.project.config import Config
    from assay.engine.terraform.context import Inputs

NAME = "assay.yaml"


def options(parser: argparse.ArgumentParser) -> None:
    """The option, for every command that reads sources."""
    parser.add_argument("--config", metavar="FILE", help="the project's configuration, assay.yaml")


def catalogue_and_config(
    args: argparse.Namespace, folders: Sequence[str]
) -> tuple[Catalogue, Config | None]:
    """The catalogue with the folders given and the configuration's own, and the configuration."""
    from assay.engine.catalogue.load import load

    reviewed: Reviewed | None = getattr(args, "reviewed", None)
    own = [Path(folder) for folder in folders]
    if reviewed is not None:
        own = reviewed.folders(own)
    if not args.config:
        return load(own), None
    kept: tuple[Catalogue, Config] | None = getattr(args, "configuration", None)
    if kept is None:
        from assay.engine.project import config, overrides

        text = reviewed.text(args.config) if reviewed is not None else None
        source = config.read(args.config, text)
        further = config.rule_folders(source)
        catalogue = load([*own, *(reviewed.folders(further) if reviewed is not None else further)])
        found = config.check(source, catalogue)
        if args.environment not in ("default", *found.environments):
            help = f"declared: {', '.join(found.environments) or 'none'}"
            raise usage(f"no environment `{args.environment}` in {args.config}", help)
        kept = args.configuration = (overrides.with_severities(catalogue, found), found)
    return kept


def of(args: argparse.Namespace) -> Config | None:
    """The configuration that `--config` names."""
    return catalogue_and_config(args, getattr(args, "rules", []))[1] if args.config else None


def tree_of(args: argparse.Namespace, tree: Tree) -> Tree:
    """The tree without what the configuration leaves out, or leaves to other environments."""
    config = of(args)
    if config is None:
        _hint(args, tree)
        return tree
    from assay.engine.project import overrides

    tree = overrides.without_excluded(tree, config)
    if args.environment != "default":
        tree = overrides.of_environment(tree, config, args.environment)
    return tree


def _hint(args: argparse.Namespace, tree: Tree) -> None:
    """A configuration in the tree that nobody named: it is not trusted, and not passed over."""
    found = next((file.name for file in tree.files if file.path.name == NAME), None)
    if found is not None and not getattr(args, "quiet", False):
        print(f"note: {printable(found)} is not used: name it with --config", file=sys.stderr)


def inputs(args: argparse.Namespace, tree: Tree) -> dict[str, tuple[Inputs, ...]]:
    """Report name of a root → its inputs, one for each environment that is judged."""
    config = of(args)
    if config is None or not config.roots:
        return {}
    from assay.engine.project.overrides import Names
    from assay.engine.terraform.context import Inputs

    names = Names(config, tree)
    found: dict[str, tuple[Inputs, ...]] = {}
    for root in config.roots:
        name = names.of(root.folder)
        if name and args.environment in ("default", root.environment):
            files = tuple(_beside(config, file) for file in root.variable_files)
            given = Inputs(root.environment, root.variables, files, root.workspace)
            found[name] = (*found.get(name, ()), given)
    return found


def renderings(args: argparse.Namespace, tree: Tree) -> tuple[Rendering, ...]:
    """How the configuration renders charts, one for each environment that is judged."""
    config = of(args)
    if config is None:
        return ()
    from assay.engine.kubernetes.renderings import Rendering
    from assay.engine.project.overrides import Names

    names = Names(config, tree)
    further = [name for word in args.api_versions for name in word.split(",") if name]
    return tuple(
        Rendering(
            environment=chart.environment,
            folder=names.of(chart.folder),
            namespace=chart.namespace or args.namespace,
            release=chart.release,
            values=tuple(_beside(config, file) for file in chart.values),
            sets=chart.sets,
            kube_version=chart.kube_version or args.kube_version,
            api_versions=(*chart.api_versions, *further),
        )
        for chart in config.charts
        if names.of(chart.folder) and args.environment in ("default", chart.environment)
    )


def owners(config: Config | None, tree: Tree) -> Callable[[str], Sequence[str]] | None:
    """Report name of a file → its owners, by the configuration's CODEOWNERS."""
    if config is None or not config.owners:
        return None
    from assay.engine.project import owners as codeowners
    from assay.engine.project.overrides import Names

    return codeowners.read(config.folder / config.owners, Names(config, tree))


def default(args: argparse.Namespace, config: Config | None, name: str) -> Any:
    """An option of the command line, else what the configuration says, a path beside it."""
    given = getattr(args, name)
    if given or config is None:
        return given
    found = getattr(config, name)
    return _beside(config, found) if found else given


def _beside(config: Config, name: str) -> str:
    return os.path.relpath(config.folder / name)

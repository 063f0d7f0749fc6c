"""Folders with Terraform configuration, plans and states → resources with the values they have."""

from __future__ import annotations

from assay.engine.files import Tree
from assay.engine.model import Gap, Loaded, Resource, SourceError
from assay.engine.terraform.context import Context, Library, Options
from assay.engine.terraform.instance import Instance
from assay.engine.terraform.module import is_configuration
from assay.engine.terraform.resources import collect
from assay.engine.terraform.roots import find_roots
from assay.engine.terraform.schema import table

__all__ = ["Options", "load"]


def load(tree: Tree, options: Options) -> Loaded:
    """Every resource of every root below the tree, and of the plans and states that are named.

    Never raises for what the files hold; InputError for options that cannot be met.
    """
    resources: list[Resource] = []
    errors: list[SourceError] = []
    gaps: list[Gap] = []
    library = Library(tree)
    folders = folders_of(tree)
    declared = {root for root in options.inputs if root in folders}
    roots = sorted({*find_roots(library, folders), *declared})
    if len(roots) > 1 and (options.variables or options.variable_files):
        from assay.engine.errors import usage

        help = f"roots here: {', '.join(roots[:5])}"
        raise usage("--var and --var-file belong to a single root", help, "terraform-roots")
    reached: set[str] = set()
    for root in roots:
        for inputs in options.inputs.get(root, (None,)):
            given = options if inputs is None else options._replace(**inputs._asdict())
            context = _context(library, root, given)
            instance = Instance(context, library.module(root))
            resources += collect(instance, reached)
            errors += context.errors.values()
            gaps += context.gaps.values()
    errors += _broken(library, roots, options)
    if options.plans or options.states:
        from assay.engine.terraform import recorded

        found = recorded.load(options, resources)
        resources += found.resources
        errors += found.errors
        gaps += found.gaps
    return Loaded(resources, errors, gaps)


def folders_of(tree: Tree) -> list[str]:
    """The folders that hold configuration, sorted."""
    return sorted(
        folder
        for folder, files in tree.folders.items()
        if any(is_configuration(file.name) for file in files)
    )


def _context(library: Library, root: str, options: Options) -> Context:
    base = next(
        (base for base in library.tree.bases if _within(root, base.name)), library.tree.bases[0]
    )
    return Context(library, root, base, options, table())


def _within(folder: str, base: str) -> bool:
    return base == "." or folder == base or folder.startswith(f"{base}/")


def _broken(library: Library, roots: list[str], options: Options) -> list[SourceError]:
    """What could not be read in any module of the tree, each once."""
    from assay.engine.model import Place

    found: dict[tuple[str, object], SourceError] = {}
    for folder, module in sorted(library.parsed.items()):
        for subject, problem in module.broken:
            root = _root_of(folder, roots)
            place = Place(problem.file or folder, *problem.span)
            error = SourceError(
                "terraform",
                root,
                options.environment,
                subject,
                problem.code,
                problem.message,
                place,
                problem.help,
            )
            found.setdefault((problem.message, place), error)
    return list(found.values())


def _root_of(folder: str, roots: list[str]) -> str:
    if folder in roots:
        return folder
    return next((root for root in roots if _within(folder, root)), folder)

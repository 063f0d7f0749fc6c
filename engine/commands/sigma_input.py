"""What the actions of `assay sigma` share: rules, placeholders, filters, and what is refused."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from assay.engine.errors import InputError, Problem, printable


def rules(parser: argparse.ArgumentParser, nargs: str = "+") -> None:
    """The rules and what they are read with."""
    words = "Sigma files or folders" + ("; none: the shipped detections" if nargs == "*" else "")
    parser.add_argument("rules", nargs=nargs, metavar="RULES", help=words)
    parser.add_argument(
        "--placeholders", metavar="FILE", help="YAML: values for `|expand`, name: [value, ...]"
    )
    parser.add_argument(
        "--filters",
        action="append",
        default=[],
        metavar="DIR",
        help="Sigma filters: files of the folder, and those of DIR/ENVIRONMENT for that one alone",
    )
    parser.add_argument(
        "--pipeline",
        action="append",
        default=[],
        metavar="FILE",
        help="YAML: changes of fields and log sources before rules are converted",
    )


def convert_given(args: argparse.Namespace, environment: str = "") -> Any:
    """The rules named, else the shipped detections, converted. Raises InputError."""
    from assay.engine.siem.convert import convert
    from assay.engine.siem.sources import FOLDER

    given = args.rules or [str(FOLDER / "detections")]
    return convert(
        [*given, *_filters(args.filters, environment)],
        placeholders(args.placeholders),
        args.pipeline,
    )


def convert_texts(args: argparse.Namespace) -> Any:
    """As `convert_given`, but only the texts of the searches: a Bulk. Raises InputError."""
    from assay.engine.siem import bulk

    if args.rules and not args.filters:
        found = bulk.searches(args.rules, placeholders(args.placeholders), args.pipeline)
        if found is not None:
            return found
    done = convert_given(args)
    texts = [
        bulk.Search(one.rule.id, one.source.pattern, bulk.text_of(one.body))
        for one in done.searches()
    ]
    return bulk.Bulk(texts, done.refused)


def _filters(folders: list[str], environment: str) -> list[str]:
    """The files of filters: those of the folder, and of the environment's own folder."""
    found: list[str] = []
    for name in folders:
        folder = Path(name)
        if not folder.is_dir():
            found.append(name)  # a file, or what does not exist: the walk says so
            continue
        files = [path for path in folder.iterdir() if path.suffix in (".yml", ".yaml")]
        found += sorted(str(path) for path in files if path.is_file())
        if environment and (folder / environment).is_dir():
            found.append(str(folder / environment))
    return found


def refusals(refused: list[Any]) -> int:
    """Lists what is refused; 1 where anything is."""
    for one in refused:
        place = f"{one.file}:{one.line}" if one.line else one.file
        name = f" {one.rule}" if one.rule else ""
        print(printable(f"refused: {place}:{name}: {one.reason}"), file=sys.stderr)
    return 1 if refused else 0


def placeholders(name: str | None) -> dict[str, list[str]] | None:
    """The values of `|expand` out of the user's file. Raises InputError."""
    if name is None:
        return None
    import yaml

    from assay.engine.siem.documents import fault

    raw = b""
    try:
        raw = Path(name).read_bytes()
        data = yaml.safe_load(raw)
    except OSError as error:
        problem = Problem("path-not-found", f"cannot read {name}: {error.strerror}")
        raise InputError(problem) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = fault("siem-placeholders", "not YAML", name, raw, error)
        raise InputError(problem) from error
    if not isinstance(data, dict):
        raise InputError(Problem("siem-placeholders", "not a map of name to values", file=name))
    return {
        str(key): [str(value) for value in (values if isinstance(values, list) else [values])]
        for key, values in data.items()
    }

"""assay cel: one expression, evaluated as a check or an admission policy would."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from assay.engine.errors import Text, printable, usage


def options(parser: argparse.ArgumentParser) -> None:
    """`assay cel EXPRESSION [--object FILE]`."""
    parser.add_argument("expression", metavar="EXPRESSION")
    parser.add_argument("--object", metavar="FILE", help="YAML or JSON, read as `object`")


def run(args: argparse.Namespace) -> int:
    """Prints {"value": …}, {"error": …} or {"unknown": …}; refused at creation: exit 2."""
    from assay.engine import cel
    from assay.engine.cel.json import to_json
    from assay.engine.model import Unknown

    names = ("object", "oldObject", "request", "params", "namespaceObject", "variables")
    environment = cel.Environment(dict.fromkeys(names), ())
    program = cel.compile_expression(Text("", args.expression), environment)
    values: tuple[Any, ...] = (_object(args.object), None, {}, None, None, {})
    try:
        value = program.partial(*values)
    except cel.FAILURES as error:
        _print({"error": cel.describe(program, error).message})
        return 0
    if isinstance(value, Unknown):
        _print({"unknown": value.origin})
    else:
        _print({"value": to_json(value)})
    return 0


def _print(result: dict[str, Any]) -> None:
    print(json.dumps(result, ensure_ascii=False))


def _object(file: str | None) -> Any:
    if file is None:
        return None
    from assay.engine.cel.extensions.parse import parse_json, parse_yaml

    try:
        text = Path(file).read_text("utf-8")
        return parse_json(text) if text.lstrip().startswith(("{", "[")) else parse_yaml(text)
    except (OSError, ValueError) as error:
        raise usage(f"the object cannot be read: {printable(str(error))}") from None

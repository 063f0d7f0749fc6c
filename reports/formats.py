"""The table of report formats, and how `-f FORMAT[=FILE]` is written."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from assay.engine.errors import usage
from assay.engine.model import Scan

# name → module with `render(scan) -> iterator of text`
FORMATS = {
    "text": "assay.reports.text",
    "json": "assay.reports.json",
    "sarif": "assay.reports.sarif",
    "oscal-ar": "assay.reports.oscal_ar",
    "oscal-ap": "assay.reports.oscal_ap",
    "oscal-poam": "assay.reports.oscal_poam",
}


class Output(NamedTuple):
    """One report to write; file None is stdout."""

    format: str
    file: str | None


def parse(words: Sequence[str]) -> list[Output]:
    """`FORMAT[=FILE]` words → outputs. Raises InputError for an unknown format, two on stdout."""
    outputs = []
    for word in words:
        name, _, file = word.partition("=")
        if name not in FORMATS:
            from difflib import get_close_matches

            near = get_close_matches(name, FORMATS, 1)
            help = f"did you mean `{near[0]}`?" if near else f"formats: {', '.join(FORMATS)}"
            raise usage(f"no format `{name}`", help, "no-format")
        outputs.append(Output(name, file or None))
        folder = Path(file).parent
        if file and not folder.is_dir():
            raise usage(f"no such folder for the report: {folder}", code="path-not-found")
    if sum(output.file is None for output in outputs) > 1:
        raise usage("two reports cannot both go to stdout", "write one as FORMAT=FILE")
    return outputs


def write(
    outputs: Iterable[Output], scan: Scan, paths: Mapping[str, Path], quiet: bool = False
) -> None:
    """Write every report; a file is replaced whole or not at all."""
    for output in outputs:
        if output.file is None:
            for piece in pieces(output.format, scan, paths, sys.stdout.isatty(), quiet):
                sys.stdout.write(piece)
            continue
        target = Path(output.file)
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=target.parent, delete=False
            ) as stream:
                stream.writelines(pieces(output.format, scan, paths, False, quiet))
            Path(stream.name).chmod(0o644)
            os.replace(stream.name, target)  # noqa: PTH105
        except OSError as error:
            raise usage(f"the report cannot be written: {error}", code="report-write") from None


def pieces(
    name: str, scan: Scan, paths: Mapping[str, Path], terminal: bool, quiet: bool
) -> Iterable[str]:
    """A report as pieces of text."""
    module = import_module(FORMATS[name])
    if name != "text":
        found: Iterable[str] = module.render(scan)
        return found
    from assay.engine.terminal import painter, source_lines

    text: Iterable[str] = module.render(scan, source_lines(paths), painter(terminal), quiet)
    return text

"""The table of report formats, and how `-f FORMAT[=FILE]` is written."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.errors import usage
from assay.engine.model import Scan
from assay.reports.parts.cleaned import cleaned, cleaned_lines

# name → module with `render(scan) -> iterator of text` (or of bytes: BINARY)
FORMATS = {
    "text": "assay.reports.text",
    "json": "assay.reports.json",
    "sarif": "assay.reports.sarif",
    "oscal-ar": "assay.reports.oscal_ar",
    "oscal-ap": "assay.reports.oscal_ap",
    "oscal-poam": "assay.reports.oscal_poam",
    "gitlab-codequality": "assay.reports.gitlab_codequality",
    "gitlab-sast": "assay.reports.gitlab_sast",
    "junit": "assay.reports.junit",
    "markdown": "assay.reports.markdown",
    "csv": "assay.reports.csv",
    "html": "assay.reports.html",
    "openmetrics": "assay.reports.openmetrics",
    "ocsf": "assay.reports.ocsf",
    "hdf": "assay.reports.hdf",
    "pdf": "assay.reports.pdf",
}
BINARY: tuple[str, ...] = ("pdf",)
# Other names that people try first.
ALIASES = {
    "codequality": "gitlab-codequality",
    "code-quality": "gitlab-codequality",
    "codeclimate": "gitlab-codequality",
    "sast": "gitlab-sast",
    "junit-xml": "junit",
    "md": "markdown",
    "prometheus": "openmetrics",
    "heimdall": "hdf",
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
        name = ALIASES.get(name, name)
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
    scan = cleaned(scan)
    for output in outputs:
        if output.file is None:
            terminal = sys.stdout.isatty()
            if output.format in BINARY and terminal:
                help = f"write it as {output.format}=FILE"
                raise usage(f"a {output.format} is nothing for a terminal", help)
            for piece in pieces(output.format, scan, paths, terminal, quiet):
                if isinstance(piece, bytes):
                    sys.stdout.buffer.write(piece)
                else:
                    sys.stdout.write(piece)
            continue
        _to_file(Path(output.file), pieces(output.format, scan, paths, False, quiet))


def _to_file(target: Path, found: Iterable[str | bytes]) -> None:
    name = ""
    try:
        with tempfile.NamedTemporaryFile("wb", dir=target.parent, delete=False) as stream:
            name = stream.name
            for piece in found:
                text = piece if isinstance(piece, bytes) else piece.encode("utf-8", "replace")
                stream.write(text)
        Path(name).chmod(0o644)
        os.replace(name, target)  # noqa: PTH105
    except OSError as error:
        raise usage(f"the report cannot be written: {error}", code="report-write") from None
    finally:
        if name:
            Path(name).unlink(missing_ok=True)


def pieces(
    name: str, scan: Scan, paths: Mapping[str, Path], terminal: bool, quiet: bool
) -> Iterable[Any]:
    """A report as pieces of text, or of bytes for a format in BINARY; without secrets."""
    module = import_module(FORMATS[name])
    scan = cleaned(scan)
    if name != "text":
        found: Iterable[str | bytes] = module.render(scan)
        return found
    from assay.engine.terminal import painter, source_lines

    lines = cleaned_lines(scan, source_lines(paths))
    text: Iterable[str] = module.render(scan, lines, painter(terminal), quiet)
    return text

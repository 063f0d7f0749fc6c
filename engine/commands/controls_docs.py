"""assay controls docs: a page a control, and indexes by domain, row of the estate, framework."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path

from assay.engine.catalogue.controls import Catalogue, Control
from assay.engine.commands import controls_coverage
from assay.engine.errors import usage
from assay.engine.model import DOMAINS

MARK = "<!-- Written by `assay controls docs`: edit the control instead. -->"


def options(parser: argparse.ArgumentParser) -> None:
    """The folder, and `--check`, which writes nothing and exits 1 where a page is not current."""
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--rules", action="append", default=[], metavar="DIR")
    help = "write nothing; exit 1 if a page is missing, stale or left over"
    parser.add_argument("--check", action="store_true", help=help)


def run(args: argparse.Namespace) -> int:
    """0; with `--check` 1 where the folder is not what would be written."""
    from assay.engine.catalogue import load

    files = load.read_files([Path(folder) for folder in args.rules])
    wanted = pages(load.from_files(files), controls_coverage.frameworks(files))
    folder = Path(args.folder)
    try:
        stale = _stale(folder, wanted)
    except (OSError, UnicodeDecodeError) as error:
        raise usage(f"{args.folder} cannot be read: {error}", code="path-not-found") from None
    if args.check:
        for name in stale:
            print(f"not current: {folder.as_posix()}/{name}")
        return 1 if stale else 0
    try:
        for name in stale:
            page = folder / name
            if name in wanted:
                page.parent.mkdir(parents=True, exist_ok=True)
                page.write_text(wanted[name], "utf-8")
            else:
                page.unlink()
    except OSError as error:
        raise usage(f"{args.folder} cannot be written: {error.strerror}", code="output") from None
    print(f"{len(wanted)} pages in {folder.as_posix()}, {len(stale)} of them changed")
    return 0


def _stale(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Pages to write or, where we wrote them and they are no longer wanted, to remove."""
    there = {page.name: page.read_text("utf-8") for page in folder.glob("*.md")}
    missing = [name for name, text in wanted.items() if there.get(name) != text]
    ours = [name for name, text in there.items() if text.startswith(MARK) and name not in wanted]
    return sorted(missing + ours)


def pages(
    catalogue: Catalogue, frameworks: Mapping[str, tuple[str, dict[str, str]]]
) -> dict[str, str]:
    """File name → Markdown: a page a control and the three indexes."""
    titles = {id: title for id, (title, _) in frameworks.items()}
    found = {f"{control.id}.md": _page(control, titles) for control in catalogue.controls}
    found["README.md"] = _domains(catalogue)
    found["rows.md"] = _rows(catalogue.controls)
    found["frameworks.md"] = _frameworks(catalogue, frameworks)
    return dict(sorted(found.items()))


def _page(control: Control, titles: Mapping[str, str]) -> str:
    return "\n".join(_lines(control, titles)) + "\n"


def _lines(control: Control, titles: Mapping[str, str]) -> Iterator[str]:
    yield from (MARK, "", f"# {_text(control.title)}", "")
    yield f"`{control.id}` · {control.severity} · {control.domain}"
    yield from ("", _text(control.why), "")
    if control.manual:
        yield from ("A person decides: " + _text(" ".join(control.manual.split())), "")
    if control.checks:
        yield from ("| check | looks at | what to do |", "|---|---|---|")
        for check in control.checks:
            kinds = ", ".join(f"`{kind}`" for kind in check.kinds)
            yield f"| `{check.id}` | {kinds} | {_cell(check.fix)} |"
        yield ""
    if control.params:
        yield from ("| parameter | type | default | about |", "|---|---|---|---|")
        for param in control.params:
            default = json.dumps(param.default, ensure_ascii=False)
            yield f"| `{param.name}` | {param.type} | `{_cell(default)}` | {_cell(param.about)} |"
        yield ""
    if control.frameworks:
        yield from ("| framework | requirement | relation | because |", "|---|---|---|---|")
        for each in control.frameworks:
            title = _cell(titles.get(each.framework, each.framework))
            yield f"| {title} | {each.requirement} | {each.relation} | {_cell(each.because)} |"
        yield ""
    rows = [number for number, _, members in _members([control]) if members]
    if rows:
        yield from ("Rows of the estate: " + ", ".join(map(str, rows)) + ".", "")
    for tool, ids in control.equivalents.items():
        if ids:
            yield from (f"The same in {tool}: {', '.join(ids)}.", "")
    yield "[All controls](README.md)"


def _domains(catalogue: Catalogue) -> str:
    checks = sum(len(control.checks) for control in catalogue.controls)
    lines = [MARK, "", "# Controls", ""]
    lines += [f"{len(catalogue.controls)} controls with {checks} checks, by domain. Also: "]
    lines[-1] += "[by row of the estate](rows.md), [by framework](frameworks.md)."
    for domain in DOMAINS:
        mine = [control for control in catalogue.controls if control.domain == domain]
        if mine:
            lines += ["", f"## {domain}", "", *_table(mine)]
    return "\n".join(lines) + "\n"


def _rows(controls: Sequence[Control]) -> str:
    lines = [MARK, "", "# Controls by row of the estate", "", "[By domain](README.md)"]
    for number, title, members in _members(controls):
        lines += ["", f"## {number}. {title}", ""]
        lines += _table(members) if members else ["None yet."]
    return "\n".join(lines) + "\n"


def _frameworks(catalogue: Catalogue, frameworks: Mapping[str, tuple[str, dict[str, str]]]) -> str:
    lines = [MARK, "", "# Controls by framework", "", "[By domain](README.md)"]
    for id, (title, requirements) in sorted(frameworks.items()):
        lines += ["", f"## {title}", "", f"`{id}`", ""]
        lines += ["| requirement | about | state | controls |", "|---|---|---|---|"]
        for each in controls_coverage.of(catalogue, id, requirements):
            linked = ", ".join(f"[{control}]({control}.md)" for control, _ in each.controls)
            state = controls_coverage.SHOWN[each.state]
            lines.append(f"| {each.id} | {_cell(each.title)} | {state} | {linked} |")
    return "\n".join(lines) + "\n"


def _table(controls: Sequence[Control]) -> list[str]:
    lines = ["| control | severity | what is required |", "|---|---|---|"]
    for control in controls:
        title = _cell(control.title)
        lines.append(f"| [{control.id}]({control.id}.md) | {control.severity} | {title} |")
    return lines


def _members(controls: Sequence[Control]) -> Iterator[tuple[int, str, list[Control]]]:
    """Each row of the estate with the controls that look at its kinds, or that it names."""
    text = resources.files("assay.engine.commands").joinpath("estate_rows.json").read_text("utf-8")
    for row in json.loads(text):
        patterns, named = row.get("kinds", []), row.get("controls", [])
        members = [
            control
            for control in controls
            if any(fnmatchcase(control.id, pattern) for pattern in named)
            or any(
                fnmatchcase(kind, pattern)
                for check in control.checks
                for kind in check.kinds
                for pattern in patterns
            )
        ]
        yield row["row"], row["title"], members


def _text(text: str) -> str:
    return re.sub(r"([<>])", r"\\\1", text)


def _cell(text: str) -> str:
    return _text(" ".join(text.split())).replace("|", "\\|")

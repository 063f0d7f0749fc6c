"""Path in a rendered object → the line of the template that it most likely comes from."""

from __future__ import annotations

import re
from bisect import bisect_left

from assay.engine import files
from assay.engine.kubernetes import text as texts
from assay.engine.kubernetes.yamltext import YamlError
from assay.engine.model import Path, Place

_KEY = re.compile(r"""( *)((?:- +)*)["']?([A-Za-z0-9_./-]+)["']?\s*:(?:\s|$)""")
_MARKER = re.compile(r"---(?:\s|$)")


class Template:
    """The lines of a template, read when a place is first asked for."""

    def __init__(self, file: files.File) -> None:
        self.file = file
        self._lines: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        """The lines of the file; none where it cannot be read."""
        if self._lines is None:
            try:
                self._lines = texts.decode(files.read(self.file)).splitlines()
            except (OSError, YamlError):
                self._lines = []
        return self._lines

    def find(self, kind: str, number: int, path: Path) -> Place:
        """The place of a path in the `number`th object of a kind that came from this template."""
        start, end = self._object(kind, number)
        row, column = start, 1
        indent = -1
        for step in path:
            found = (
                _item(self.lines, row, end, step)
                if isinstance(step, int)
                else _key(self.lines, row if indent >= 0 else row - 1, end, indent, step)
            )
            if found is None:
                break
            row, column, indent = found
        return Place(self.file.name, row + 1, column)

    def _object(self, kind: str, number: int) -> tuple[int, int]:
        """The first and last line (exclusive) of the object, from 0: its first real line first."""
        wanted = re.compile(rf"""kind:\s*["']?{re.escape(kind)}["']?\s*$""")
        rows = [row for row, line in enumerate(self.lines) if wanted.match(line)]
        marks = [row for row, line in enumerate(self.lines) if _MARKER.match(line)]
        if not rows:
            return _first(self.lines, 0, len(self.lines)), len(self.lines)
        row = rows[min(number, len(rows) - 1)]
        at = bisect_left(marks, row)
        start = marks[at - 1] + 1 if at else 0
        end = marks[at] if at < len(marks) else len(self.lines)
        return _first(self.lines, start, end), end


def _first(lines: list[str], start: int, end: int) -> int:
    """The first line that writes something of its own; else the first that calls a template."""
    called = start
    for row in range(end - 1, start - 1, -1):
        if "include" in lines[row] or "template" in lines[row]:
            called = row
    return next((row for row in range(start, end) if _KEY.match(lines[row])), called)


def _key(
    lines: list[str], row: int, end: int, indent: int, step: str
) -> tuple[int, int, int] | None:
    """The line below `row`, in the block that begins there, that has the key."""
    if indent >= 0:
        same = _KEY.match(lines[row])  # `- name: x`: the key may stand on the item's own line
        if same and same[2] and same[3] == step and len(same[1]) == indent:
            return row, same.start(3) + 1, same.start(3)
    for below in range(row + 1, end):
        line = lines[below]
        found = _KEY.match(line)
        if not found:
            continue
        column = found.start(3)
        outer = len(found[1])
        if outer <= indent and not (found[2] and outer == indent):
            return None
        if found[3] == step:
            return below, column + 1, column
    return None


def _item(lines: list[str], row: int, end: int, step: int) -> tuple[int, int, int] | None:
    """The line of the `step`th `- ` below the key on line `row`."""
    key = _KEY.match(lines[row]) if row < len(lines) else None
    outer = key.start(3) if key else 0
    level = -1
    count = 0
    for below in range(row + 1, end):
        stripped = lines[below].lstrip(" ")
        indent = len(lines[below]) - len(stripped)
        if not stripped or stripped.startswith(("#", "{{")):
            continue
        if indent < outer or (indent == outer and not stripped.startswith("-")):
            return None
        if stripped.startswith("- ") and level in (-1, indent):
            level = indent
            if count == step:
                return below, indent + 3, indent
            count += 1
    return None

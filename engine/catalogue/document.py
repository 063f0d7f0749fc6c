"""YAML text → nodes that know their place: control and view files are read with this.

Errors in a control must point at the line and column that its author typed, inside expressions
too, so values keep the place at which they were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from assay.engine.errors import InputError, Problem, Text, problem

MAX_DEPTH = 40
MAX_NODES = 200_000


class Node:
    """A YAML value with its place: `value` is a scalar, a list of Nodes or a dict of Nodes.

    `line` and `column` count from 1. `keys` holds, for a mapping, each key's (line, column).
    """

    __slots__ = ("_lines", "column", "end_column", "end_line", "keys", "line", "style", "value")

    def __init__(self, value: Any, mark: yaml.Node, lines: list[str]) -> None:
        self.value = value
        self.line = mark.start_mark.line + 1
        self.column = mark.start_mark.column + 1
        self.end_line = mark.end_mark.line + 1
        self.end_column = mark.end_mark.column + 1
        self.style = getattr(mark, "style", None)
        self.keys: dict[str, tuple[int, int]] = {}
        self._lines = lines

    def text(self, file: str) -> Text:
        """The scalar as Text whose positions are those of the file.

        A folded scalar keeps its line breaks: expressions do not mind them, and so each line
        keeps its place.
        """
        value = str(self.value)
        if self.style in ("|", ">"):
            return self._block(file)
        if self.end_line > self.line:
            return self._flow(file)
        quoted = self.style in ("'", '"')
        return Text(file, value, [(self.line, self.column + (1 if quoted else 0))])

    def _block(self, file: str) -> Text:
        rows = self._lines[self.line : self.end_line]
        while rows and not rows[-1].strip():
            rows.pop()
        wanted = str(self.value).split()
        # The end mark of a block scalar may stand after the next key: keep what the value holds.
        while rows and " ".join(rows).split() != wanted and len(rows) > 1:
            rows.pop()
        indent = min((len(row) - len(row.lstrip()) for row in rows if row.strip()), default=0)
        starts = [(self.line + 1 + number, indent + 1) for number in range(len(rows))]
        return Text(file, "\n".join(row[indent:] for row in rows), starts or [(self.line, 1)])

    def _flow(self, file: str) -> Text:
        rows = self._lines[self.line - 1 : self.end_line]
        rows[-1] = rows[-1][: self.end_column - 1]
        texts: list[str] = []
        starts: list[tuple[int, int]] = []
        for number, row in enumerate(rows):
            first = self.column - 1 if number == 0 else len(row) - len(row.lstrip())
            texts.append(row[first:].rstrip())
            starts.append((self.line + number, first + 1))
        if self.style in ("'", '"') and texts:
            texts[0], starts[0] = texts[0][1:], (starts[0][0], starts[0][1] + 1)
            texts[-1] = texts[-1][:-1]
        return Text(file, "\n".join(texts), starts)

    def items(self) -> Iterator[tuple[str, Node]]:
        """The entries of a mapping; none for anything else."""
        return iter(self.value.items() if isinstance(self.value, dict) else ())

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def parse(file: str, text: str) -> Node:
    """The one document of a YAML text as Nodes. Raises InputError with places."""
    lines = text.splitlines()
    whole = Text(file, text)
    loader = yaml.CSafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise InputError(Problem("yaml-empty", "the file is empty", file))
        return _Builder(loader, lines, whole).build(root, 0)
    except yaml.MarkedYAMLError as error:
        raise InputError(_yaml_problem(error, whole)) from None
    except yaml.YAMLError as error:
        raise InputError(Problem("yaml-syntax", str(error), file)) from None
    finally:
        loader.dispose()


class _Builder:
    """Converts composed nodes; refuses duplicate keys, aliases without end, and odd keys."""

    def __init__(self, loader: Any, lines: list[str], whole: Text) -> None:
        self.loader = loader
        self.lines = lines
        self.whole = whole
        self.count = 0

    def build(self, node: yaml.Node, depth: int) -> Node:
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            raise self.fail("yaml-too-deep", "too deeply nested, or too many values", node)
        if isinstance(node, yaml.ScalarNode):
            try:
                return Node(self.loader.construct_object(node), node, self.lines)
            except (ValueError, yaml.YAMLError):
                return Node(node.value, node, self.lines)
        if isinstance(node, yaml.SequenceNode):
            return Node([self.build(item, depth + 1) for item in node.value], node, self.lines)
        entries: dict[str, Node] = {}
        built = Node(entries, node, self.lines)
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None:
                raise self.fail("yaml-key", "a key must be text", key)
            if name in entries:
                raise self.fail("yaml-duplicate-key", f"the key `{name}` stands twice", key)
            entries[name] = self.build(value, depth + 1)
            built.keys[name] = (key.start_mark.line + 1, key.start_mark.column + 1)
        return built

    def fail(self, code: str, message: str, node: yaml.Node) -> InputError:
        start = node.start_mark.index
        return InputError(problem(code, message, self.whole, start, node.end_mark.index))


def _yaml_problem(error: yaml.MarkedYAMLError, whole: Text) -> Problem:
    mark = error.problem_mark or error.context_mark
    message = " ".join(part for part in (error.context, error.problem) if part)
    if mark is None:
        return Problem("yaml-syntax", message, whole.file)
    rows = whole.text.splitlines(keepends=True)
    offset = sum(map(len, rows[: mark.line])) + mark.column
    return problem("yaml-syntax", message, whole, offset)

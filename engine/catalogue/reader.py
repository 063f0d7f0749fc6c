"""A control file → a Control with compiled expressions, or every problem in it with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from assay.engine.catalogue import paths
from assay.engine.catalogue.document import Node
from assay.engine.errors import AssayError, InputError, Problem, Span, Text


class Reader:
    """Reads Nodes of one file and gathers what is wrong in `problems` instead of raising."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.whole = Text(file, text)
        self.lines = text.splitlines()
        self.problems: list[Problem] = []

    def fail(self, code: str, message: str, node: Node, help: str = "") -> None:
        """Note a problem at the place of a node."""
        self.fail_at(code, message, (node.line, node.column), help)

    def fail_at(self, code: str, message: str, at: tuple[int, int], help: str = "") -> None:
        """Note a problem at a line and column."""
        line, column = at
        excerpt = self.lines[line - 1] if line <= len(self.lines) else ""
        span = Span(line, column, line, column + 1)
        self.problems.append(
            Problem(code, message, self.file, span, help, excerpt, column - 1 if excerpt else -1)
        )

    def done(self) -> None:
        """Raise InputError if anything was wrong."""
        if self.problems:
            raise InputError(self.problems)

    def attempt(self, action: Callable[[], Any]) -> Any:
        """The action's value, or None with its problems noted."""
        try:
            return action()
        except AssayError as error:
            self.problems.extend(error.problems)
            return None

    def mapping(self, node: Node | None, allowed: Iterable[str], what: str) -> Mapping[str, Node]:
        """The entries of a mapping; keys outside `allowed` are problems."""
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self.fail("control-type", f"{what} must be a mapping", node)
            return {}
        known = list(allowed)
        for key in node.value:
            if known and key not in known:
                near = difflib.get_close_matches(key, known, 1)
                help = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
                self.fail_at("control-key", f"{what} has no `{key}`", node.keys[key], help)
        entries: Mapping[str, Node] = node.value
        return entries

    def text(self, entries: Mapping[str, Node], key: str, owner: Node, default: str = "?") -> str:
        """A text entry; without a default ("?") it must be there."""
        node = entries.get(key)
        if node is None:
            if default == "?":
                self.fail("control-missing", f"`{key}` is missing", owner)
            return "" if default == "?" else default
        if not isinstance(node.value, str) or not node.value.strip():
            self.fail("control-type", f"`{key}` must be text", node)
            return ""
        return node.value.strip()

    def one_of(
        self, entries: Mapping[str, Node], key: str, owner: Node, known: Iterable[str]
    ) -> str:
        """A text entry that is one of the known words."""
        value = self.text(entries, key, owner)
        words = list(known)
        if value and value not in words:
            near = difflib.get_close_matches(value, words, 1)
            help = f"did you mean `{near[0]}`?" if near else f"one of: {', '.join(words)}"
            self.fail("control-value", f"`{key}` cannot be `{value}`", entries[key], help)
        return value

    def texts(self, node: Node | None, what: str) -> tuple[str, ...]:
        """A text or a list of texts."""
        if node is None:
            return ()
        nodes = node.value if isinstance(node.value, list) else [node]
        found: list[str] = []
        for each in nodes:
            if isinstance(each.value, str) and each.value.strip():
                found.append(each.value.strip())
            else:
                self.fail("control-type", f"{what} must be text or a list of texts", each)
        return tuple(found)

    def steps(self, node: Node | None, what: str) -> tuple[paths.Steps, ...]:
        """A path with `[]`, or a list of them."""
        found: list[paths.Steps] = []
        for text in self.texts(node, what):
            steps = paths.parse(text)
            if steps is None and node is not None:
                help = 'write it as `spec.containers[].image` or `metadata.labels["a/b"]`'
                self.fail("control-path", f"`{text}` is no path", node, help)
            elif steps is not None:
                found.append(steps)
        return tuple(found)

"""Expressions of a check: which variables they see, their compilation, messages with braces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.engine.catalogue.controls import Message
from assay.engine.catalogue.document import Node
from assay.engine.catalogue.paths import Steps
from assay.engine.catalogue.reader import Reader
from assay.engine.cel import Environment, Extension, Program, compile_expression
from assay.engine.errors import Text, problem

MAX_MESSAGE = 5 * 1024  # bytes: what an API server accepts as a messageExpression's text
# Names that the API server gives a meaning of its own, or that checks have already.
RESERVED = frozenset({"namespace", "oldObject", "request", "namespaceObject", "authorizer"})


class Scope:
    """The variables that the expressions of one check see, in the order programs take them."""

    def __init__(self, subject: Sequence[str], item: bool, extensions: Sequence[Extension]) -> None:
        names = [*subject, *(["item"] if item else ())]
        self.names = (*names, "params", "related", "variables", "address")
        self.extensions = extensions
        self.environment = Environment(dict.fromkeys(self.names), extensions)
        self.params: set[str] = set()
        self.related: set[str] = set()
        self.variables: set[str] = set()

    def compile(self, text: Text, reader: Reader) -> Program | None:
        """The compiled expression, or None with its problems noted."""
        program: Program | None = reader.attempt(lambda: compile_expression(text, self.environment))
        if program is not None:
            self._check_names(program, text, reader)
        return program

    def _check_names(self, program: Program, text: Text, reader: Reader) -> None:
        """What is read of params, related and variables must be declared before."""
        declared = {
            "params": self.params,
            "related": self.related,
            "variables": self.variables,
        }
        for path in dict.fromkeys(path[:2] for path in program.reads):
            if len(path) == 2 and path[0] in declared and path[1] not in declared[path[0]]:
                name = ".".join(path)
                start = max(text.text.find(name), 0)
                known = ", ".join(sorted(declared[path[0]])) or "none"
                reader.problems.append(
                    problem(
                        "control-undeclared",
                        f"`{name}` is not declared in this check",
                        text,
                        start,
                        start + len(name),
                        f"declared {path[0]}: {known}",
                    )
                )


def message(node: Node, scope: Scope, reader: Reader) -> Message | None:
    """Text with CEL in braces; `{{` and `}}` are braces themselves."""
    text = node.text(reader.file)
    value = text.text
    if "\n" in value.strip() or len(value.encode()) > MAX_MESSAGE:
        reader.fail("control-message", "a message is one line of at most 5 KiB", node)
        return None
    parts: list[str | Program] = []
    literal = ""
    at = 0
    while at < len(value):
        if value[at : at + 2] in ("{{", "}}"):
            literal += value[at]
            at += 2
        elif value[at] == "{":
            end = _closing(value, at)
            if end < 0:
                reader.problems.append(
                    problem("control-message", "this brace is not closed", text, at)
                )
                return None
            if literal:
                parts.append(literal)
                literal = ""
            piece = Text(reader.file, value[at + 1 : end], [text.position(at + 1)])
            program = scope.compile(piece, reader)
            if program is None:
                return None
            parts.append(program)
            at = end + 1
        else:
            literal += value[at]
            at += 1
    if literal:
        parts.append(literal)
    return Message(tuple(parts), value)


def _closing(value: str, start: int) -> int:
    """The offset of the brace that closes the one at `start`, past strings and maps inside."""
    depth = 0
    quote = ""
    at = start
    while at < len(value):
        char = value[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return -1


def subject_reads(program: Program, roots: Iterable[str]) -> tuple[Steps, ...]:
    """The paths that a program reads below the given variables, in order, each once."""
    wanted = set(roots)
    return tuple(dict.fromkeys(path for path in program.reads if path[0] in wanted))

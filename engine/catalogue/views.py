"""A view file → a View: one shape for several kinds, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.engine.catalogue import paths
from assay.engine.catalogue.controls import View, ViewPart, is_kubernetes
from assay.engine.catalogue.document import Node, parse
from assay.engine.catalogue.reader import Reader
from assay.engine.cel import Environment, Extension, Program, compile_expression


def read(file: str, text: str, extensions: Sequence[Extension]) -> View:
    """The view in a file. Raises InputError with every problem in it."""
    root = parse(file, text)
    reader = Reader(file, text)
    entries = reader.mapping(root, ("view", "about", "of"), "a view file")
    name = reader.text(entries, "view", root)
    parts: dict[str, ViewPart] = {}
    fields: tuple[str, ...] = ()
    for kind, node in reader.mapping(entries.get("of"), (), "`of`").items():
        part = _part(kind, node, extensions, reader)
        parts[kind] = part
        names = tuple(field for field, _ in part.item)
        if fields and set(names) != set(fields):
            odd = ", ".join(sorted(set(names) ^ set(fields)))
            reader.fail(
                "view-fields", f"every kind must give the same fields; differs: {odd}", node
            )
        fields = fields or names
    if not parts:
        reader.fail("control-missing", "`of` is missing or empty", root)
    reader.done()
    return View(name, parts, fields, file)


def _part(kind: str, node: Node, extensions: Sequence[Extension], reader: Reader) -> ViewPart:
    entries = reader.mapping(node, ("when", "each", "document", "item"), f"`{kind}`")
    subject = "object" if is_kubernetes(kind) else "resource"
    alone = Environment({subject: None}, extensions)
    within = Environment({subject: None, "item": None}, extensions)
    steps: paths.Steps = ()
    if "each" in entries:
        found = reader.steps(entries["each"], "`each`")
        steps = found[0] if found else ()
    has_item = bool(steps) or "document" in entries
    item = tuple(
        (field, program)
        for field, expression in reader.mapping(entries.get("item"), (), "`item`").items()
        if (program := _program(expression, within if has_item else alone, reader)) is not None
    )
    if not entries.get("item"):
        reader.fail("control-missing", f"`item` is missing for `{kind}`", node)
    return ViewPart(
        kind=kind,
        when=_key(entries, "when", alone, reader),
        each=steps,
        document=_key(entries, "document", within if steps else alone, reader),
        item=item,
    )


def _key(
    entries: Mapping[str, Node], key: str, environment: Environment, reader: Reader
) -> Program | None:
    return _program(entries[key], environment, reader) if key in entries else None


def _program(node: Node, environment: Environment, reader: Reader) -> Program | None:
    program: Program | None = reader.attempt(
        lambda: compile_expression(node.text(reader.file), environment)
    )
    return program

"""A root as a whole: its backend, versions, providers, modules, variables and outputs."""

from __future__ import annotations

from typing import Any

from assay.engine.model import Path, Place, Resource
from assay.engine.terraform import variables
from assay.engine.terraform.bodies import Built, build
from assay.engine.terraform.export import export
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.instance import Instance
from assay.engine.terraform.scopes import ExpressionError
from assay.engine.terraform.syntax import Block, Body, Node, place


def resource(root: Instance) -> Resource:
    """The resource of kind `root` that controls of Terraform itself look at."""
    module, context = root.module, root.context
    nodes: dict[Path, Node] = {}
    values: dict[str, Any] = {"folder": context.folder}
    unknown = False
    for block in module.settings:
        for name in ("required_version", "experiments"):
            written = block.body.attributes.get(name)
            if written is not None:
                values[name] = _constant(written.expression)
                nodes[name,] = written
        for inner in block.body.blocks:
            nodes[inner.type,] = inner
            if inner.type in ("backend", "cloud"):
                kind = {"type": inner.labels[0]} if inner.labels else {}
                built = _plain(inner.body, root)
                values[inner.type] = {**kind, **built.values}
                unknown = unknown or built.unknown
            elif inner.type == "required_providers":
                merged = values.setdefault("required_providers", {})
                for attribute in inner.body.attributes.values():
                    merged[attribute.name] = _constant(attribute.expression)
                    nodes["required_providers", attribute.name] = attribute
    values["providers"] = [
        {"name": block.labels[0] if block.labels else "", **_plain(block.body, root).values}
        for block in module.providers
    ]
    for number, block in enumerate(module.providers):
        nodes["providers", number] = block
    values["modules"] = _named(module.calls, ("source", "version"), ("modules",), nodes)
    declared = ("type", "sensitive", "description", "ephemeral", "nullable", "default")
    values["variables"] = _named(module.variables, declared, ("variables",), nodes)
    values["outputs"] = _named(module.outputs, ("sensitive", "description"), ("outputs",), nodes)
    values["locals"] = {
        name: value
        for name, attribute in module.locals.items()
        if isinstance(value := _constant(attribute.expression), str)
    }
    for name in values["locals"]:
        nodes["locals", name] = module.locals[name]
    first = next(iter([*module.settings, *module.resources.values(), *module.calls.values()]), None)
    where = place(first) if first is not None else Place(context.folder)
    return Resource(
        "terraform",
        "root",
        f"root/{context.folder}",
        {key: value for key, value in values.items() if value is not None},
        Place(where.file, where.line, where.column),
        root=context.folder,
        environment=context.options.environment,
        locate=_locator(nodes, Place(where.file, where.line, where.column)),
        sensitive=frozenset(
            ("variables", name, "default")
            for name, held in values["variables"].items()
            if held.get("sensitive") and "default" in held
        ),
        complete=not unknown,
    )


def _plain(body: Body, root: Instance) -> Built:
    return build(body, root.scope, None, "")


def _constant(node: Node) -> Any:
    try:
        return export(evaluate(node, variables.CONSTANT)).value
    except ExpressionError:
        return None


def _named(
    blocks: dict[str, Block], wanted: tuple[str, ...], path: Path, nodes: dict[Path, Node]
) -> dict[str, Any]:
    """Blocks by name with the constant ones of some arguments."""
    found: dict[str, Any] = {}
    for name, block in blocks.items():
        shown: dict[str, Any] = {}
        nodes[*path, name] = block
        for key in wanted:
            written = block.body.attributes.get(key)
            if written is not None:
                nodes[*path, name, key] = written
                value = _constant(written.expression)
                if value is not None:
                    shown[key] = value
        found[name] = shown
    return found


def _locator(nodes: dict[Path, Node], whole: Place) -> Any:
    def locate(path: Path) -> Place:
        for length in range(len(path), 0, -1):
            node = nodes.get(path[:length])
            if node is not None:
                found = place(node)
                return Place(found.file, found.line, found.column)
        return whole

    return locate

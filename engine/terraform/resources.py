"""A module instance → its resources and those of all modules below it, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from assay.engine.errors import Problem
from assay.engine.model import Path, Place, Resource
from assay.engine.terraform import bodies, conditions, declared, settings
from assay.engine.terraform.bodies import Built
from assay.engine.terraform.context import MAX_RESOURCES
from assay.engine.terraform.instance import Expansion, Instance, Key, Names
from assay.engine.terraform.scopes import ExpressionError
from assay.engine.terraform.syntax import Attribute, Block, Node, Object, Tuple, place


def collect(root: Instance, reached: set[str]) -> list[Resource]:
    """The resources of a root. `reached` gathers the folders of the modules that it uses."""
    found = [settings.resource(root)]
    found += _instance(root, (), reached)
    return found


def _instance(instance: Instance, calls: tuple[str, ...], reached: set[str]) -> Iterator[Resource]:
    context = instance.context
    reached.add(instance.module.folder)
    conditions.validate(instance)
    for table, prefix in ((instance.module.data, "data."), (instance.module.resources, "")):
        for (kind, name), block in table.items():
            yield from _resource(instance, prefix + kind, name, block, calls)
    for name, block in instance.module.calls.items():
        address = instance.objects.address("module", name)
        expansion = _expansion(instance, ("module", name), block, address)
        for key in expansion.keys if expansion is not None else ():
            child = instance.child(name, key)
            if child is None:
                continue
            if context.count > MAX_RESOURCES:
                problem = Problem("terraform-too-many", "the root has too many resources")
                context.error(context.folder, problem)
                return
            yield from _instance(child, (*calls, child.address), reached)
    declared.check(instance)


def _expansion(
    instance: Instance, key: tuple[str, ...], block: Block, address: str
) -> Expansion | None:
    """The instances of a block; None, and an error, where they cannot be worked out."""
    try:
        return instance.expansion(key, block)
    except ExpressionError as error:
        instance.context.error(address, error.problems[0])
        return None


def _resource(
    instance: Instance, kind: str, name: str, block: Block, calls: tuple[str, ...]
) -> Iterator[Resource]:
    context = instance.context
    expansion = _expansion(instance, (kind, name), block, instance.objects.address(kind, name))
    if expansion is None:
        return
    schema = context.schema.resource(kind)
    where = place(block)
    for key in expansion.keys:
        context.count += 1
        if context.count > MAX_RESOURCES:
            problem = Problem("terraform-too-many", f"more than {MAX_RESOURCES} resources")
            context.error(context.folder, problem)
            return
        address = instance.objects.address(kind, name, key.text)
        scope = Names(instance, key)
        built = bodies.build(block.body, scope, schema, address)
        conditions.preconditions(instance, block, scope, address)
        for failure in built.failures:
            context.error(address, failure.problems[0])
        _computed(instance, kind, block, key, built)
        yield Resource(
            "terraform",
            kind,
            address,
            built.values,
            Place(where.file, where.line, where.column),
            root=context.folder,
            environment=context.options.environment,
            locate=_locator(built.nodes, where),
            sensitive=frozenset(built.sensitive),
            refs=built.refs,
            complete=not built.unknown,
            instances="" if expansion.known else "unknown",
            calls=calls,
        )


def _computed(instance: Instance, kind: str, block: Block, key: Key, built: Built) -> None:
    """Facts about a data source, and policies that are computed, are values too."""
    address = instance.objects.address(kind, block.labels[1], key.text)
    facts = instance.context.options.facts.get(address)
    if isinstance(facts, dict):
        for name, value in facts.items():
            built.values.setdefault(str(name), value)


def _locator(nodes: dict[Path, Node], whole: Place) -> Callable[[Path], Place]:
    """A function from paths to places: the argument, or the part of its expression."""

    def locate(path: Path) -> Place:
        for length in range(len(path), 0, -1):
            node = nodes.get(path[:length])
            if node is not None:
                return _inside(node, path[length:])
        return Place(whole.file, whole.line, whole.column)

    return locate


def _inside(node: Node, rest: Path) -> Place:
    """The place of a value inside a written expression, as deep as it can be followed."""
    if not isinstance(node, Attribute):
        found = place(node)
        return Place(found.file, found.line, found.column)
    at: Any = node
    expression: Any = node.expression
    for step in rest:
        if isinstance(step, int) and isinstance(expression, Tuple):
            if step >= len(expression.elements):
                break
            at = expression = expression.elements[step]
        elif isinstance(step, str) and isinstance(expression, Object):
            for key, value in expression.items:
                if getattr(getattr(key, "value", None), "v", None) == step:
                    at, expression = key, value
                    break
            else:
                break
        else:
            break
    found = place(at)
    if isinstance(at, Attribute):
        return Place(found.file, found.line, found.column, found.line, found.column + len(at.name))
    return found

"""Nested blocks of a resource as expressions read them: typed, with defaults and unknowns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.engine.terraform import defaults
from assay.engine.terraform.bodies import expand, written
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.export import from_python
from assay.engine.terraform.expressions import evaluate
from assay.engine.terraform.schema import SENSITIVE as SCHEMA_SENSITIVE
from assay.engine.terraform.schema import Argument, BlockType, block_type, has_computed
from assay.engine.terraform.schema import Block as Schema
from assay.engine.terraform.scopes import Scope, fail
from assay.engine.terraform.sets import set_value
from assay.engine.terraform.syntax import Block, Body
from assay.engine.terraform.types import DYNAMIC, map_of
from assay.engine.terraform.values import (
    SENSITIVE,
    Value,
    list_value,
    null,
    object_value,
    tuple_value,
    unknown,
)

if TYPE_CHECKING:
    from assay.engine.terraform.instance import Instance, Key

_SENSITIVE = frozenset({SENSITIVE})


class Filling:
    """What the provider plans inside one resource: its address, its type and the defaults of it."""

    def __init__(self, address: str, kind: str) -> None:
        self.address = address
        self.data = kind.startswith("data.")
        self.cause = "data" if self.data else "apply"
        self.planned: dict[str, Any] | None = defaults.of(kind)

    def argument(self, argument: Argument, path: str) -> Value:
        """An argument of a block that nobody configures."""
        planned = self.planned or {}
        default = planned.get(path)
        if default is not None:
            return convert(from_python(default), argument.type)
        if argument.computed and path not in planned:
            return unknown(argument.type, self.cause, f"{self.address}.{path}")
        return null(argument.type)

    def block(self, nested: BlockType, path: str) -> Value:
        """A block that nobody writes: none, or what the provider will fill in."""
        origin = f"{self.address}.{path}"
        type = block_type(nested)
        if self.planned is None:
            filled = has_computed(nested.block) and not self.data
        else:
            default = self.planned.get(path)
            filled = default == defaults.LEFT
            if default and not filled:
                return convert(from_python(default), type)
        if filled:
            return unknown(type, self.cause, origin, identity=origin)
        return grouped([], nested)


def block_value(
    instance: Instance, block: Block, key: Key, schema: Schema, name: str, typed: bool = True
) -> Value:
    """The nested blocks of one type; not `typed`: a tuple in the order of the source."""
    from assay.engine.terraform.instance import Names

    kind = f"data.{block.labels[0]}" if block.type == "data" else block.labels[0]
    filling = Filling(instance.objects.address(kind, block.labels[1], key.text), kind)
    nested = schema.blocks.get(name)
    if nested is None:
        return tuple_value([])
    return _blocks(block.body, Names(instance, key), nested, name, name, filling, typed)


def _blocks(
    body: Body,
    scope: Scope,
    nested: BlockType,
    name: str,
    path: str,
    filling: Filling,
    typed: bool = True,
) -> Value:
    blocks = written(body, name)
    if not blocks:
        return filling.block(nested, path) if typed else tuple_value([])
    made: list[Value] = []
    for each in blocks:
        if each.type == "dynamic":
            scopes = expand(each, scope)
            if isinstance(scopes, Value):
                type = block_type(nested) if typed else DYNAMIC
                return unknown(type, scopes.v.cause, scopes.v.origin, marks=scopes.marks)
            content = next((inner for inner in each.body.blocks if inner.type == "content"), None)
            if content is not None:
                made += [
                    _object(content.body, inner, nested.block, path, filling, typed)
                    for inner in scopes
                ]
        else:
            made.append(_object(each.body, scope, nested.block, path, filling, typed))
    return grouped(made, nested) if typed else tuple_value(made)


def grouped(made: list[Value], nested: BlockType) -> Value:
    """Blocks of one type as a list, a set, a map, or one object."""
    type = block_type(nested)
    if nested.nesting in ("single", "group"):
        return made[0] if made else null(type)
    if nested.nesting == "map":
        return Value(map_of(type.element), {})
    element = type.element
    return set_value(element, made) if nested.nesting == "set" else list_value(element, made)


def _object(
    body: Body, scope: Scope, schema: Schema, path: str, filling: Filling, typed: bool
) -> Value:
    values: dict[str, Value] = {}
    for name, argument in schema.attributes.items():
        attribute = body.attributes.get(name)
        value = None
        if attribute is not None:
            try:
                value = convert(evaluate(attribute.expression, scope), argument.type)
            except ConversionError as error:
                fail(attribute, "terraform-type", f"`{name}` does not fit: {error}")
        if value is None or (value.v is None and typed):
            value = filling.argument(argument, f"{path}.{name}")
        values[name] = value.marked(_SENSITIVE) if argument.flags & SCHEMA_SENSITIVE else value
    for name in schema.blocks:
        nested = schema.blocks.get(name)
        if nested is not None:
            inner = f"{path}.{name}"
            values[name] = _blocks(body, scope, nested, name, inner, filling, typed)
    return object_value(values)

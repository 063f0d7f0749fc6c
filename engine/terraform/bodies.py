"""The body of a resource → what controls see: arguments and blocks, converted by the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.engine.model import Incomplete, Path
from assay.engine.model import Unknown as Missing
from assay.engine.terraform import json_syntax
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.defaults import LEFT_TO_AWS, NEVER_LEFT
from assay.engine.terraform.export import export, to_unknown
from assay.engine.terraform.expressions import elements_of, evaluate
from assay.engine.terraform.objects import META, META_BLOCKS
from assay.engine.terraform.schema import SENSITIVE as SCHEMA_SENSITIVE
from assay.engine.terraform.schema import Block as Schema
from assay.engine.terraform.schema import BlockType, has_computed
from assay.engine.terraform.scopes import Bound, ExpressionError, Scope, fail
from assay.engine.terraform.syntax import Attribute, Block, Body, Node
from assay.engine.terraform.types import DYNAMIC, Type
from assay.engine.terraform.values import (
    Value,
    null,
    object_value,
    tuple_value,
    unknown,
)

if TYPE_CHECKING:
    from assay.engine.terraform.instance import Instance, Key

MAX_DYNAMIC = 10_000  # blocks that one dynamic block may make


class Built:
    """A body in the making: its values with paths of what is unknown, sensitive, a reference."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.unknown = False
        self.sensitive: set[Path] = set()
        self.refs: dict[Path, tuple[str, ...]] = {}
        self.nodes: dict[Path, Node] = {}
        self.failures: list[ExpressionError] = []


def build(body: Body, scope: Scope, schema: Schema | None, own: str) -> Built:
    """The values of a resource's body; `own` is its address, which is no reference."""
    built = Built()
    built.values = _body(body, scope, schema, (), built, own, top=True)
    return built


def _body(
    body: Body,
    scope: Scope,
    schema: Schema | None,
    path: Path,
    built: Built,
    own: str,
    top: bool = False,
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, attribute in body.attributes.items():
        if top and name in META:
            continue
        if schema is not None and name in schema.blocks:
            bodies = json_syntax.bodies_of(attribute.expression)
            if bodies is not None:
                made = [Block(each.text, each.start, each.end, name, (), each) for each in bodies]
                if made:  # `name = []` says that there are none
                    _blocks(name, made, scope, schema, path, built, own, values)
                continue
        _attribute(attribute, scope, schema, (*path, name), built, own, values)
    grouped: dict[str, list[Block]] = {}
    for block in body.blocks:
        if top and block.type in META_BLOCKS:
            continue
        dynamic = block.type == "dynamic" and block.labels
        grouped.setdefault(block.labels[0] if dynamic else block.type, []).append(block)
    for name, blocks in grouped.items():
        _blocks(name, blocks, scope, schema, path, built, own, values)
    return values


def _attribute(
    attribute: Attribute,
    scope: Scope,
    schema: Schema | None,
    path: Path,
    built: Built,
    own: str,
    values: dict[str, Any],
) -> None:
    name = attribute.name
    argument = schema.attributes.get(name) if schema is not None else None
    built.nodes[path] = attribute
    try:
        value = evaluate(attribute.expression, scope)
        if argument is not None:
            try:
                value = convert(value, argument.type)
            except ConversionError as error:
                fail(attribute, "terraform-type", f"`{name}` does not fit: {error}")
    except ExpressionError as error:
        built.failures.append(error)
        built.unknown = True
        values[name] = Missing("variable", f"an expression that failed: {name}")
        return
    _keep(value, path, built, own, values, name)
    if argument is not None and argument.flags & SCHEMA_SENSITIVE and name in values:
        built.sensitive.add(path)


def _keep(
    value: Value, path: Path, built: Built, own: str, values: dict[str, Any], name: str
) -> None:
    found = export(value, path)
    if found.value is None:
        return
    values[name] = found.value
    built.unknown = built.unknown or bool(found.unknown)
    built.sensitive.update(found.sensitive)
    for place, addresses in found.refs.items():
        others = tuple(each for each in addresses if each != own)
        if others:
            built.refs[place] = others


def _blocks(
    name: str,
    blocks: list[Block],
    scope: Scope,
    schema: Schema | None,
    path: Path,
    built: Built,
    own: str,
    values: dict[str, Any],
) -> None:
    """Nested blocks of one type as a list, dynamic ones expanded."""
    nested = schema.blocks.get(name) if schema is not None else None
    argument = schema.attributes.get(name) if schema is not None else None
    inner = nested.block if nested is not None else None
    if argument is not None:
        _block_attribute(name, blocks, scope, argument.type, path, built, own, values)
        return
    made: list[Any] = []
    rest: Missing | None = None
    built.nodes[(*path, name)] = blocks[0]
    for block in blocks:
        if block.type != "dynamic" or not block.labels:
            place = (*path, name, len(made))
            built.nodes[place] = block
            made.append(_body(block.body, scope, inner, place, built, own))
            continue
        try:
            scopes = expand(block, scope)
        except ExpressionError as error:
            built.failures.append(error)
            rest = Missing("variable", f"a dynamic block that failed: {name}")
            continue
        if isinstance(scopes, Value):
            rest = to_unknown(scopes)
            continue
        content = next((each for each in block.body.blocks if each.type == "content"), None)
        for each in scopes if content is not None else ():
            place = (*path, name, len(made))
            built.nodes[place] = block
            made.append(_body(content.body, each, inner, place, built, own))  # type: ignore[union-attr]
    if rest is not None:
        built.unknown = True
        values[name] = Incomplete(made, rest)
    elif made or any(block.type != "dynamic" for block in blocks):
        values[name] = made


def expand(block: Block, scope: Scope) -> list[Scope] | Value:
    """The scopes of a dynamic block's contents, or the unknown value that it depends on."""
    attributes = block.body.attributes
    each = attributes.get("for_each")
    if each is None:
        fail(block, "terraform-dynamic", "a dynamic block needs for_each")
    value = evaluate(each.expression, scope)
    if not value.known:
        return value
    if value.v is None:
        fail(each, "terraform-dynamic", "for_each of a dynamic block cannot be null")
    if value.kind not in ("list", "set", "tuple", "map", "object"):
        fail(each, "terraform-dynamic", f"for_each of a dynamic block cannot be a {value.kind}")
    iterator = attributes.get("iterator")
    name = block.labels[0]
    if iterator is not None:
        name = getattr(iterator.expression, "root", name)
    items = elements_of(value)
    if len(items) > MAX_DYNAMIC:
        fail(each, "terraform-too-many", f"more than {MAX_DYNAMIC} dynamic blocks")
    is_set = value.kind == "set"
    scopes: list[Scope] = []
    for key, element in items:
        marked = element.marked(value.marks)
        pair = {"key": marked if is_set else key.marked(value.marks), "value": marked}
        scopes.append(Bound(scope, {name: object_value(pair)}))
    return scopes


def _block_attribute(
    name: str,
    blocks: list[Block],
    scope: Scope,
    type: Type,
    path: Path,
    built: Built,
    own: str,
    values: dict[str, Any],
) -> None:
    """An argument that is written as blocks (`ingress`): a list of whole objects."""
    place = (*path, name)
    built.nodes[place] = blocks[0]
    try:
        value = _as_value(blocks, scope, type, built, place)
    except ExpressionError as error:
        built.failures.append(error)
        built.unknown = True
        values[name] = Missing("variable", f"an expression that failed: {name}")
        return
    _keep(value, place, built, own, values, name)


def _as_value(
    blocks: list[Block], scope: Scope, type: Type, built: Built | None, path: Path
) -> Value:
    element = type.element if type.kind in ("list", "set") else None
    made: list[Value] = []
    for block in blocks:
        if block.type != "dynamic" or not block.labels:
            if built is not None:
                built.nodes[(*path, len(made))] = block
            made.append(_object(block, block.body, scope, element))
            continue
        scopes = expand(block, scope)
        if isinstance(scopes, Value):
            return unknown(type, scopes.v.cause, scopes.v.origin, marks=scopes.marks)
        content = next((each for each in block.body.blocks if each.type == "content"), None)
        for each in scopes if content is not None else ():
            if built is not None:
                built.nodes[(*path, len(made))] = block
            made.append(_object(block, content.body, each, element))  # type: ignore[union-attr]
    try:
        return convert(tuple_value(made), type)
    except ConversionError as error:
        fail(blocks[0], "terraform-type", f"the block does not fit: {error}")


def _object(block: Block, body: Body, scope: Scope, type: Type | None) -> Value:
    attributes = {
        name: evaluate(attribute.expression, scope) for name, attribute in body.attributes.items()
    }
    if type is not None and type.kind == "object":
        for name, wanted in type.attributes.items():
            attributes.setdefault(name, null(wanted))
    for inner in body.blocks:
        found = attributes.get(inner.type)
        if found is None or found.v is None:
            attributes[inner.type] = tuple_value([_object(inner, inner.body, scope, None)])
    del block
    return object_value(attributes)


def block_value(instance: Instance, block: Block, key: Key, schema: Schema, name: str) -> Value:
    """Nested blocks of a resource as an expression reads them."""
    from assay.engine.terraform.instance import Names

    scope = Names(instance, key)
    nested = schema.blocks.get(name)
    blocks = [
        each
        for each in block.body.blocks
        if each.type == name or (each.type == "dynamic" and each.labels[:1] == (name,))
    ]
    if nested is None:
        return tuple_value([])
    if not blocks:
        kind = f"data.{block.labels[0]}" if block.type == "data" else block.labels[0]
        return _unconfigured(
            instance.objects.address(kind, block.labels[1], key.text), kind, name, nested
        )
    made: list[Value] = []
    for each in blocks:
        if each.type == "dynamic":
            scopes = expand(each, scope)
            if isinstance(scopes, Value):
                return unknown(DYNAMIC, scopes.v.cause, scopes.v.origin, marks=scopes.marks)
            content = next((inner for inner in each.body.blocks if inner.type == "content"), None)
            if content is not None:
                made += [_nested(content.body, inner, nested.block) for inner in scopes]
        else:
            made.append(_nested(each.body, scope, nested.block))
    return tuple_value(made)


def _unconfigured(address: str, kind: str, name: str, nested: BlockType) -> Value:
    """What a block is that nobody wrote: none, or what the provider will fill in."""
    filled = (kind, name) in LEFT_TO_AWS or (
        has_computed(nested.block) and (kind, name) not in NEVER_LEFT
    )
    if not filled:
        return tuple_value([])
    origin = f"{address}.{name}"
    return unknown(
        DYNAMIC, "data" if kind.startswith("data.") else "apply", origin, identity=origin
    )


def _nested(body: Body, scope: Scope, schema: Schema) -> Value:
    values: dict[str, Value] = {}
    for name, argument in schema.attributes.items():
        written = body.attributes.get(name)
        if written is not None:
            value = evaluate(written.expression, scope)
            try:
                values[name] = convert(value, argument.type)
            except ConversionError as error:
                fail(written, "terraform-type", f"`{name}` does not fit: {error}")
        elif argument.computed:
            values[name] = unknown(argument.type, "apply", name)
        else:
            values[name] = null(argument.type)
    for name in schema.blocks:
        nested = schema.blocks.get(name)
        inner = [each for each in body.blocks if each.type == name]
        if nested is not None:
            values[name] = tuple_value(_nested(each.body, scope, nested.block) for each in inner)
    return object_value(values)

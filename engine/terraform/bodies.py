"""The body of a resource → what controls see: arguments and blocks, converted by the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.engine.model import Incomplete, Path
from assay.engine.model import Unknown as Missing
from assay.engine.terraform import json_syntax
from assay.engine.terraform.conversion import ConversionError, convert
from assay.engine.terraform.export import export, to_unknown
from assay.engine.terraform.expressions import elements_of, evaluate
from assay.engine.terraform.objects import META, META_BLOCKS
from assay.engine.terraform.schema import SENSITIVE as SCHEMA_SENSITIVE
from assay.engine.terraform.schema import Block as Schema
from assay.engine.terraform.schema import BlockType
from assay.engine.terraform.scopes import Bound, ExpressionError, Scope, fail
from assay.engine.terraform.sets import set_value
from assay.engine.terraform.syntax import Attribute, Block, Body, Node
from assay.engine.terraform.types import Type
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
            _once(made, nested, place, built)
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
            _once(made, nested, place, built)
    if rest is not None:
        built.unknown = True
        values[name] = Incomplete(made, rest)
    elif made or any(block.type != "dynamic" for block in blocks):
        values[name] = made


def _once(made: list[Any], nested: BlockType | None, place: Path, built: Built) -> None:
    """Drop the last block of a set where the set holds its equal already."""
    if nested is None or nested.nesting != "set" or made[-1] not in made[:-1]:
        return
    if _certain(made[-1]):
        made.pop()
        size = len(place)
        for table in (built.nodes, built.refs):
            for path in [path for path in table if path[:size] == place]:
                del table[path]
        built.sensitive = {path for path in built.sensitive if path[:size] != place}


def _certain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_certain, value.values()))
    if isinstance(value, list):
        return not isinstance(value, Incomplete) and all(map(_certain, value))
    return not isinstance(value, Missing)


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
    if value.v != [] or any(block.type != "dynamic" for block in blocks):  # else nobody wrote it
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


def written(body: Body, name: str) -> list[Block]:
    """The nested blocks of one type, as they are written."""
    return [
        each
        for each in body.blocks
        if each.type == name or (each.type == "dynamic" and each.labels[:1] == (name,))
    ]


def argument_value(instance: Instance, block: Block, key: Key, type: Type, name: str) -> Value:
    """An argument that is written as blocks, as an expression reads it."""
    from assay.engine.terraform.instance import Names

    return _as_value(written(block.body, name), Names(instance, key), type, None, ())


def planned(value: Value, kind: str) -> Value:
    """A set of objects as the AWS provider plans it: nothing in its elements stays null."""
    if kind not in _FILLED or value.kind != "set" or not value.known or value.v is None:
        return value
    element = value.type.element
    return set_value(element, [_filled(each, element) for each in value.v], value.marks)


_FILLED = frozenset(
    {
        "aws_security_group",
        "aws_default_security_group",
        "aws_network_acl",
        "aws_default_network_acl",
        "aws_route_table",
        "aws_default_route_table",
    }
)
_ZERO = {"string": "", "bool": False, "number": 0, "list": [], "set": [], "map": {}}


def _filled(value: Value, type: Type) -> Value:
    if value.v is None and type.kind in _ZERO:
        return Value(type, _ZERO[type.kind], value.marks)
    if type.kind != "object" or value.v.__class__ is not dict:
        return value
    inner = {name: _filled(each, type.attributes[name]) for name, each in value.v.items()}
    return Value(type, inner, value.marks)

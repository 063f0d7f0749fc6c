"""JSON leaves open what is a block and what an argument: here schemas tell, once, at loading.

Everything behind this sees one shape, whichever syntax a file has. A type without a schema keeps
its objects as arguments. Source: "JSON Configuration Syntax" of the Terraform language.
"""

from __future__ import annotations

from assay.engine.terraform import json_syntax
from assay.engine.terraform.schema import Block as Schema
from assay.engine.terraform.schema import table
from assay.engine.terraform.syntax import Attribute, Block, Body

_CONDITIONS = {"precondition": 0, "postcondition": 0}
# Blocks of the language itself inside its blocks, with the number of their labels.
_LANGUAGE: dict[str, dict[str, int]] = {
    "variable": {"validation": 0},
    "output": {"precondition": 0},
    "resource": {"lifecycle": 0, "provisioner": 1, "connection": 0},
    "data": {"lifecycle": 0},
    "ephemeral": {"lifecycle": 0},
    "lifecycle": _CONDITIONS,
    "provisioner": {"connection": 0},
    "terraform": {"backend": 1, "cloud": 0, "required_providers": 0, "provider_meta": 1},
    "cloud": {"workspaces": 0},
    "check": {"assert": 0, "data": 2},
    "removed": {"lifecycle": 0, "provisioner": 1},
    # Of providers there is no schema here; these are blocks in the providers that have them.
    "provider": {
        "assume_role": 0,
        "assume_role_with_web_identity": 0,
        "default_tags": 0,
        "endpoints": 0,
        "exec": 0,
        "experiments": 0,
        "features": 0,
        "ignore_tags": 0,
        "kubernetes": 0,
        "registry": 0,
    },
}


def with_blocks(block: Block) -> Block:
    """A block of a JSON file as HCL would have given it."""
    schema = None
    if block.type in ("resource", "data") and block.labels:
        data = "data." if block.type == "data" else ""
        schema = table().resource(data + block.labels[0])
    return _block(block.type, block.labels, block.body, block, schema)


def _block(
    type: str, labels: tuple[str, ...], body: Body, where: Block | Attribute, schema: Schema | None
) -> Block:
    made = _body(body, _LANGUAGE.get(type, {}), schema)
    return Block(where.text, where.start, where.end, type, labels, made)


def _body(body: Body, language: dict[str, int], schema: Schema | None) -> Body:
    made = Body(body.text, body.start, body.end)
    for name, attribute in body.attributes.items():
        if name in language:
            made.blocks += _labelled(name, (), language[name], attribute, None)
        elif schema is not None and name == "dynamic":
            made.blocks += _dynamic(attribute, schema)
        elif schema is not None and name in schema.blocks:
            nested = schema.blocks.get(name)
            found = _labelled(name, (), 0, attribute, nested.block if nested else None)
            if not found and json_syntax.bodies_of(attribute.expression) is None:
                made.attributes[name] = attribute
            made.blocks += found
        else:
            made.attributes[name] = attribute
    return made


def _labelled(
    type: str, labels: tuple[str, ...], missing: int, given: Attribute, schema: Schema | None
) -> list[Block]:
    found: list[Block] = []
    for body in json_syntax.bodies_of(given.expression) or ():
        if not missing:
            found.append(_block(type, labels, body, given, schema))
        for name, attribute in body.attributes.items() if missing else ():
            found += _labelled(type, (*labels, name), missing - 1, attribute, schema)
    return found


def _dynamic(given: Attribute, schema: Schema) -> list[Block]:
    """`"dynamic": {"ingress": {"for_each": …, "content": {…}}}`"""
    found: list[Block] = []
    for block in _labelled("dynamic", (), 1, given, None):
        nested = schema.blocks.get(block.labels[0])
        body = Body(block.body.text, block.body.start, block.body.end)
        for name, attribute in block.body.attributes.items():
            if name == "content":
                inner = nested.block if nested is not None else None
                body.blocks += _labelled("content", (), 0, attribute, inner)
            else:
                body.attributes[name] = attribute
        found.append(Block(block.text, block.start, block.end, "dynamic", block.labels, body))
    return found

"""What providers say of their resources: types of arguments, which are blocks, computed, sensitive.

The table (schema.bin) is made by tests/tools/provider_schema.py from `terraform providers schema
-json`: equal blocks and types are stored once, a line each, compressed. It is read when a
Terraform source is scanned and not before. A type without an entry is loaded by its syntax alone.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from assay.engine.terraform.types import (
    BOOL,
    DYNAMIC,
    NUMBER,
    STRING,
    Type,
    collection_of,
    object_of,
    tuple_of,
)

OPTIONAL, REQUIRED, COMPUTED, SENSITIVE, WRITE_ONLY = 1, 2, 4, 8, 16
_PRIMITIVES = {"string": STRING, "number": NUMBER, "bool": BOOL, "dynamic": DYNAMIC}


class Argument(NamedTuple):
    """One attribute: its type and the flags above."""

    type: Type
    flags: int

    @property
    def computed(self) -> bool:
        """Whether the provider fills it in where it is not configured."""
        return bool(self.flags & COMPUTED)

    @property
    def configurable(self) -> bool:
        """Whether a configuration may set it."""
        return bool(self.flags & (OPTIONAL | REQUIRED))


class BlockType(NamedTuple):
    """A nested block: `nesting` is single, list, set, map or group."""

    nesting: str
    block: Block


class Block:
    """The arguments and nested blocks of a resource or of a block in it."""

    __slots__ = ("_raw", "_table", "attributes", "blocks", "type")

    def __init__(self, table: Table, raw: dict[str, Any]) -> None:
        self.attributes: dict[str, Argument] = {
            name: Argument(table.type(type), flags) for name, (type, flags) in raw["a"].items()
        }
        self._table = table
        self._raw: dict[str, Any] = raw.get("b", {})
        self.blocks = _Blocks(table, self._raw)
        self.type: Type | None = None


class _Blocks:
    """The nested blocks by name, made when they are asked for."""

    __slots__ = ("_raw", "_table")

    def __init__(self, table: Table, raw: dict[str, Any]) -> None:
        self._table = table
        self._raw = raw

    def get(self, name: str) -> BlockType | None:
        """The nested block of that name."""
        found = self._raw.get(name)
        return None if found is None else BlockType(found[0], self._table.block(found[1]))

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def __iter__(self) -> Any:
        return iter(self._raw)


def has_computed(block: Block) -> bool:
    """Whether the provider may fill in anything inside the block."""
    if any(argument.computed for argument in block.attributes.values()):
        return True
    inner = (block.blocks.get(name) for name in block.blocks)
    return any(each is not None and has_computed(each.block) for each in inner)


def object_type(block: Block) -> Type:
    """The type of a block's value, its nested blocks included; worked out once."""
    if block.type is None:
        made = {name: argument.type for name, argument in block.attributes.items()}
        for name in block.blocks:
            nested = block.blocks.get(name)
            if nested is not None:
                made[name] = block_type(nested)
        block.type = object_of(made)
    return block.type


def block_type(nested: BlockType) -> Type:
    """The type of all nested blocks of one kind."""
    inner = object_type(nested.block)
    if nested.nesting in ("single", "group"):
        return inner
    return collection_of(nested.nesting, inner)


class Table:
    """All types of the shipped providers."""

    def __init__(self, document: bytes) -> None:
        head, *blocks = document.split(b"\n")
        named = json.loads(head)
        self.providers: dict[str, str] = named["providers"]
        self._resources: dict[str, int] = named["resources"]
        self._data: dict[str, int] = named["data"]
        self._types: list[Any] = named["types"]
        self._blocks = blocks  # JSON each, read when asked for: a scan meets few of thousands
        self._made: dict[int, Block] = {}
        self._made_types: dict[int, Type] = {}

    def resource(self, kind: str) -> Block | None:
        """The block of a resource type, or of a data source (`data.` before it)."""
        data = kind.startswith("data.")
        number = self._data.get(kind[5:]) if data else self._resources.get(kind)
        return None if number is None else self.block(number)

    def block(self, number: int) -> Block:
        """The pooled block of that number."""
        found = self._made.get(number)
        if found is None:
            found = self._made[number] = Block(self, json.loads(self._blocks[number]))
        return found

    def type(self, number: int) -> Type:
        """The pooled type of that number."""
        found = self._made_types.get(number)
        if found is None:
            found = self._made_types[number] = type_of(self._types[number])
        return found


@cache
def table() -> Table:
    """The shipped table, read once."""
    data = resources.files("assay.engine.terraform").joinpath("schema.bin").read_bytes()
    return Table(zlib.decompress(data))


def type_of(raw: Any) -> Type:
    """A type as `terraform providers schema -json` writes it."""
    if isinstance(raw, str):
        return _PRIMITIVES[raw]
    kind, inner = raw[0], raw[1]
    if kind == "object":
        return object_of({name: type_of(each) for name, each in inner.items()})
    if kind == "tuple":
        return tuple_of([type_of(each) for each in inner])
    return collection_of(kind, type_of(inner))

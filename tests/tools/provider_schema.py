"""Writes engine/terraform/schema.bin from the JSON of `terraform providers schema -json` on stdin.

    terraform providers schema -json | python tests/tools/provider_schema.py hashicorp/aws=5.100.0

Equal blocks and equal types are stored once; descriptions are left out.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "engine" / "terraform" / "schema.bin"
# The provider that is built into Terraform, which no schema on a mirror has.
BUILTIN = {
    "resource_schemas": {
        "terraform_data": {
            "block": {
                "attributes": {
                    "id": {"type": "string", "computed": True},
                    "input": {"type": "dynamic", "optional": True},
                    "output": {"type": "dynamic", "computed": True},
                    "triggers_replace": {"type": "dynamic", "optional": True},
                }
            }
        }
    },
    "data_source_schemas": {
        "terraform_remote_state": {
            "block": {
                "attributes": {
                    "backend": {"type": "string", "required": True},
                    "config": {"type": "dynamic", "optional": True},
                    "defaults": {"type": "dynamic", "optional": True},
                    "outputs": {"type": "dynamic", "computed": True},
                    "workspace": {"type": "string", "optional": True},
                }
            }
        }
    },
}
FLAGS = (("optional", 1), ("required", 2), ("computed", 4), ("sensitive", 8), ("write_only", 16))


class Pool:
    """Values with a number each; equal values have one."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.values: list[Any] = []

    def add(self, value: Any) -> int:
        key = json.dumps(value, sort_keys=True)
        if key not in self.numbers:
            self.numbers[key] = len(self.values)
            self.values.append(value)
        return self.numbers[key]


def nested_type(raw: dict[str, Any]) -> Any:
    """The type of an attribute with nested attributes, as a plain type."""
    inner = {
        name: nested_type(each["nested_type"]) if "nested_type" in each else each["type"]
        for name, each in raw["attributes"].items()
    }
    mode = raw["nesting_mode"]
    return ["object", inner] if mode == "single" else [mode, ["object", inner]]


def block(raw: dict[str, Any], blocks: Pool, types: Pool) -> int:
    """The number of a block, its nested blocks pooled before it."""
    attributes = {}
    for name, each in sorted(raw.get("attributes", {}).items()):
        type = nested_type(each["nested_type"]) if "nested_type" in each else each["type"]
        flags = sum(flag for key, flag in FLAGS if each.get(key))
        attributes[name] = [types.add(type), flags]
    nested = {
        name: [each["nesting_mode"], block(each["block"], blocks, types)]
        for name, each in sorted(raw.get("block_types", {}).items())
    }
    return blocks.add({"a": attributes, "b": nested} if nested else {"a": attributes})


def pool(document: dict[str, Any], providers: dict[str, str]) -> dict[str, Any]:
    """The table of all providers in the document."""
    blocks, types = Pool(), Pool()
    resources: dict[str, int] = {}
    data: dict[str, int] = {}
    for provider in (BUILTIN, *(each for _, each in sorted(document["provider_schemas"].items()))):
        for kind, raw in sorted(provider.get("resource_schemas", {}).items()):
            resources[kind] = block(raw["block"], blocks, types)
        for kind, raw in sorted(provider.get("data_source_schemas", {}).items()):
            data[kind] = block(raw["block"], blocks, types)
    return {
        "providers": providers,
        "resources": resources,
        "data": data,
        "blocks": blocks.values,
        "types": types.values,
    }


def written(table: dict[str, Any]) -> bytes:
    """The table as text: names and types on the first line, then a block a line."""
    head = {key: value for key, value in table.items() if key != "blocks"}
    lines = [json.dumps(each, separators=(",", ":")) for each in (head, *table["blocks"])]
    return "\n".join(lines).encode()


if __name__ == "__main__":
    named = dict(word.split("=", 1) for word in sys.argv[1:])
    FILE.write_bytes(zlib.compress(written(pool(json.load(sys.stdin), named)), 9))

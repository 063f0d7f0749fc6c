"""Writes engine/terraform/defaults.bin: what the AWS provider plans for what nobody configures.

    terraform providers schema -json | python -m tests.tools.provider_defaults PROVIDER-EXECUTABLE

Schemas hold no defaults, so every type is planned twice by the provider itself, without a network:
once with nothing but what is required, once with every nested block written as briefly as can be.
Source: the provider's answers to PlanResourceChange (tfplugin5.proto).
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import msgpack  # type: ignore[import-untyped]

from tests.tools.provider_proxy import PLAN, Proxy, field, fields, plain

FILE = Path(__file__).parents[2] / "engine" / "terraform" / "defaults.bin"
CONFIGURE = "/tfplugin5.Provider/Configure"
NULL = b"\xc0"
MAX_DEPTH, MAX_BLOCKS = 4, 400  # of the blocks written for the second plan
UNKNOWN = msgpack.ExtType(0, b"\0")
WORDS = {"string": "x", "number": 1, "bool": False}
FAKE = {
    "region": "eu-central-1",
    "access_key": "fake",
    "secret_key": "fake",
    "skip_credentials_validation": True,
    "skip_requesting_account_id": True,
    "skip_metadata_api_check": "true",
    "skip_region_validation": True,
}
# Arguments without which the provider plans nothing of a type that matters.
_GROUP = {"port": 80, "protocol": "HTTP", "vpc_id": "vpc-1"}
SEEDS: dict[str, dict[str, Any]] = {
    "aws_alb_target_group": _GROUP,
    "aws_lb_target_group": _GROUP,
    "aws_dynamodb_table": {
        "billing_mode": "PAY_PER_REQUEST",
        "hash_key": "k",
        "name": "x",
        "attribute": [{"name": "k", "type": "S"}],
    },
    "aws_lambda_function": {
        "function_name": "x",
        "package_type": "Image",
        "image_uri": "x",
        "role": "arn:aws:iam::123456789012:role/x",
    },
    "aws_kinesis_firehose_delivery_stream": {"destination": "http_endpoint", "name": "x"},
    "aws_api_gateway_authorizer": {"name": "x", "rest_api_id": "x", "authorizer_uri": "x"},
    "aws_vpc_ipam": {"operating_regions": [{"region_name": "eu-central-1"}]},
}


class Writer:
    """Configurations of one type: `known` fills what is required with words, else with unknowns."""

    def __init__(self, known: bool, whole: bool) -> None:
        self.known = known
        self.whole = whole
        self.blocks = 0

    def block(self, schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, attribute in schema.get("attributes", {}).items():
            made[name] = self.required(attribute) if attribute.get("required") else None
        for name, nested in schema.get("block_types", {}).items():
            made[name] = self.nested(nested, depth)
        return made

    def required(self, attribute: dict[str, Any]) -> Any:
        kind = attribute.get("type")
        if not self.known:
            return UNKNOWN
        if kind is None:
            return None if attribute["nested_type"]["nesting_mode"] == "single" else []
        return WORDS.get(kind) if isinstance(kind, str) else {} if kind[0] == "map" else []

    def nested(self, nested: dict[str, Any], depth: int) -> Any:
        mode = nested["nesting_mode"]
        wanted = bool(nested.get("min_items"))
        if self.whole and depth < MAX_DEPTH and self.blocks < MAX_BLOCKS:
            wanted = True
        if mode == "group" or (mode == "single" and wanted):
            return self.block(nested["block"], depth + 1)
        if mode == "single":
            return None
        if mode == "map":
            return {}
        if not wanted:
            return []
        self.blocks += 1
        return [self.block(nested["block"], depth + 1)]


class Provider:
    """A configured provider, started anew where it fell over."""

    def __init__(self, executable: Path, schema: dict[str, Any]) -> None:
        self.executable = executable
        self.config = pack({**Writer(False, False).block(schema), **FAKE})
        self.start()

    def start(self) -> None:
        self.proxy = Proxy(self.executable)
        request = field(1, b"1.11.4") + field(2, field(1, self.config))
        said = self.proxy.channel.unary_unary(CONFIGURE)(request)
        assert not any(dict(fields(value)).get(1) == 1 for _, value in fields(said)), said

    def ask(self, method: str, request: bytes) -> bytes | None:
        try:
            answer: bytes = self.proxy.channel.unary_unary(method)(request, timeout=60)
        except grpc.RpcError:
            self.proxy.close()
            self.start()
            return None
        return answer


def pack(value: Any) -> bytes:
    return bytes(msgpack.packb(value))


def plan(provider: Provider, kind: str, config: dict[str, Any]) -> Any:
    """What the provider plans for a configuration; None where it refuses."""
    dynamic = field(1, pack(config))
    request = field(1, kind.encode()) + field(2, field(1, NULL))
    request += field(3, dynamic) + field(4, dynamic)
    answer = provider.ask(PLAN, request)
    if answer is None:
        return None
    found: dict[int, list[Any]] = {}
    for number, value in fields(answer):
        found.setdefault(number, []).append(value)
    for diagnostic in found.get(4, ()):
        if dict(fields(diagnostic)).get(1) == 1:
            return None
    if 1 not in found:
        return None
    return plain(dict(fields(found[1][0])).get(1, NULL))


def answers(
    schema: dict[str, Any], config: Any, planned: Any, path: str
) -> Iterator[tuple[str, Any]]:
    """(path without indexes, planned value) of everything optional that was left out."""
    for name, attribute in schema.get("attributes", {}).items():
        if config.get(name) is None and not attribute.get("required"):
            yield f"{path}{name}", planned.get(name)
    for name, nested in schema.get("block_types", {}).items():
        given, made = config.get(name), planned.get(name)
        if not given:
            yield f"{path}{name}", made
            continue
        if isinstance(given, dict):
            given, made = [given], [made]
        if isinstance(made, list) and len(made) == len(given) and isinstance(made[0], dict):
            yield from answers(nested["block"], given[0], made[0], f"{path}{name}.")


def learn(provider: Provider, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Path → planned value, for what all plans agree on (those at the top must be brief ones)."""
    found: dict[str, list[Any]] = {}
    for whole in (False, True):
        for known in (False, True):
            config = {**Writer(known, whole).block(schema), **SEEDS.get(kind, {})}
            planned = plan(provider, kind, config)
            if isinstance(planned, dict):
                for path, value in answers(schema, config, planned, ""):
                    if not (whole and "." not in path and path in found):
                        found.setdefault(path, []).append(value)
    return {
        path: values[0]
        for path, values in sorted(found.items())
        if all(value == values[0] for value in values)
    }


def flags(schema: dict[str, Any], path: str) -> tuple[bool, bool]:
    """Whether a path is a block, and whether it is computed."""
    *outer, name = path.split(".")
    for step in outer:
        schema = schema["block_types"][step]["block"]
    if name in schema.get("block_types", {}):
        return True, False
    return False, bool(schema["attributes"][name].get("computed"))


def brief(schema: dict[str, Any], learnt: dict[str, Any]) -> dict[str, Any]:
    """What a schema alone does not tell: defaults; null where computed; blocks left to AWS."""
    kept: dict[str, Any] = {}
    for path, value in learnt.items():
        is_block, computed = flags(schema, path)
        if value == {"?": True}:
            if is_block or not computed:
                kept[path] = {"?": True}
        elif is_block:
            if value:
                kept[path] = value
        elif value is not None or computed:
            kept[path] = value
    return kept


def main() -> None:
    schemas = json.load(sys.stdin)["provider_schemas"]["registry.terraform.io/hashicorp/aws"]
    for name in list(os.environ):
        if name.startswith(("AWS_", "TF_")):
            del os.environ[name]
    provider = Provider(Path(sys.argv[1]), schemas["provider"]["block"])
    found: dict[str, Any] = {}
    try:
        for kind, schema in sorted(schemas["resource_schemas"].items()):
            learnt = learn(provider, kind, schema["block"])
            if not learnt:
                print(kind, "was not planned", file=sys.stderr)
            found[kind] = brief(schema["block"], learnt)
    finally:
        provider.proxy.close()
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    FILE.write_bytes(zlib.compress(text.encode(), 9))
    print(len(found), "types,", sum(map(len, found.values())), "defaults,", FILE.stat().st_size)


if __name__ == "__main__":
    main()

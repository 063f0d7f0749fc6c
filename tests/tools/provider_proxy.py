"""Between terraform and a provider: records what terraform sends for each resource.

A plan shows what a provider made of a configuration; this shows what the provider was given, which
is what an evaluator has to compute. `record(folder)` plans the configuration in a folder (with
fake keys) and gives, for each address, its configuration with unknown values marked. Needs
`grpcio` and `msgpack`, the provider's executable, and terraform on the PATH.

Source: Terraform's plugin protocol 5 (tfplugin5.proto) and go-plugin's reattachment.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import msgpack  # type: ignore[import-untyped]

COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
SIZES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
UNKNOWN = {"?": True}  # how a record writes an unknown value
PLAN, READ = "/tfplugin5.Provider/PlanResourceChange", "/tfplugin5.Provider/ReadDataSource"
SCHEMA = "/tfplugin5.Provider/GetProviderSchema"
CONFIGURED = ("input", "triggers_replace")  # of terraform_data, which is no plugin
# Answered by the provider itself, without a network.
PURE = {"aws_iam_policy_document", "aws_arn", "aws_partition", "aws_region", "aws_service"}


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message: number and value (bytes, or an int)."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        else:
            size = varint()
            yield tag >> 3, message[at : at + size]
            at += size


def field(number: int, value: bytes | int) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    size, head = len(value), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head) + bytes([size]) + value


def plain(packed: bytes) -> Any:
    """A value as terraform packs it; numbers as text are numbers, unknown ones UNKNOWN."""

    def extension(_code: int, _data: bytes) -> Any:
        return dict(UNKNOWN)

    return msgpack.unpackb(packed, ext_hook=extension, strict_map_key=False, raw=False)


class Proxy:
    """The provider, and a server before it. `sent`: (number, kind, configuration)."""

    def __init__(self, executable: Path) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "AWS_"))}
        environment["TF_PLUGIN_MAGIC_COOKIE"] = COOKIE
        environment["PLUGIN_PROTOCOL_VERSIONS"] = "5"
        environment.pop("PLUGIN_CLIENT_CERT", None)
        self.process = subprocess.Popen(
            [executable], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdout
        line = self.process.stdout.readline().decode().split("|")
        self.channel = grpc.insecure_channel(f"unix:{line[3]}", options=SIZES)
        self.sent: list[tuple[str, Any]] = []
        self.lock = threading.Lock()
        self.schema: bytes | None = None
        self.server = grpc.server(futures.ThreadPoolExecutor(8), options=SIZES)
        self.server.add_generic_rpc_handlers((self,))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, details: Any) -> Any:
        """Every unary call, passed on as bytes."""
        method = details.method
        if "Stream" in method:
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, _context: self.call(method, request)
        )

    def call(self, method: str, request: bytes) -> bytes:
        """Pass one call on; note and number what is planned and read."""
        if "Shutdown" in method or method.endswith("/Stop"):
            return b""
        if method == SCHEMA and self.schema is not None:
            return self.schema
        if method == READ and dict(fields(request))[1].decode() not in PURE:
            given = dict(fields(request))
            number = self.note("data." + given[1].decode(), dict(fields(given[2]))[1])
            return field(1, given[2]) + number
        answer: bytes = self.channel.unary_unary(method)(request)
        if method == SCHEMA:
            self.schema = answer
        if method == READ:
            given = dict(fields(request))
            config = dict(fields(given[2]))[1]
            return answer + self.note("data." + given[1].decode(), config)
        if method == PLAN:
            given = dict(fields(request))
            config = dict(fields(given[4])).get(1, b"\xc0")
            if config != b"\xc0":
                return answer + self.note(given[1].decode(), config)
        return answer

    def note(self, kind: str, config: bytes) -> bytes:
        """Keep a configuration; the warning that tells its number (and so its address)."""
        with self.lock:
            self.sent.append((kind, plain(config)))
            summary = f"#{len(self.sent) - 1}".encode()
        warning = field(1, 2) + field(2, summary)
        return field(2 if kind.startswith("data.") else 4, warning)

    def reattach(self) -> str:
        """What TF_REATTACH_PROVIDERS must be."""
        entry = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": os.getpid(), "Test": True}
        address = {"Network": "tcp", "String": f"127.0.0.1:{self.port}"}
        return json.dumps({"registry.terraform.io/hashicorp/aws": {**entry, "Addr": address}})

    def close(self) -> None:
        """End the server and the provider."""
        self.server.stop(0)
        self.process.kill()

    def record(
        self, folder: Path, *options: str, environment: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Address → configuration, as terraform sent it for a plan of the folder.

        Afterwards `marks` has the paths of what that plan calls sensitive, by address.
        """
        self.sent.clear()
        self.marks: dict[str, list[str]] = {}
        given = environment or {}
        environment = {
            key: text for key, text in os.environ.items() if not key.startswith(("TF_", "AWS_"))
        }
        environment["TF_REATTACH_PROVIDERS"] = self.reattach()
        installed = (folder / ".terraform" / "modules" / "modules.json").exists()
        environment["TF_DATA_DIR"] = str(folder / (".terraform" if installed else ".data"))
        environment["CHECKPOINT_DISABLE"] = "1"
        environment.update(given)

        def run(*words: str) -> str:
            done = subprocess.run(
                ["terraform", f"-chdir={folder}", *words],
                capture_output=True, text=True, env=environment, check=False, timeout=300,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)
            return done.stdout

        if environment.get("TF_WORKSPACE"):
            (folder / "terraform.tfstate.d" / environment["TF_WORKSPACE"]).mkdir(parents=True)
        run("init", "-backend=false", "-no-color", *(["-get=false"] if installed else []))
        lines = run("plan", "-json", "-no-color", "-refresh=false", "-out=plan", *options)
        found: dict[str, Any] = {}
        for line in map(json.loads, lines.splitlines()):
            diagnostic = line.get("diagnostic") or {}
            if line.get("type") == "diagnostic" and diagnostic["summary"].startswith("#"):
                kind, config = self.sent[int(diagnostic["summary"][1:])]
                found[diagnostic["address"]] = (kind, config)
        plan = json.loads(run("show", "-json", "plan"))
        for change in plan.get("resource_changes", ()):
            marks = sorted(_marks(change["change"].get("after_sensitive"), ""))
            if marks and change["change"]["after"]:
                self.marks[change["address"]] = marks
            if change["type"] == "terraform_data" and change["change"]["after"]:
                after, unknown = change["change"]["after"], change["change"]["after_unknown"]
                config = {name: marked(after.get(name), unknown.get(name)) for name in CONFIGURED}
                found[change["address"]] = (change["type"], config)
        return dict(sorted(found.items()))


def _marks(marks: Any, path: str) -> Iterator[str]:
    """The paths at which a plan has `true`."""
    if marks is True:
        yield path
    elif isinstance(marks, dict):
        for key, inner in marks.items():
            plain = re.fullmatch(r"[A-Za-z_][\w-]*", key)
            step = (f".{key}" if path else key) if plain else f"[{json.dumps(key)}]"
            yield from _marks(inner, path + step)
    elif isinstance(marks, list):
        for at, inner in enumerate(marks):
            yield from _marks(inner, f"{path}[{at}]")


def marked(value: Any, unknown: Any) -> Any:
    """A planned value with UNKNOWN where the plan says so."""
    if unknown is True:
        return dict(UNKNOWN)
    if isinstance(unknown, dict):
        known = value or {}
        return {key: marked(known.get(key), unknown.get(key)) for key in sorted({*known, *unknown})}
    if isinstance(unknown, list):
        value = [*(value or []), *[None] * len(unknown)][: max(len(unknown), len(value or []))]
        rest = [*unknown, *[False] * len(value)]
        return [marked(each, rest[at]) for at, each in enumerate(value)]
    return value

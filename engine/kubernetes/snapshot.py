"""A cluster's objects ↔ a file: compressed JSON lines, the same bytes for the same objects.

Line 1 says what the file is and what could not be read; each further line is an object. No secret
is in it: Secrets without contents, literals that look like secrets replaced by a marker.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.engine.errors import InputError, Problem
from assay.engine.kubernetes import live, objects, packed
from assay.engine.kubernetes.cluster import Read
from assay.engine.model import Gap, Loaded, Place, SourceError

SCHEMA = "assay/snapshot/1"
MAX_SIZE = 4 * 1024**3  # bytes of text in a snapshot; 20,000 Pods are some 150 MB


def write(read: Read, cluster: str, uid: str, version: str, at: str | None) -> bytes:
    """The bytes of a snapshot of what `cluster.fetch` read: no secret is left in that.

    `at` is the time it was taken, RFC 3339, where it is given.
    """
    head = {
        "schema": SCHEMA,
        "cluster": cluster,
        "uid": uid,
        "version": version,
        "at": at,
        "errors": [[error.subject, error.code, error.message] for error in read.errors],
        "gaps": [[gap.kind, gap.subject, gap.state, gap.reason, gap.blocks] for gap in read.gaps],
    }
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: a gzip header, which holds no time
    parts = [packer.compress(_line(head))]
    read.items.sort(key=live.order)
    parts += [packer.compress(_line(item)) for item in read.items]
    return b"".join([*parts, packer.flush()])


def load(file: Path, environment: str = "default") -> Loaded:
    """What a scan of the cluster would have read. Raises InputError for what is no snapshot."""
    cluster, held = read(file, environment)
    resources, owned = live.resources(held.items, "snapshot", cluster, environment)
    return Loaded(resources, held.errors, held.gaps + owned)


def read(file: Path, environment: str = "default") -> tuple[str, Read]:
    """The cluster's name and what was read of it. Raises InputError for what is no snapshot."""
    try:
        lines = _lines(file)
        head = json.loads(next(lines, b"null"))
        if not isinstance(head, dict) or head.get("schema") != SCHEMA:
            raise _unusable(file, f"it does not begin with `{SCHEMA}`")
        items = packed.of(live.trim(item) for line in lines for item in [_item(line)])
        cluster = str(head["cluster"])
        errors = [
            SourceError("snapshot", cluster, environment, subject, code, message, Place(cluster))
            for subject, code, message in head["errors"]
        ]
        gaps = [
            Gap(kind, subject, state, reason, None, blocks)
            for kind, subject, state, reason, blocks in head["gaps"]
        ]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise _unusable(file, f"{type(error).__name__}: {error}") from error
    return cluster, Read(items, errors, gaps)


def _lines(file: Path) -> Iterator[bytes]:
    size = 0
    with gzip.open(file) as stream:
        for line in stream:
            size += len(line)
            if size > MAX_SIZE:
                raise ValueError(f"larger than {MAX_SIZE // 1024**3} GiB")
            yield line


def _item(line: bytes) -> dict[str, Any]:
    item: dict[str, Any] = json.loads(line)
    if objects.problem(item) is not None:
        raise ValueError("a line that is no object")
    return objects.dropped(item) if b"null" in line else item


def _line(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _unusable(file: Path, reason: str) -> InputError:
    return InputError(Problem("snapshot", f"`{file.name}` is no snapshot: {reason}", file.name))

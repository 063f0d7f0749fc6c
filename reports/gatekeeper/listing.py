"""What an export wrote and what it refused: the file that lies beside it, and how one is read.

One line an object or refusal, fields apart by tabs: `exported  KIND/NAME  FILE`, and
`refused  CONTROL  CHECK  REASON`. A later export reads it, to name what is no longer there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.admission.convert import Refusal

FILE = "exported.txt"
PRUNE = "prune.txt"
PARAMS = "assay-params.yaml"
CONTROL = "delivery-exported-policies-current"  # which compares the digests
DIGEST = "assay/digest"
MAX_SIZE = 4 * 1024 * 1024


class Export(NamedTuple):
    """Everything an export consists of.

    files     path below the folder → text
    objects   (`Kind/name` or `Kind/namespace/name`, file) in the order in which they apply
    """

    files: Mapping[str, str]
    objects: Sequence[tuple[str, str]]
    refusals: Sequence[Refusal]


class Earlier(NamedTuple):
    """What a listing names: its files, and its objects."""

    files: frozenset[str]
    objects: frozenset[str]


def name_of(object: Mapping[str, Any]) -> str:
    """How a listing calls an object."""
    metadata = object["metadata"]
    where = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{object['kind']}/{where}{metadata['name']}"


def parameters(objects: Iterable[Mapping[str, Any]]) -> str:
    """What `assay scan --params` takes, to be told whether this export is what is installed."""
    lines = [
        "# The export beside this file: `assay scan --params FILE` compares a cluster with it."
    ]
    lines.append("expects: [admission]")
    lines.append(f"{CONTROL}:")
    lines.append("  digests:")
    start = len(lines)
    for each in objects:
        digest = each["metadata"].get("annotations", {}).get(DIGEST)
        if each["kind"] in ("ValidatingAdmissionPolicy", "ConstraintTemplate") and digest:
            lines.append(f"    - {each['kind']}/{each['metadata']['name']} {digest}")
    if len(lines) == start:
        lines[-1] += " []"
    return "".join(f"{line}\n" for line in lines)


def render(objects: Iterable[tuple[str, str]], refusals: Iterable[Refusal]) -> str:
    """The text of the listing."""
    lines = [f"exported\t{name}\t{file}" for name, file in objects]
    lines += [f"refused\t{each.control}\t{each.check}\t{each.reason}" for each in refusals]
    return "".join(f"{line}\n" for line in lines)


def read(text: str) -> Earlier:
    """What an earlier listing named; lines of any other form are passed over."""
    files: set[str] = set()
    objects: set[str] = set()
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) == 3 and fields[0] == "exported":
            objects.add(fields[1])
            files.add(fields[2])
    return Earlier(frozenset(files), frozenset(objects))

"""A population and a seed → a sample that anybody can draw again, with any tool.

Each finding gets the SHA-256 of `seed`, a line feed, and its identity as JSON (control, check,
source, root, environment, address); the smallest digests are the sample. No generator of random
numbers is trusted, and the order of the population does not matter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA = "assay/sample/1"


def draw(findings: Sequence[Mapping[str, Any]], seed: int, size: int) -> list[Mapping[str, Any]]:
    """At most `size` of the findings, in the order in which they were drawn."""
    return sorted(findings, key=lambda finding: _rank(finding, seed))[:size]


def _rank(finding: Mapping[str, Any], seed: int) -> bytes:
    held = finding["resource"]
    who = [held[name] for name in ("source", "root", "environment", "address")]
    identity = json.dumps([finding["control"], finding["check"], *who], separators=(",", ":"))
    return hashlib.sha256(f"{seed}\n{identity}".encode()).digest()

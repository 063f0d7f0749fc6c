"""What the AWS provider plans for an argument or block that nobody configures.

Schemas do not hold defaults. The table (defaults.bin) is what provider 5.100.0 itself planned for
each of its types with nothing optional configured; tests/tools/provider_defaults.py writes it.
Paths are without indexes (`metadata_options.http_endpoint`). An argument that is optional and
computed and not in the table is left to AWS.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from importlib import resources
from typing import Any

LEFT: dict[str, bool] = {"?": True}  # how the table writes what is left to the provider
_DATA: dict[str, dict[str, Any]] = {
    "data.aws_iam_policy_document": {"version": "2012-10-17"},
}


@cache
def _table() -> dict[str, dict[str, Any]]:
    file = resources.files("assay.engine.terraform").joinpath("defaults.bin")
    found: dict[str, dict[str, Any]] = json.loads(zlib.decompress(file.read_bytes()))
    return found


def of(kind: str) -> dict[str, Any] | None:
    """Path → planned value of one type; LEFT for a block that the provider will fill in.

    None where nothing is known of the type.
    """
    if kind.startswith("data."):
        return _DATA.get(kind)
    return _table().get(kind) if kind.startswith("aws_") else None

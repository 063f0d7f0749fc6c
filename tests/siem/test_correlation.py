"""Correlations: what each kind asks for, what is refused, and what a server finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.engine.siem import server
from assay.engine.siem.convert import Conversion, convert_rules
from assay.engine.siem.load import Correlation, Document, Rules, rule
from assay.engine.siem.sources import template

BASE = {"failed": {"EventID": 4625}, "worked": {"EventID": 4624}}


def converted(kind: str, names: list[str], **words: Any) -> Conversion:
    rules = []
    for number, (name, detection) in enumerate(BASE.items()):
        data = {
            "title": name,
            "name": name,
            "id": f"5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b1{number}",
            "logsource": {"product": "windows"},
            "detection": {"one": detection, "condition": "one"},
        }
        rules.append(rule(Document("base.yml", 1, data)))
    own = "7e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b33"
    correlation = {"type": kind, "rules": names, "timespan": "10m", **words}
    document = {"title": "T", "id": own, "correlation": correlation}
    return convert_rules(Rules(rules, [Correlation(own, "T", "c.yml", 1, document)], []))


def test_event_count_is_one_search() -> None:
    done = converted(
        "event_count", ["failed"], **{"group-by": ["TargetUserName"], "condition": {"gte": 3}}
    )
    assert done.refused == []
    assert done.correlated[0].body == {
        "size": 0,
        "query": {
            "bool": {
                "filter": [
                    {"range": {"@timestamp": {"gte": "now-600s", "lt": "now"}}},
                    {"terms": {"EventID": ["4625", "4625.0"]}},
                ]
            }
        },
        "aggs": {
            "groups": {
                "composite": {
                    "size": 10000,
                    "sources": [{"TargetUserName": {"terms": {"field": "TargetUserName"}}}],
                },
                "aggs": {
                    "condition": {
                        "bucket_selector": {
                            "buckets_path": {"found": "_count"},
                            "script": {
                                "lang": "painless",
                                "source": "params.found >= params.wanted",
                                "params": {"wanted": 3},
                            },
                        }
                    }
                },
            }
        },
    }


@pytest.mark.parametrize(
    ("kind", "names", "words", "reason"),
    [
        ("event_count", ["nobody"], {"condition": {"gte": 3}}, "it names nobody, which is no rule"),
        ("event_count", ["failed"], {"condition": {"lt": 3}}, "lt also holds for groups without"),
        (
            "value_sum",
            ["failed"],
            {"condition": {"gte": 3, "field": "n"}},
            "value_sum is not known",
        ),
        ("value_count", ["failed"], {"condition": {"gte": 3}}, "without field reference"),
        ("temporal_ordered", ["failed", "worked", "failed"], {}, "more than two rules"),
        ("event_count", ["failed"], {"condition": {"gte": 3}, "timespan": "soon"}, "invalid"),
        (
            "temporal",
            ["failed", "worked"],
            {"aliases": {"u": {"failed": "User", "worked": "Name"}}},
            "it has aliases",
        ),
    ],
)
def test_what_is_refused(kind: str, names: list[str], words: dict[str, Any], reason: str) -> None:
    done = converted(kind, names, **words)
    assert done.correlated == []
    assert len(done.refused) == 1
    assert reason.lower() in done.refused[0].reason.lower()


EVENTS = [  # minutes ago, event id, user, address
    (1, 4625, "eve", "a"),
    (2, 4625, "EVE", "b"),
    (3, 4625, "eve", "b"),
    (1, 4624, "eve", "a"),
    (5, 4624, "bob", "a"),
    (4, 4625, "bob", "a"),
    (30, 4625, "ann", "a"),
    (1, 4624, "ann", "a"),
]


@pytest.mark.opensearch
@pytest.mark.parametrize(
    ("kind", "names", "condition", "users"),
    [
        ("event_count", ["failed"], {"gte": 3}, ["eve"]),
        ("event_count", ["failed"], {"eq": 1}, ["bob"]),
        ("event_count", ["failed", "worked"], {"gt": 0}, ["ann", "bob", "eve"]),
        ("value_count", ["failed"], {"gte": 2, "field": "IpAddress"}, ["eve"]),
        ("temporal", ["failed", "worked"], None, ["bob", "eve"]),
        ("temporal_ordered", ["failed", "worked"], None, ["eve"]),
        ("temporal_ordered", ["worked", "failed"], None, ["bob"]),
    ],
)
def test_a_server_finds_the_groups(
    opensearch: str, kind: str, names: list[str], condition: Any, users: list[str]
) -> None:
    words: dict[str, Any] = {"group-by": ["TargetUserName"]}
    if condition:
        words["condition"] = condition
    one = converted(kind, names, **words).correlated[0]
    client = server.connect(opensearch)
    now = datetime.now(UTC)
    client.indices.create(index="assay-correlation", body=template(one.source)["template"])
    lines: list[Any] = []
    for minutes, event, user, address in EVENTS:
        at = (now - timedelta(minutes=minutes)).isoformat()
        lines += [{"index": {}}, {"@timestamp": at, "EventID": event} | {
            "TargetUserName": user,
            "IpAddress": address,
        }]  # fmt: skip
    client.bulk(body=lines, index="assay-correlation", refresh=True)
    answer = client.search(index="assay-correlation", body=one.body)
    client.indices.delete(index="assay-correlation")
    client.close()
    buckets = answer["aggregations"]["groups"]["buckets"]
    assert [bucket["key"]["TargetUserName"] for bucket in buckets] == users

"""The shipped detections: their own events, their words, and the fields they ask for."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assay.engine.siem import coverage, examples
from assay.engine.siem.convert import Conversion, convert
from assay.engine.siem.load import Document, Rules, rule
from assay.engine.siem.sources import FOLDER

LEAST = {"keycloak", "vault", "cloudflare", "gitlab", "postgresql", "argocd"} | {
    "kubernetes",
    "cloudtrail",
    "nginx",
}


@pytest.fixture(scope="module")
def shipped() -> Conversion:
    return convert([str(FOLDER / "detections")])


def test_every_detection_finds_its_events_and_no_near_miss(shipped: Conversion) -> None:
    assert shipped.refused == []
    tested = examples.judge(shipped, ["sigma", "dsl"])
    assert tested.failures == []
    assert tested.rules >= 120
    assert tested.events >= 2 * tested.rules


@pytest.mark.opensearch
def test_a_server_agrees(shipped: Conversion, opensearch: str) -> None:
    assert examples.judge(shipped, [opensearch]).failures == []


def test_every_field_is_in_its_index(shipped: Conversion) -> None:
    assert coverage.lacks(shipped.converted) == []


def test_every_log_source_has_its_share(shipped: Conversion) -> None:
    counts = Counter(one.source.name for one in shipped.converted)
    assert {name: counts[name] for name in LEAST if counts[name] < 8} == {}
    assert "generic" not in counts


def test_every_detection_says_what_to_do(shipped: Conversion) -> None:
    for one in shipped.converted:
        words = one.rule.document
        assert re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", words["tags"][1]), one.rule.file
        assert words["runbook"].endswith("."), one.rule.file
        assert words["falsepositives"], one.rule.file
        assert words["status"] == "stable", one.rule.file
        assert Path(one.rule.file).parent.name == one.source.name


def conversion(detection: dict[str, object], events: dict[str, object]) -> Conversion:
    from assay.engine.siem.convert import convert_rules

    data = {
        "title": "T",
        "id": "5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b11",
        "logsource": {"product": "vault"},
        "detection": detection,
        "events": events,
    }
    return convert_rules(Rules([rule(Document("t.yml", 1, data))], [], []))


def test_an_event_that_is_not_found_is_a_failure() -> None:
    done = conversion(
        {"one": {"type": "request"}, "condition": "one"},
        {"match": [{"type": "response"}], "miss": [{"type": "REQUEST"}]},
    )
    assert [failure.what for failure in examples.judge(done, ["sigma", "dsl"]).failures] == [
        "misses an event (0), by sigma",
        "finds a near miss (0), by sigma",
        "misses an event (0), by dsl",
        "finds a near miss (0), by dsl",
    ]


def test_a_rule_without_events_is_a_failure() -> None:
    done = conversion({"one": {"type": "request"}, "condition": "one"}, {"match": []})
    assert [failure.what for failure in examples.judge(done, ["sigma"]).failures] == [
        "has no events that miss"
    ]


def live(*properties: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Indexes of Vault's pattern with these fields."""
    mappings = [{"dynamic": False, "properties": one} for one in properties]
    return {"logs-vault-*": {f"index-{at}": one for at, one in enumerate(mappings)}}


def test_a_rule_on_a_field_that_is_nowhere_can_never_fire() -> None:
    detection = {
        "one": {"type": "request", "nowhere": "a"},
        "two": {"elsewhere": "b"},
        "condition": "one and not two",
    }
    done = conversion(detection, {})
    lacks = coverage.lacks(done.converted)
    assert [(lack.field, lack.reason, lack.dead) for lack in lacks] == [
        ("elsewhere", "is not in the index", True),
        ("nowhere", "is not in the index", True),
    ]
    text = {"type": {"type": "text"}, "nowhere": {"type": "keyword"}}
    lacks = coverage.lacks(done.converted, live(text))
    assert [(lack.field, lack.reason) for lack in lacks] == [
        ("elsewhere", "is not in the index"),
        ("nowhere", "has no normalizer: letter case would be missed"),
        ("type", "is of type text, not keyword"),
    ]


def test_an_index_must_have_what_the_search_asks_and_each_index_counts() -> None:
    detection = {
        "one": {"type|re": "^req", "auth.path|cidr": "10.0.0.0/8", "request.path|cased": "a"},
        "two": ["anywhere"],
        "condition": "one or two",
    }
    whole: dict[str, Any] = {"type": "keyword", "normalizer": "assay_lower"}
    cased = {**whole, "fields": {"cased": {"type": "keyword"}}}
    new = {
        "type": cased,
        "auth": {"properties": {"path": cased}},
        "request": {"properties": {"path": cased}},
        "assay_all": whole,
    }
    old = {"type": whole, "request": {"properties": {"path": {**cased, "index": False}}}}
    done = conversion(detection, {})
    assert coverage.lacks(done.converted, live(new)) == []
    lacks = coverage.lacks(done.converted, live(old))
    assert [(lack.field, lack.reason, lack.dead) for lack in lacks] == [
        ("assay_all", "is not in the index", True),
        ("auth.path", "is not in the index", True),
        ("request.path", "is not searchable", True),
        ("type", "has no sub-field cased, which the search asks", True),
    ]
    lacks = coverage.lacks(done.converted, live(old, new, old))
    assert {(lack.where, lack.dead) for lack in lacks} == {("index-0, index-2", False)}

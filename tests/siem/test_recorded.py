"""SigmaHQ's recorded attacks: every rule finds its own event, by meaning, query and server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.engine.siem import match
from assay.engine.siem.convert import Conversion, convert
from assay.engine.siem.event import read_events

pytestmark = pytest.mark.corpora
FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
ID = re.compile(r"(?m)^id: (\S+)")
Recorded = tuple[Conversion, list[dict[str, object]], dict[str, set[int]]]


@pytest.fixture(scope="module")
def recorded(sigmahq: Path) -> Recorded:
    """The rules with a recording, all events, and for each rule the numbers of its events."""
    events: list[dict[str, object]] = []
    wanted: dict[str, set[int]] = {}
    for file in sorted(sigmahq.joinpath("regression_data").rglob("*.json")):
        found = read_events(file.read_bytes(), file.name)
        wanted[file.stem] = set(range(len(events), len(events) + len(found)))
        events += found
    rules = [
        str(file)
        for folder in FOLDERS
        for file in sorted(sigmahq.joinpath(folder).rglob("*.yml"))
        if ID.search(file.read_text("utf-8"))[1] in wanted
    ]
    return convert(rules), events, wanted


def found_by(hits: list[match.Hit], wanted: dict[str, set[int]]) -> set[str]:
    return {hit.rule for hit in hits if hit.event in wanted[hit.rule]}


def test_every_rule_is_converted(recorded: Recorded) -> None:
    done, events, wanted = recorded
    assert done.refused == []
    assert {one.rule.id for one in done.converted} == set(wanted)
    assert len(wanted) > 50
    assert len(events) >= len(wanted)


def test_meaning_and_query_find_every_recorded_attack(recorded: Recorded) -> None:
    done, events, wanted = recorded
    by_meaning = list(match.by_meaning(done.converted, events))
    assert found_by(by_meaning, wanted) == set(wanted)
    assert list(match.by_query(done.converted, events)) == by_meaning


@pytest.mark.opensearch
def test_a_server_finds_the_same(recorded: Recorded, opensearch: str) -> None:
    done, events, _ = recorded
    assert list(match.by_server(opensearch, done.converted, events, [])) == list(
        match.by_meaning(done.converted, events)
    )

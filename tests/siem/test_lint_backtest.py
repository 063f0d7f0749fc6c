"""Lint with places, backtests by day, export, pipelines and correlations in Python."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.engine.cli import main
from assay.engine.errors import InputError
from assay.engine.siem import pipeline, sequence, server
from assay.engine.siem.correlation import Joined, join
from assay.engine.siem.load import Correlation, Document, rule
from assay.engine.siem.sources import shipped, template

ID = "5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b11"
RULE = """\
title: A shell
id: {id}
status: stable
level: high
falsepositives: [none]
logsource: {{product: windows}}
detection: {{one: {{CommandLine|contains: whoami}}, condition: one}}
"""


def test_lint_names_the_place_of_each_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yml"
    text = RULE.format(id=ID).replace("level: high", "level: hgh").replace("stable", "done")
    text += "date: 2026/01/02\ntags: [attack.t12, Attack.x, attack.excution]\n"
    text = text.replace("condition: one}", "two: {a: b}, condition: one}")
    text += "---\ntitle: A shell\nid: x\nlogsource: {product: windows}\n"
    file.write_text(text + "detection: {one: {a|nope: 1}, condition: one}\n", "utf-8")
    assert main(["sigma", "lint", str(file)]) == 1
    lines = capsys.readouterr().out.splitlines()
    found = [line.partition("a.yml:")[2].split("]")[0] for line in lines]
    assert found == [
        "3: warning[status-unknown", "4: warning[level-unknown", "7: warning[detection-unused",
        "8: warning[date-form", "9: warning[tag-form", "9: warning[tag-tactic",
        "9: warning[tag-technique", "11: error[refused", "11: warning[level-missing",
        "11: warning[title-twice", "12: warning[id-form",
    ]  # fmt: skip


def test_the_shipped_detections_lint_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sigma", "lint", "--strict"]) == 0
    assert capsys.readouterr().out == ""


def test_lint_of_what_is_not_there() -> None:
    assert main(["sigma", "lint", "nowhere"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--from", "2026-01-02", "--to", "2026-01-01"], ["--from", "x", "--to", "2026-01-01"],
        ["--from", "2020-01-01", "--to", "2026-01-01"],
    ],
)  # fmt: skip
def test_a_backtest_needs_days(words: list[str]) -> None:
    assert main(["sigma", "backtest", "--server", "http://127.0.0.1:1", *words]) == 2


@pytest.mark.opensearch
def test_a_backtest_counts_by_day(
    tmp_path: Path, opensearch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.joinpath("a.yml").write_text(RULE.format(id=ID), "utf-8")
    client = server.connect(opensearch)
    source = shipped()["windows"]
    index = source.pattern.replace("*", "backtest")
    client.indices.create(index=index, body=template(source)["template"])
    for day, text in ((1, "whoami"), (1, "WHOAMI /all"), (1, "dir"), (3, "whoami"), (9, "whoami")):
        at = f"2026-02-{day:02}T23:59:59Z"
        client.index(index=index, body={"@timestamp": at, "CommandLine": text})
    client.indices.refresh(index=index)
    words = ["sigma", "backtest", str(tmp_path), "--server", opensearch, "-f", "json",
             "--from", "2026-02-01", "--to", "2026-02-03"]  # fmt: skip
    try:
        assert main(words) == 0
        made = json.loads(capsys.readouterr().out)
        assert [one["days"] for one in made["rules"]] == [
            {"2026-02-01": 2, "2026-02-02": 0, "2026-02-03": 1}
        ]
        assert main([*words, "--at-most", "1"]) == 1
    finally:
        client.indices.delete(index=index)
        client.close()


def test_export_writes_all_parts_and_removes_what_is_gone(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    rules.joinpath("a.yml").write_text(RULE.format(id=ID), "utf-8")
    out = tmp_path / "out"
    assert main(["export", "siem", str(out), str(rules), "--environment", "prod"]) == 0
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*.*json"))
    assert names == [
        "dashboards/assay.ndjson", "monitors/assay-prod-windows-001.json",
        "policies/assay-windows.json", "templates/assay-windows.json",
    ]  # fmt: skip
    objects = [
        json.loads(line)
        for line in out.joinpath("dashboards/assay.ndjson").read_text("utf-8").splitlines()
    ]
    known = {(one["type"], one["id"]) for one in objects}
    wanted = {(to["type"], to["id"]) for one in objects for to in one["references"]}
    assert wanted <= known
    first = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert main(["export", "siem", str(out), str(rules), "--environment", "prod"]) == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == first
    rules.joinpath("a.yml").write_text(RULE.format(id=ID).replace("stable", "test"), "utf-8")
    assert main(["export", "siem", str(out), str(rules), "--environment", "test"]) == 0
    assert not out.joinpath("monitors/assay-prod-windows-001.json").exists()
    assert out.joinpath("monitors/assay-test-windows-001.json").exists()


PIPELINE = """\
transformations:
  - type: field_name_mapping
    mapping: {Exe: Image}
    rule_conditions: [{type: logsource, product: ours}]
  - {type: change_logsource, product: windows, rule_conditions: [{type: logsource, product: ours}]}
"""


def test_a_pipeline_maps_fields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pipeline"
    file.write_text(PIPELINE, "utf-8")
    text = RULE.format(id=ID).replace("windows", "ours").replace("CommandLine", "Exe")
    tmp_path.joinpath("a.yml").write_text(text, "utf-8")
    assert main(["sigma", "convert", str(tmp_path), "--pipeline", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "rule": ID, "index": "logs-windows-*",
        "query": {"wildcard": {"Image": {"value": "*whoami*"}}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("transformations: [{type: template, template: '{{7*7}}'}]", "'template' is not allowed"),
        ("transformations: [{type: field_name_mapping, mapping: {a: '{{x}}'}}]", "no plain name"),
        ("transformations: [{type: field_name_mapping, mapping: {a: [b]}}]", "no plain name"),
        ("transformations: [{type: field_name_mapping}]", "needs mapping"),
        ("transformations: [{type: field_name_prefix, prefix: 'a b'}]", "no plain name"),
        ("transformations: [{type: file, path: /etc/passwd}]", "'file' is not allowed"),
        ("transformations: [3]", "is not allowed"),
        ("postprocessing: []\ntransformations: []", "postprocessing is not allowed"),
        ("transformations: [{type: change_logsource, product: a, x: b}]", "x is not allowed"),
        ("!!python/object/apply:os.system [id]", "not a pipeline"),
        ("- a", "no list"),
    ],
)
def test_a_pipeline_is_data_alone(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "pipeline"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        pipeline.read([str(file)])
    assert reason in caught.value.problems[0].message


BASE = {"failed": {"EventID": 4625}, "worked": {"EventID": 4624}, "left": {"EventID": 4634}}


def joined(kind: str, names: list[str], **words: Any) -> Joined:
    made = {}
    for number, (name, detection) in enumerate(BASE.items()):
        data = {
            "title": name, "name": name, "id": f"5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b1{number}",
            "logsource": {"product": "windows"},
            "detection": {"one": detection, "condition": "one"},
        }  # fmt: skip
        made[name] = rule(Document("base.yml", 1, data))
    own = "7e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b33"
    inner = {"type": kind, "rules": names, "timespan": "10m", "group-by": ["User"], **words}
    document = {"title": "T", "id": own, "correlation": inner}
    return join(Correlation(own, "T", "c.yml", 1, document), made, shipped())


def events(*given: tuple[int, int, str, str]) -> list[dict[str, Any]]:
    """(second, event id, user, address) each."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {"@timestamp": (start + timedelta(seconds=at)).isoformat(), "EventID": event,
         "User": user, "IpAddress": address}
        for at, event, user, address in given
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "names", "words", "given", "wanted"),
    [
        ("event_count", ["failed"], {"condition": {"gte": 3}},
         [(0, 4625, "a", ""), (1, 4625, "A", ""), (2, 4625, "b", ""), (599, 4625, "a", ""),
          (600, 4625, "a", "")], [(3, ("a",))]),
        ("event_count", ["failed"], {"condition": {"gte": 2}},
         [(0, 4625, "a", ""), (600, 4625, "a", ""), (1300, 4625, "a", ""), (1301, 4625, "a", "")],
         [(3, ("a",))]),
        ("event_count", ["failed"], {"condition": {"gte": 2}, "group-by": []},
         [(9, 4625, "a", ""), (0, 4625, "b", "")], [(0, ())]),
        ("value_count", ["failed"], {"condition": {"gt": 1, "field": "IpAddress"}},
         [(0, 4625, "a", "x"), (1, 4625, "a", "X"), (2, 4625, "a", "y")], [(2, ("a",))]),
        ("temporal", ["failed", "worked"], {},
         [(5, 4624, "a", ""), (6, 4625, "a", ""), (7, 4625, "b", "")], [(1, ("a",))]),
        ("temporal_ordered", ["failed", "worked", "left"], {},
         [(1, 4625, "a", ""), (2, 4634, "a", ""), (3, 4624, "a", ""), (4, 4634, "a", ""),
          (1, 4634, "b", ""), (2, 4624, "b", ""), (3, 4625, "b", "")], [(3, ("a",))]),
        ("temporal_ordered", ["failed", "worked"], {},
         [(1, 4625, "a", ""), (1, 4624, "a", "")], []),
        ("temporal", ["failed", "worked"],
         {"group-by": ["who"], "aliases": {"who": {"failed": "User", "worked": "IpAddress"}}},
         [(0, 4625, "a", "z"), (1, 4624, "z", "a"), (2, 4624, "a", "z")], [(1, ("a",))]),
    ],
)  # fmt: skip
def test_what_a_correlation_means(
    kind: str, names: list[str], words: Any, given: Any, wanted: Any
) -> None:
    found = sequence.alerts(joined(kind, names, **words), events(*given))
    assert [(one.event, one.group) for one in found] == wanted


def test_days() -> None:
    from assay.engine.siem.backtest import span

    assert span(date(2026, 2, 27), date(2026, 3, 1)) == [
        date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1),
    ]  # fmt: skip

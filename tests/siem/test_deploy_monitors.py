"""plan, apply, drift and prune against the stand-in: idempotent, careful, and resumable."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin import ROOT, Alerting, serving

from assay.engine.cli import main
from assay.engine.siem import alerting
from assay.engine.siem.convert import convert
from assay.engine.siem.monitors import Settings, build

RULE = """\
title: {title}
id: 5c1f7a2e-0a44-4f0e-9a54-{number:012}
status: {status}
level: {level}
logsource: {{product: windows}}
detection: {{one: {{CommandLine|contains: '{text}'}}, condition: one}}
"""
COUNT = """\
title: Many
id: 7e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b33
level: high
correlation:
  type: event_count
  rules: [5c1f7a2e-0a44-4f0e-9a54-000000000001]
  group-by: [User]
  timespan: 10m
  condition: {gte: 2}
  generate: true
"""


@pytest.fixture
def state() -> Alerting:
    return Alerting()


@pytest.fixture
def url(state: Alerting, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(alerting, "WAIT", 0.001)
    for name in ("URL", "USER", "PASSWORD", "CA"):
        monkeypatch.delenv(f"ASSAY_OPENSEARCH_{name}", raising=False)
    with serving(state) as served:
        yield served


def written(
    folder: Path, count: int, text: str = "whoami", status: str = "stable", level: str = "high"
) -> str:
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for number in range(1, count + 1):
        made = RULE.format(
            title=f"Rule {number}",
            number=number,
            status=status,
            level=level,
            text=text + str(number),
        )
        folder.joinpath(f"{number}.yml").write_text(made, "utf-8")
    return str(folder)


def sigma(action: str, url: str, *words: str) -> int:
    return main(["sigma", action, *words, "--server", url])


def writes(state: Alerting) -> list[tuple[str, str]]:
    return [(how, at) for how, at in state.seen if how != "GET" and "_search" not in at]


def test_a_second_apply_changes_nothing(
    tmp_path: Path, state: Alerting, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = written(tmp_path / "rules", 12)
    tmp_path.joinpath("rules/count.yml").write_text(COUNT, "utf-8")
    assert sigma("plan", url, rules) == 2
    assert writes(state) == []
    assert sigma("apply", url, rules) == 0
    assert [held["monitor"]["name"] for held in state.monitors.values()] == [
        "assay/default/correlation/7e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b33",
        "assay/default/windows/001",
        "assay/default/windows/002",
    ]
    before = json.dumps(state.monitors, sort_keys=True)
    state.seen.clear()
    assert sigma("plan", url, rules) == 0
    assert sigma("drift", url, rules) == 0
    assert sigma("apply", url, rules) == 0
    assert sigma("prune", url, rules) == 0
    assert writes(state) == []
    assert json.dumps(state.monitors, sort_keys=True) == before
    assert "0 changed, 3 as declared" in capsys.readouterr().out


def test_the_monitor_carries_where_it_comes_from(tmp_path: Path, state: Alerting, url: str) -> None:
    rules = written(tmp_path / "rules", 2, level="critical")
    assert sigma("apply", url, rules, "--environment", "prod") == 0
    ((_, held),) = state.monitors.items()
    monitor = held["monitor"]
    notes = monitor["ui_metadata"]
    ids = [f"5c1f7a2e-0a44-4f0e-9a54-{number:012}" for number in (1, 2)]
    assert (notes["owner"], notes["environment"]) == ("assay", "prod")
    assert list(notes["rules"]) == ids
    assert all(set(one) == {"title", "version", "digest"} for one in notes["rules"].values())
    assert [
        (one["query_level_trigger"]["id"], one["query_level_trigger"]["severity"])
        for one in monitor["triggers"]
    ] == [(name, "1") for name in ids]


def test_a_change_on_the_cluster_is_drift_and_apply_mends_it(
    tmp_path: Path, state: Alerting, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = written(tmp_path / "rules", 1)
    assert sigma("apply", url, rules) == 0
    (held,) = state.monitors.values()
    held["monitor"]["enabled"] = False
    capsys.readouterr()
    assert sigma("drift", url, rules) == 2
    assert "was changed on the cluster: enabled" in capsys.readouterr().out
    assert sigma("apply", url, rules) == 0
    assert held["monitor"]["enabled"] is True
    assert sigma("drift", url, rules) == 0


def test_a_changed_rule_is_an_update_that_names_it(
    tmp_path: Path, state: Alerting, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sigma("apply", url, written(tmp_path / "rules", 2)) == 0
    rules = written(tmp_path / "rules", 1, "other")
    capsys.readouterr()
    assert sigma("plan", url, rules) == 2
    out = capsys.readouterr().out
    assert "-5c1f7a2e-0a44-4f0e-9a54-000000000002" in out
    assert "~5c1f7a2e-0a44-4f0e-9a54-000000000001" in out
    assert sigma("apply", url, rules) == 0
    assert len(state.monitors) == 1


def test_prune_removes_ours_alone(tmp_path: Path, state: Alerting, url: str) -> None:
    assert sigma("apply", url, written(tmp_path / "rules", 12)) == 0
    assert sigma("apply", url, written(tmp_path / "rules", 1), "--environment", "test") == 0
    (first, *_) = state.monitors.values()
    foreign = {key: value for key, value in first["monitor"].items() if key != "ui_metadata"}
    state.answer("POST", ROOT, foreign, "")
    rules = written(tmp_path / "rules", 1)
    assert sigma("apply", url, rules) == 0
    assert sigma("drift", url, rules) == 2
    assert sigma("prune", url, rules, "--dry-run") == 0
    assert len(state.monitors) == 4
    assert sigma("prune", url, rules) == 0
    assert sigma("drift", url, rules) == 0
    assert [held["monitor"].get("ui_metadata", {}).get("environment")
            for held in state.monitors.values()] == ["default", "test", None]  # fmt: skip


def test_prune_of_everything_is_asked_for(tmp_path: Path, state: Alerting, url: str) -> None:
    assert sigma("apply", url, written(tmp_path / "rules", 1)) == 0
    rules = written(tmp_path / "rules", 1, status="experimental")
    assert sigma("prune", url, rules) == 1
    assert len(state.monitors) == 1
    assert sigma("prune", url, rules, "--all") == 0
    assert state.monitors == {}


def test_experimental_rules_are_deployed_when_named(
    tmp_path: Path, state: Alerting, url: str
) -> None:
    rules = written(tmp_path / "rules", 2, status="experimental")
    assert sigma("apply", url, rules) == 0
    assert state.monitors == {}
    name = "5c1f7a2e-0a44-4f0e-9a54-000000000002"
    assert sigma("apply", url, rules, "--include", name) == 0
    (held,) = state.monitors.values()
    assert [one["query_level_trigger"]["id"] for one in held["monitor"]["triggers"]] == [name]


def test_filters_of_an_environment(tmp_path: Path, state: Alerting, url: str) -> None:
    rules = written(tmp_path / "rules", 1)
    own = tmp_path / "filters" / "prod"
    own.mkdir(parents=True)
    own.joinpath("backup.yml").write_text(
        "title: Ours\nid: 7e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b33\nlogsource: {product: windows}\n"
        "filter: {rules: any, ours: {User: backup}, condition: not ours}\n",
        "utf-8",
    )
    for environment in ("prod", "test"):
        words = ["--environment", environment, "--filters", str(own.parent)]
        assert sigma("apply", url, rules, *words) == 0
    queries = {
        held["monitor"]["ui_metadata"]["environment"]: json.dumps(held["monitor"]["inputs"])
        for held in state.monitors.values()
    }
    assert "backup" in queries["prod"]
    assert "backup" not in queries["test"]


def test_two_at_once_do_not_overwrite_each_other(
    tmp_path: Path, state: Alerting, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sigma("apply", url, written(tmp_path / "rules", 1)) == 0
    (name,) = state.monitors

    def other(method: str, path: str) -> None:
        """Somebody writes between our read and our write."""
        if method == "PUT":
            state.faults.clear()
            state.monitors[name]["_seq_no"] = state.seq_no
            state.seq_no += 1

    state.faults.append(other)
    rules = written(tmp_path / "rules", 1, "new")
    assert sigma("apply", url, rules) == 1
    assert "version conflict" in capsys.readouterr().err
    assert "new1" not in json.dumps(state.monitors)
    assert sigma("apply", url, rules) == 0
    assert sigma("plan", url, rules) == 0


@pytest.mark.parametrize(
    "fault",
    [
        (500, {"error": {"reason": "no"}}),
        (403, {"error": {"reason": "no permissions for [alerting]"}}),
        (502, "<html>"),
        (400, None),
        "drop",
        "drop after",
    ],
)
@pytest.mark.parametrize("at", range(6))
def test_a_second_apply_mends_what_the_first_left(
    tmp_path: Path, state: Alerting, url: str, fault: Any, at: int
) -> None:
    rules = written(tmp_path / "rules", 22)  # three monitors, six writes
    count = iter(range(100))

    def fails(method: str, path: str) -> Any:
        if method in ("POST", "PUT") and "_search" not in path and next(count) == at:
            return fault
        return None

    state.faults.append(fails)
    assert sigma("apply", url, rules) == 1
    state.faults.clear()
    assert sigma("apply", url, rules) == 0
    assert sigma("drift", url, rules) == 0
    assert len(state.monitors) == 3


def test_a_busy_server_is_asked_again(tmp_path: Path, state: Alerting, url: str) -> None:
    count = iter(range(100))
    state.faults.append(
        lambda *_: (429, {"error": {"reason": "busy"}}) if next(count) % 2 == 0 else None
    )
    rules = written(tmp_path / "rules", 1)
    assert sigma("apply", url, rules) == 0
    assert len(state.monitors) == 1


def test_a_server_that_stays_busy(
    tmp_path: Path, state: Alerting, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    state.faults.append(lambda *_: (429, {"error": {"reason": "busy"}}))
    assert sigma("plan", url, written(tmp_path / "rules", 1)) == 1
    assert "HTTP 429: busy" in capsys.readouterr().err


def test_a_server_that_does_not_answer(
    tmp_path: Path, state: Alerting, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    state.faults.append(lambda *_: time.sleep(0.3))
    assert sigma("plan", url, written(tmp_path / "rules", 1), "--timeout", "0.05") == 1
    assert "error[siem-server]" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer", [[], {}, {"hits": 3}, {"hits": {"hits": [{}], "total": {"value": 1}}}, "text", None]
)
def test_a_server_that_is_none(tmp_path: Path, state: Alerting, url: str, answer: Any) -> None:
    state.faults.append(lambda *_: (200, answer))
    assert sigma("plan", url, written(tmp_path / "rules", 1)) == 1


def test_credentials_are_never_printed(
    tmp_path: Path, state: Alerting, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    state.faults.append(lambda *_: (401, {"error": {"reason": "bad: fake-user fake-password"}}))
    file = tmp_path / "login"
    file.write_text("user: fake-user\npassword: fake-password\n", "utf-8")
    rules = written(tmp_path / "rules", 1)
    assert sigma("plan", url, rules, "--credentials", str(file)) == 1
    assert sigma("plan", url.replace("//", "//fake-user:fake-password@"), rules) == 1
    out, err = capsys.readouterr()
    assert "fake" not in out + err
    assert "401" in err


def test_a_dry_run_writes_nothing_and_finds_what_would_fail(
    tmp_path: Path, state: Alerting, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = written(tmp_path / "rules", 22)
    assert sigma("apply", url, rules, "--dry-run") == 0
    assert state.monitors == {}
    state.compiled.clear()
    state.compilations = 4  # one is left after the first three
    assert sigma("apply", url, rules, "--dry-run") == 1
    assert "Failed to compile inline script" in capsys.readouterr().err
    assert state.monitors == {}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"plugins.alerting.monitor.max_monitors": "2"}, "the cluster holds 2"),
        ({"script.max_compilations_rate": "2/5m"}, "compiles 2 queries in five minutes"),
        ({"script.context.template.cache_max_size": "2"}, "keeps 2 compiled"),
        ({"script.max_size_in_bytes": "400"}, "the server compiles 400"),
    ],
)
def test_limits_are_asked_before_anything_is_written(
    tmp_path: Path, state: Alerting, url: str, settings: Any, reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    state.settings = settings
    assert sigma("apply", url, written(tmp_path / "rules", 22)) == 1
    assert reason in capsys.readouterr().err
    assert state.monitors == {}


def test_a_refused_rule_stops_the_apply(tmp_path: Path, state: Alerting, url: str) -> None:
    rules = written(tmp_path / "rules", 2)
    tmp_path.joinpath("rules/1.yml").write_text("title: nothing\n", "utf-8")
    assert sigma("apply", url, rules) == 1
    assert state.monitors == {}
    assert sigma("apply", url, rules, "--skip-refused") == 0
    assert len(state.monitors) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--server", "ftp://x"], ["--server", "http://x:y"], ["--interval", "0"],
        ["--environment", "../x"], ["--include", "nothing"], ["--routes", "nowhere"],
        ["--credentials", "nowhere"], ["--timeout", "0"],
    ],
)  # fmt: skip
def test_bad_words_exit_1_for_2_says_that_something_differs(
    tmp_path: Path, url: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rules = written(tmp_path / "rules", 1)
    assert main(["sigma", "plan", rules, "--server", url, *words]) == 1
    assert "error[" in capsys.readouterr().err


def test_every_shipped_detection_runs_in_its_monitor_and_finds_its_own_events(
    state: Alerting,
) -> None:
    """Through the stand-in: each trigger fires for its rule's events, and for no near miss."""
    from assay.engine.siem import dsl
    from assay.engine.siem.sources import FOLDER, template

    done = convert([str(FOLDER / "detections")])
    made = build(done, Settings())
    assert (made.refused, made.left_out) == ([], [])
    assert len(made.bodies) <= 75
    rules = {one.rule.id: one for one in done.converted}
    now = int(time.time() * 1000)
    for word, expected in (("match", True), ("miss", False)):
        state.compiled.clear()
        state.budget.clear()
        state.indexes.clear()
        for one in done.converted:
            mapping = dsl.Index(template(one.source))
            held = state.indexes.setdefault(one.source.pattern.replace("*", "2026"), [])
            if expected or len(one.rule.document["events"]["match"]):
                for event in one.rule.document["events"][word]:
                    source = {**event, "@timestamp": now - 90_000, "own": one.rule.id}
                    held.append({"_index": "x", "_id": "1", "_source": source, "_mapping": mapping})
        fired: set[str] = set()
        for body in made.bodies.values():
            _, answer = state.answer("POST", f"{ROOT}/_execute?dryrun=true", body, "")
            assert answer["input_results"]["error"] is None
            for name, result in answer["trigger_results"].items():
                assert result["error"] is None
                if result["triggered"]:
                    fired.add(name)
        if expected:
            assert fired == set(rules)

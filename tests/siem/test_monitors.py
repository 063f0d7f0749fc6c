"""Monitors: windows without gaps, limits, routes, templates, and a real server's answers."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from assay.engine.cli import main
from assay.engine.errors import InputError
from assay.engine.siem import limits, monitors, mustache, routes, server
from assay.engine.siem.alerting import Cluster
from assay.engine.siem.convert import Conversion, convert, convert_rules
from assay.engine.siem.load import Correlation, Document, Rules, rule
from assay.engine.siem.sources import FOLDER, template
from assay.engine.siem.tree import RefusedError

NAME = "5c1f7a2e-0a44-4f0e-9a54-{:012}"


def converted(*detections: Any, **more: Any) -> Conversion:
    made = [
        rule(Document("a.yml", 1, {
            "title": f"Rule {number}", "id": NAME.format(number), "level": "low",
            "name": f"rule{number}", "logsource": {"product": "windows"},
            "detection": {"one": detection, "condition": "one"}, **more,
        }))
        for number, detection in enumerate(detections)
    ]  # fmt: skip
    return convert_rules(Rules(made, [], []))


def windows(body: Any) -> tuple[int, int]:
    """Seconds before the run at which the window begins and ends."""
    bounds = body["inputs"][0]["search"]["query"]["query"]["bool"]["filter"][0]["range"]
    words = bounds["@timestamp"]
    assert words["format"] == "epoch_millis"
    found = [re.fullmatch(r"\{\{period_end\}\}\|\|-(\d+)s", words[key]) for key in ("gt", "lte")]
    return tuple(int(match[1]) for match in found if match)  # type: ignore[return-value]


@limited(deadline=None, max_examples=50)
@given(
    interval=st.integers(1, 60), lag=st.integers(0, 30), overlap=st.integers(0, 10),
    late=st.lists(st.floats(0, 1), min_size=50, max_size=50), event=st.floats(0, 1),
    arrives=st.floats(0, 1),
)  # fmt: skip
def test_no_event_falls_between_two_runs(
    interval: int, lag: int, overlap: int, late: list[float], event: float, arrives: float
) -> None:
    """Runs start up to `overlap` late, events come up to `lag` late: each is seen by some run."""
    settings = monitors.Settings(interval=interval, lag=lag, overlap=overlap)
    (body,) = monitors.build(converted({"Image": "a"}), settings).bodies.values()
    begin, end = windows(body)
    runs = [60 * (interval * at + overlap * one) for at, one in enumerate(late, 3)]
    happened = runs[0] + event * (runs[-1] - runs[0] - 60 * (lag + 1))
    seen = happened + arrives * lag * 60
    assert any(run - begin < happened <= run - end and seen <= run + 1e-6 for run in runs)


def test_ten_rules_a_monitor_and_ten_trigger_scripts_for_all() -> None:
    made = monitors.build(converted(*({"Image": str(n)} for n in range(25))), monitors.Settings())
    assert [len(body["triggers"]) for body in made.bodies.values()] == [10, 10, 5]
    scripts = {
        one["query_level_trigger"]["condition"]["script"]["source"]
        for body in made.bodies.values()
        for one in body["triggers"]
    }
    assert len(scripts) == 10
    for body in made.bodies.values():
        search = body["inputs"][0]["search"]["query"]
        filters = search["aggregations"]["rules"]["filters"]["filters"]
        assert list(filters) == [f"r{number}" for number in range(len(body["triggers"]))]


def test_no_query_is_longer_than_the_server_compiles() -> None:
    texts = [{"Image|contains": [f"{number}-{'x' * 900}-{at}" for at in range(12)]}
             for number in range(20)]  # fmt: skip
    made = monitors.build(converted(*texts), monitors.Settings())
    sizes = [
        len(json.dumps(body["inputs"][0]["search"]["query"]).encode())
        for body in made.bodies.values()
    ]
    assert len(sizes) > 2
    assert max(sizes) < 65_535
    assert sum(len(body["triggers"]) for body in made.bodies.values()) == 20


def test_a_rule_too_long_for_any_monitor_is_refused() -> None:
    long = {"Image|contains": [f"{'y' * 300}{at}" for at in range(900)]}
    made = monitors.build(converted(long, {"Image": "a"}), monitors.Settings())
    assert len(made.bodies) == 1
    assert len(made.refused) == 1
    assert "the server compiles 65535" in made.refused[0].reason


def test_the_same_rules_give_the_same_monitors() -> None:
    done = convert([str(FOLDER / "detections")])
    settings = monitors.Settings(environment="prod")
    one = json.dumps(monitors.build(done, settings).bodies)
    turned = done._replace(converted=done.converted[::-1])
    assert json.dumps(monitors.build(turned, settings).bodies) == one


ROUTES = """\
routes:
  - match: {level: low, rule: RULE1}
    destination: pager
    throttle: 30
    severity: 1
    continue: true
  - match: {product: [windows, linux], environment: prod}
    destination: mail
  - destination: never
"""


def test_routes(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(ROUTES, "utf-8")
    settings = monitors.Settings(environment="prod", routes=routes.read(str(file)))
    made = monitors.build(converted({"Image": "a"}, {"Image": "b"}), settings)
    (body,) = made.bodies.values()
    first, second = (one["query_level_trigger"] for one in body["triggers"])
    assert (first["severity"], second["severity"]) == ("4", "1")
    assert [one["destination_id"] for one in first["actions"]] == ["mail"]
    assert [
        (one["destination_id"], one["throttle_enabled"], one.get("throttle"))
        for one in second["actions"]
    ] == [("pager", True, {"value": 30, "unit": "MINUTES"}), ("mail", False, None)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "no list `routes`"),
        ("routes: [3]", "route 1 is no map"),
        ("routes: [{match: {level: low}}]", "route 1 has no destination"),
        ("routes: [{destination: a, throttle: 0}]", "throttle is a whole number"),
        ("routes: [{destination: a, severity: 9}]", "severity is a whole number"),
        ("routes: [{destination: a, match: {colour: red}}]", "not colour"),
        ("routes: [{destination: a, to: b}]", "unknown key to"),
        ("routes: [", "not a route file"),
    ],
)
def test_bad_routes(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        routes.read(str(file))
    assert reason in caught.value.problems[0].message


def test_words_of_a_rule_are_no_template() -> None:
    done = converted(
        {"Image": "{{7}}"},
        {"Image|startswith": "{{x"},
        {"Image": ["a", "{{{b*?"]},
        {"Image|contains": "a{{{{b"},
        {"Image|re": r"\{\{a"},
        title="{{ctx}}",
    )
    one = routes.Route({}, "x", 0, 0, False)
    made = monitors.build(done, monitors.Settings(routes=(one,)))
    assert made.refused == []
    (body,) = made.bodies.values()
    search = json.dumps(body["inputs"])
    assert re.findall(r"\{\{\w*", search) == ["{{period_end"] * 2
    subjects = [one["query_level_trigger"]["actions"][0]["subject_template"]["source"]
                for one in body["triggers"]]  # fmt: skip
    assert subjects == ["[assay] ((ctx))"] * 5
    with pytest.raises(RefusedError, match="would take for a tag"):
        mustache.escaped({"regexp": {"a": {"value": "[{{]"}}})
    with pytest.raises(RefusedError, match="would take for a tag"):
        mustache.escaped({"exists": {"field": "{{a}}"}})


def test_limits_are_read() -> None:
    answer = {
        "defaults": {"script.max_compilations_rate": "use-context",
                     "script.context.template.max_compilations_rate": "150/10m",
                     "script.context.template.cache_max_size": "200",
                     "script.max_size_in_bytes": "1000"},
        "persistent": {"plugins": {"alerting": {"monitor": {"max_monitors": "5"}}}},
        "transient": {},
    }  # fmt: skip
    assert limits.read(answer) == limits.Limits(75, 200, 1000, 5)
    assert limits.read({}) == limits.read([]) == limits.Limits()
    unlimited = {"transient": {"script.max_compilations_rate": "unlimited"}}
    assert limits.read(unlimited).compilations == limits.UNLIMITED


CORRELATION = {
    "title": "C", "id": "7e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b33", "level": "critical",
    "correlation": {"type": "event_count", "rules": ["rule0"], "timespan": "10m",
                    "group-by": ["User"], "condition": {"gte": 3}},
}  # fmt: skip


def correlated(**more: Any) -> Conversion:
    base = converted({"EventID": 1}, {"EventID": 2})
    inner = {**CORRELATION["correlation"], **more}  # type: ignore[dict-item]
    found = Correlation(
        str(CORRELATION["id"]), "C", "c.yml", 1, {**CORRELATION, "correlation": inner}
    )
    return convert_rules(Rules([one.rule for one in base.converted], [found], []))


def test_a_correlation_is_a_bucket_level_monitor() -> None:
    made = monitors.build(correlated(), monitors.Settings())
    assert made.refused == []
    assert [name.rpartition("/")[0] for name in made.bodies] == [
        "assay/default/correlation", "assay/default/windows",
    ]  # fmt: skip
    body = next(iter(made.bodies.values()))
    assert body["monitor_type"] == "bucket_level_monitor"
    assert windows(body) == (600 + 60 * 7, 60)
    ((kind, trigger),) = body["triggers"][0].items()
    assert kind == "bucket_level_trigger"
    assert trigger["condition"] == {
        "buckets_path": {"found": "_count"},
        "parent_bucket_path": "groups",
        "script": {"source": "params.found >= 3", "lang": "painless"},
    }
    # The rule that only feeds the correlation raises no alert of its own.
    other = made.bodies["assay/default/windows/001"]
    assert monitors.rules_of(other) == [NAME.format(1)]


def test_a_correlation_without_groups_is_one_count() -> None:
    more = {"group-by": [], "type": "temporal_ordered", "rules": ["rule0", "rule1"],
            "condition": {"gte": 2}}  # fmt: skip
    body = next(iter(monitors.build(correlated(**more), monitors.Settings()).bodies.values()))
    assert body["monitor_type"] == "query_level_monitor"
    at = "ctx.results[0].aggregations.events.buckets.all"
    assert body["triggers"][0]["query_level_trigger"]["condition"]["script"]["source"] == (
        f"{at}.rule0.doc_count > 0 && {at}.rule1.doc_count > 0 && "
        f"{at}.rule0.first.value < {at}.rule1.last.value"
    )


@pytest.mark.opensearch
def test_a_real_server_runs_the_monitors_queries(opensearch: str) -> None:
    """Each monitor's query, through the server's own templates, under the shipped templates."""
    client = server.connect(opensearch)
    done = convert([str(FOLDER / "detections")])
    made = monitors.build(done, monitors.Settings())
    now = int(time.time() * 1000)
    sources = {one.source.name: one.source for one in done.converted}
    lines: list[Any] = []
    for name, source in sources.items():
        client.indices.put_index_template(name=f"assay-{name}", body=template(source))
    for one in done.converted:
        index = one.source.pattern.replace("*", "monitors")
        for event in one.rule.document["events"]["match"]:
            lines += [{"create": {"_index": index}}, {**event, "@timestamp": now - 90_000}]
            lines += [{"create": {"_index": index}}, {**event, "@timestamp": now - 3_600_000}]
    answer = client.bulk(body=lines, refresh=True)
    assert not answer["errors"], answer["items"][0]
    fired: dict[str, int] = {}
    for body in made.bodies.values():
        inner = body["inputs"][0]["search"]
        request = {"source": json.dumps(inner["query"]), "params": {"period_end": now}}
        found = client.search_template(index=inner["indices"][0], body=request)
        for number, name in enumerate(monitors.rules_of(body)):
            bucket = found["aggregations"]["rules"]["buckets"][f"r{number}"]
            fired[name] = bucket["doc_count"]
    for name in sources:
        client.indices.delete(index=sources[name].pattern.replace("*", "monitors"))
        client.indices.delete_index_template(name=f"assay-{name}")
    client.close()
    assert sorted(fired) == sorted(one.rule.id for one in done.converted)
    quiet = [
        (one.rule.file, fired[one.rule.id]) for one in done.converted
        if fired[one.rule.id] < len(one.rule.document["events"]["match"])
    ]  # fmt: skip
    assert quiet == []
    cluster = Cluster(opensearch)
    assert limits.ask(cluster) == limits.Limits(75, 100, 65_535, 1000)
    cluster.close()


@pytest.mark.opensearch
def test_a_real_server_reads_what_is_no_template(opensearch: str) -> None:
    texts = ["{{7}}", "{{x", "a{{{{b", "{{{b*?", "{", "plain"]
    done = converted({"Image": "{{7}}"}, {"Image|startswith": "{{x"}, {"Image": ["a", r"{{{b\*\?"]},
                     {"Image|contains": "a{{{{b"})  # fmt: skip
    (body,) = monitors.build(done, monitors.Settings()).bodies.values()
    client = server.connect(opensearch)
    now = int(time.time() * 1000)
    client.indices.create(index="assay-braces", body=template(done.converted[0].source)["template"])
    for text in texts:
        client.index(index="assay-braces", body={"Image": text, "@timestamp": now - 90_000})
    client.indices.refresh(index="assay-braces")
    request = {"source": json.dumps(body["inputs"][0]["search"]["query"]),
               "params": {"period_end": now}}  # fmt: skip
    found = client.search_template(index="assay-braces", body=request)
    client.indices.delete(index="assay-braces")
    client.close()
    buckets = found["aggregations"]["rules"]["buckets"]
    assert {name: one["doc_count"] for name, one in buckets.items()} == {
        "r0": 1, "r1": 1, "r2": 1, "r3": 1,
    }  # fmt: skip


def test_monitors_need_a_server(capsys: pytest.CaptureFixture[str],
                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.delenv("ASSAY_OPENSEARCH_URL", raising=False)
    assert main(["sigma", "plan"]) == 1
    assert "no server" in capsys.readouterr().err

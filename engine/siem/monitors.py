"""Converted rules → monitors of OpenSearch Alerting, within the limits of a cluster.

Each monitor's query is compiled as a template of its own, of which a default cluster allows 75 in
five minutes and keeps 100. So the rules of one log source share monitors: a `filters` aggregation
with a bucket and a trigger a rule. Filters are called r0 to r9, whatever the rules: so the whole
cluster compiles ten trigger scripts and not one a rule.

The window of a run ends `lag` minutes before it, so that late events are seen, and is `overlap`
minutes longer than the interval, so that no run that starts late leaves a gap.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.siem import correlation
from assay.engine.siem.convert import Conversion, Converted, Correlated
from assay.engine.siem.load import Refusal
from assay.engine.siem.mustache import escaped
from assay.engine.siem.routes import SEVERITIES, Route, chosen
from assay.engine.siem.tree import RefusedError

OWNER = "assay"
FORMAT = 1  # of monitors: a higher one is an update of all of them
MAX_TRIGGERS = 10  # of one monitor
TIMESTAMP = "@timestamp"
UNDEPLOYED = ("experimental", "deprecated", "unsupported")

Body = dict[str, Any]


class Settings(NamedTuple):
    """How monitors run: minutes, and the longest query in bytes that the cluster compiles."""

    environment: str = "default"
    interval: int = 5
    lag: int = 1
    overlap: int = 1
    routes: tuple[Route, ...] = ()
    max_query: int = 65_535
    enabled: bool = True
    include: frozenset[str] = frozenset()


class Monitors(NamedTuple):
    """The bodies to deploy by name, rules left out by their status, and what was refused."""

    bodies: dict[str, Body]
    left_out: list[tuple[str, str]]
    refused: list[Refusal]


def build(done: Conversion, settings: Settings) -> Monitors:
    """The monitors of a conversion: the same rules and settings give the same bodies."""
    found = Monitors({}, [], list(done.refused))
    groups: dict[str, list[Converted]] = {}
    joined: list[Correlated] = []
    needed = _only_for_correlations(done)
    for one in sorted(done.searches(), key=lambda one: one.rule.id.lower()):
        status = str(one.rule.document.get("status") or "")
        named = {one.rule.id, str(one.rule.document.get("name"))} & settings.include
        if status in UNDEPLOYED and not named:
            found.left_out.append((one.rule.id, status))
        elif isinstance(one, Correlated):
            joined.append(one)
        elif one.rule.id not in needed:
            groups.setdefault(one.source.name, []).append(one)
    for name, rules in sorted(groups.items()):
        _source_monitors(found, name, rules, settings)
    for each in joined:
        try:
            label = f"{OWNER}/{settings.environment}/correlation/{each.rule.id}"
            found.bodies[label] = _correlated(label, each, settings)
        except RefusedError as error:
            found.refused.append(_refusal(each, error))
    found.refused.sort()
    return found._replace(bodies=dict(sorted(found.bodies.items())))


def _only_for_correlations(done: Conversion) -> set[str]:
    """Rules that only feed a correlation: without `generate: true` they raise no alert."""
    named: set[str] = set()
    for one in done.correlated:
        inner = one.rule.document["correlation"]
        if inner.get("generate") is not True:
            named |= {str(name) for name in inner.get("rules") or ()}
    return {
        one.rule.id
        for one in done.converted
        if {one.rule.id, str(one.rule.document.get("name"))} & named
    }


def _refusal(one: Converted | Correlated, error: RefusedError) -> Refusal:
    return Refusal(one.rule.file, one.rule.line, one.rule.id, str(error))


def _source_monitors(
    found: Monitors, name: str, rules: Sequence[Converted], settings: Settings
) -> None:
    ready: list[tuple[Converted, Body]] = []
    for one in rules:
        try:
            query = escaped(one.body["query"])
            if (size := _size(_search([query], settings))) > settings.max_query:
                raise RefusedError(
                    f"its monitor's query has {size} bytes; "
                    f"the server compiles {settings.max_query}"
                )
            ready.append((one, query))
        except RefusedError as error:
            found.refused.append(_refusal(one, error))
    for number, chunk in enumerate(_chunks(ready, settings), 1):
        label = f"{OWNER}/{settings.environment}/{name}/{number:03}"
        found.bodies[label] = _monitor(label, chunk, settings)


def _chunks(
    ready: Iterable[tuple[Converted, Body]], settings: Settings
) -> Iterator[list[tuple[Converted, Body]]]:
    chunk: list[tuple[Converted, Body]] = []
    for item in ready:
        longer = [query for _, query in [*chunk, item]]
        if chunk and (
            len(longer) > MAX_TRIGGERS or _size(_search(longer, settings)) > settings.max_query
        ):
            yield chunk
            chunk = []
        chunk.append(item)
    if chunk:
        yield chunk


def _size(search: Body) -> int:
    """Bytes of a search as the server writes it, defaults and all: an upper bound."""
    return len(json.dumps(search, ensure_ascii=False, separators=(",", ":")).encode()) + sum(
        _defaults(search)
    )


def _defaults(value: Any) -> Iterator[int]:
    """What the server adds to each query: boost, rewriting, flags, limits."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield ADDED.get(key, 0)
            yield from _defaults(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _defaults(inner)


# Query → bytes of the defaults that the server writes into it, rounded up.
ADDED = {
    "bool": 48,
    "exists": 16,
    "match_all": 16,
    "prefix": 40,
    "range": 90,
    "regexp": 110,
    "script": 16,
    "term": 40,
    "terms": 48,
    "wildcard": 40,
}


def _window(minutes: float, settings: Settings) -> Body:
    """(from, to] before the run: what is later than `to` is left for the next run."""
    seconds = int(minutes * 60) + settings.lag * 60
    return {
        "range": {
            TIMESTAMP: {
                "gt": f"{{{{period_end}}}}||-{seconds}s",
                "lte": f"{{{{period_end}}}}||-{settings.lag * 60}s",
                "format": "epoch_millis",
            }
        }
    }


def _search(queries: Sequence[Body], settings: Settings) -> Body:
    window = _window(settings.interval + settings.overlap, settings)
    named = {f"r{number}": query for number, query in enumerate(queries)}
    return {
        "size": 0,
        "query": {"bool": {"filter": [window]}},
        "aggregations": {"rules": {"filters": {"filters": named}}},
    }


def _monitor(label: str, chunk: Sequence[tuple[Converted, Body]], settings: Settings) -> Body:
    triggers = [
        _query_trigger(
            one, f"ctx.results[0].aggregations.rules.buckets.r{number}.doc_count > 0", settings
        )
        for number, (one, _) in enumerate(chunk)
    ]
    search = _search([query for _, query in chunk], settings)
    rules = [one for one, _ in chunk]
    return _body(label, "query_level_monitor", chunk[0][0].source.pattern, search, triggers,
                 rules, settings)  # fmt: skip


def _body(
    label: str,
    kind: str,
    pattern: str,
    search: Body,
    triggers: list[Body],
    rules: Sequence[Converted | Correlated],
    settings: Settings,
) -> Body:
    body: Body = {
        "type": "monitor",
        "monitor_type": kind,
        "name": label,
        "enabled": settings.enabled,
        "schedule": {"period": {"interval": settings.interval, "unit": "MINUTES"}},
        "inputs": [{"search": {"indices": [pattern], "query": search}}],
        "triggers": triggers,
    }
    body["ui_metadata"] = {
        "owner": OWNER,
        "environment": settings.environment,
        "format": FORMAT,
        "digest": digest(body),
        "rules": {one.rule.id: _provenance(one) for one in rules},
    }
    return body


def _provenance(one: Converted | Correlated) -> Body:
    """What an alert can be traced back to: the rule's title, its version and its digest."""
    document = one.rule.document
    version = document.get("modified") or document.get("date") or ""
    return {"title": one.rule.title, "version": str(version), "digest": digest(document)}


def digest(value: Any) -> str:
    """SHA-256 of a value's JSON, which has one spelling."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _query_trigger(one: Converted | Correlated, script: str, settings: Settings) -> Body:
    condition = {"script": {"source": script, "lang": "painless"}}
    return {"query_level_trigger": _trigger(one, condition, settings, bucket=False)}


def _trigger(
    one: Converted | Correlated, condition: Body, settings: Settings, bucket: bool
) -> Body:
    document = one.rule.document
    routes = chosen(settings.routes, document, settings.environment)
    severity = next((route.severity for route in routes if route.severity), 0)
    level = str(document.get("level") or "medium").lower()
    return {
        "id": one.rule.id,
        "name": one.rule.title or one.rule.id,
        "severity": str(severity or SEVERITIES.get(level, 3)),
        "condition": condition,
        "actions": [_action(one, route, number, bucket) for number, route in enumerate(routes, 1)],
    }


def _action(one: Converted | Correlated, route: Route, number: int, bucket: bool) -> Body:
    """A notification. Texts are templates there, so a rule's words are put in without braces."""
    title = _plain(one.rule.title or one.rule.id)
    runbook = _plain(str(one.rule.document.get("runbook") or ""))
    message = [
        f"{title}",
        f"Rule: {one.rule.id}",
        f"Index: {one.source.pattern}",
        "Severity: {{ctx.trigger.severity}}",
        "From {{ctx.periodStart}} to {{ctx.periodEnd}}",
        *([f"Runbook: {runbook}"] if runbook else []),
    ]
    action: Body = {
        "id": f"{one.rule.id}-{number}",
        "name": f"{route.destination}-{number}",
        "destination_id": route.destination,
        "subject_template": {"source": f"[{OWNER}] {title}", "lang": "mustache"},
        "message_template": {"source": "\n".join(message), "lang": "mustache"},
        "throttle_enabled": bool(route.throttle),
    }
    if route.throttle:
        action["throttle"] = {"value": route.throttle, "unit": "MINUTES"}
    if bucket:
        scope = {"per_alert": {"actionable_alerts": ["NEW"]}}
        action["action_execution_policy"] = {"action_execution_scope": scope}
    return action


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("{", "(").replace("}", ")")


def _correlated(label: str, one: Correlated, settings: Settings) -> Body:
    """A monitor of its own: a bucket a group, or without groups a plain count."""
    parts = correlation.parts(one.joined)
    # Runs stand an interval apart: with it added, no burst of the time span falls between two.
    window = _window(parts.seconds / 60 + settings.interval + settings.overlap, settings)
    search: Body = {"size": 0, "query": {"bool": {"filter": [window, escaped(parts.query)]}}}
    inner = escaped(parts.inner)
    if parts.groups is None:
        counted: Body = {"events": {"filters": {"filters": {"all": {"match_all": {}}}}}}
        if inner:
            counted["events"]["aggregations"] = inner
        search["aggregations"] = counted
        trigger = _query_trigger(one, parts.condition_on_all, settings)
        kind = "query_level_monitor"
    else:
        groups = dict(parts.groups)
        if inner:
            groups["aggregations"] = inner
        search["aggregations"] = {"groups": groups}
        condition = {
            "buckets_path": dict(parts.paths),
            "parent_bucket_path": "groups",
            "script": {"source": parts.condition, "lang": "painless"},
        }
        trigger = {"bucket_level_trigger": _trigger(one, condition, settings, bucket=True)}
        kind = "bucket_level_monitor"
    if (size := _size(search)) > settings.max_query:
        raise RefusedError(
            f"its monitor's query has {size} bytes; the server compiles {settings.max_query}"
        )
    return _body(label, kind, one.source.pattern, search, [trigger], [one], settings)


def rules_of(body: Mapping[str, Any]) -> list[str]:
    """The ids of the rules in a monitor, in the order of its triggers."""
    return [str(next(iter(trigger.values()))["id"]) for trigger in body["triggers"]]

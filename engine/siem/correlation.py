"""Correlation rules → one aggregating search over the time span that ends now.

Each bucket of the answer is one alert: a group of events, by the values of `group-by`, that fulfils
the condition. What such a search would answer otherwise than Sigma asks is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from assay.engine.siem import emit
from assay.engine.siem.load import Correlation, Rule
from assay.engine.siem.sources import Source, choose
from assay.engine.siem.tree import RefusedError

TIMESTAMP = "@timestamp"
MAX_GROUPS = 10_000  # buckets in one answer
# Below these a server counts values exactly.
EXACT_VALUES = 40_000
ORDERS = {"gt": ">", "gte": ">=", "eq": "=="}
ABSENT = {"lt", "lte", "neq"}

Body = dict[str, Any]


class Joined(NamedTuple):
    """A correlation as pySigma read it, with the rules that it names and their source."""

    parsed: Any
    rules: tuple[Rule, ...]
    source: Source


def join(found: Correlation, by_name: Mapping[str, Rule], sources: Mapping[str, Source]) -> Joined:
    """The correlation with its rules. Raises RefusedError or pySigma's SigmaError."""
    from sigma.correlations import SigmaCorrelationRule

    parsed = SigmaCorrelationRule.from_dict(dict(found.document))
    if parsed.rules is None or not isinstance(getattr(parsed.condition, "count", None), int):
        raise RefusedError("its condition is an expression over rules, which no search can count")
    rules: list[Rule] = []
    for reference in parsed.rules:
        if reference.reference not in by_name:
            raise RefusedError(f"it names {reference.reference}, which is no rule that was given")
        rules.append(by_name[reference.reference])
    chosen = {choose(rule.logsource, sources).name for rule in rules}
    if len(chosen) != 1:
        raise RefusedError(f"its rules lie in several indexes: {', '.join(sorted(chosen))}")
    return Joined(parsed, tuple(rules), sources[chosen.pop()])


class Counted(NamedTuple):
    """What is counted in a group and when it is an alert.

    inner   aggregations of a group
    paths   name in the test → path of its number
    test    Painless over `params.NAME`; `params.wanted` is the number of the condition
    """

    inner: Body
    paths: Mapping[str, str]
    test: str
    wanted: int | None = None


class Parts(NamedTuple):
    """A correlation for a monitor: its window in seconds, what it searches, groups and counts.

    `groups` is None where all events are one group; then `condition_on_all` is the condition.
    """

    seconds: int
    query: Body
    groups: Body | None
    inner: Body
    paths: Mapping[str, str]
    condition: str
    condition_on_all: str


def body(joined: Joined) -> Body:
    """The search. Raises RefusedError."""
    _, either, counted = _read(joined)
    seconds = joined.parsed.timespan.seconds
    span = {"range": {TIMESTAMP: {"gte": f"now-{seconds}s", "lt": "now"}}}
    script: str | Body = counted.test
    if counted.wanted is not None:
        script = {"lang": "painless", "source": counted.test, "params": {"wanted": counted.wanted}}
    selector = {"bucket_selector": {"buckets_path": dict(counted.paths), "script": script}}
    inner = {**counted.inner, "condition": selector}
    return {
        "size": 0,
        "query": {"bool": {"filter": [span, either]}},
        "aggs": {"groups": {**_groups(joined), "aggs": inner}},
    }


def parts(joined: Joined) -> Parts:
    """The correlation as a monitor needs it. Raises RefusedError."""
    _, either, counted = _read(joined)
    test = counted.test.replace("params.wanted", str(counted.wanted))
    on_all = re.sub(r"params\.(\w+)", lambda name: _value_of(counted.paths[name[1]]), test)
    return Parts(
        joined.parsed.timespan.seconds,
        either,
        _groups(joined) if joined.parsed.group_by else None,
        counted.inner,
        counted.paths,
        test,
        on_all,
    )


def _value_of(path: str) -> str:
    """Where a query-level trigger finds the number of a path."""
    steps = path.replace("._count", ">_count").split(">")
    at = "ctx.results[0].aggregations.events.buckets.all"
    for step in steps[:-1]:
        at += f".{step}"
    return f"{at}.doc_count" if steps[-1] == "_count" else f"{at}.{steps[-1]}.value"


def _read(joined: Joined) -> tuple[list[Body], Body, Counted]:
    parsed, rules, source = joined
    if parsed.aliases is not None and parsed.aliases.aliases:
        raise RefusedError("it has aliases: a group is made of one field in the index")
    queries = [emit.query(rule.tree, source) for rule in rules]
    either = queries[0] if len(queries) == 1 else _either(queries)
    return queries, either, KINDS[kind_of(joined)](joined, queries)


def kind_of(joined: Joined) -> str:
    """The type of the correlation. Raises RefusedError for one that is not known."""
    kind = str(joined.parsed.type.name).lower()
    if kind not in KINDS:
        raise RefusedError(f"a correlation of the type {kind} is not known")
    return kind


def _either(queries: list[Body]) -> Body:
    return {"bool": {"should": queries, "minimum_should_match": 1}}


def _groups(joined: Joined) -> Body:
    """One bucket for each combination of values; without `group-by` one for all events."""
    names = joined.parsed.group_by or []
    if not names:
        return {"filters": {"filters": {"all": {"match_all": {}}}}}
    fields = [{name: {"terms": {"field": _field(joined.source, name)}}} for name in names]
    return {"composite": {"size": MAX_GROUPS, "sources": fields}}


def _field(source: Source, name: str) -> str:
    fields = source.resolve(name)
    if len(fields) != 1:
        raise RefusedError(f"{name} stands for several fields of the index")
    return fields[0]


def _counted(inner: Body, path: str, joined: Joined) -> Counted:
    condition = joined.parsed.condition
    order = condition.op.name.lower()
    if order in ABSENT:
        raise RefusedError(f"{order} also holds for groups without an event, which no search sees")
    test = f"params.found {ORDERS[order]} params.wanted"
    return Counted(inner, {"found": path}, test, condition.count)


def _event_count(joined: Joined, _: list[Body]) -> Counted:
    return _counted({}, "_count", joined)


def _value_count(joined: Joined, _: list[Body]) -> Counted:
    name = joined.parsed.condition.fieldref
    if not isinstance(name, str):
        raise RefusedError("it counts the values of several fields")
    field = _field(joined.source, name)
    counted = {"cardinality": {"field": field, "precision_threshold": EXACT_VALUES}}
    return _counted({"values": counted}, "values", joined)


def _each_rule(joined: Joined, queries: list[Body]) -> Body:
    condition = joined.parsed.condition
    if condition.op.name != "GTE" or condition.count != len(queries):
        raise RefusedError("a temporal correlation with a count of its own")
    return {f"rule{number}": {"filter": query} for number, query in enumerate(queries)}


def _temporal(joined: Joined, queries: list[Body]) -> Counted:
    inner = _each_rule(joined, queries)
    paths = {name: f"{name}._count" for name in inner}
    return Counted(inner, paths, " && ".join(f"params.{name} > 0" for name in inner))


def _temporal_ordered(joined: Joined, queries: list[Body]) -> Counted:
    """The first rule's earliest event comes before the second's latest: exact for two rules."""
    inner = _each_rule(joined, queries)
    if len(inner) != 2:
        raise RefusedError("an order of more than two rules cannot be told from first and last")
    inner["rule0"]["aggs"] = {"first": {"min": {"field": TIMESTAMP}}}
    inner["rule1"]["aggs"] = {"last": {"max": {"field": TIMESTAMP}}}
    paths = {
        "rule0": "rule0._count",
        "rule1": "rule1._count",
        "first": "rule0>first",
        "last": "rule1>last",
    }
    test = "params.rule0 > 0 && params.rule1 > 0 && params.first < params.last"
    return Counted(inner, paths, test)


KINDS: Mapping[str, Callable[[Joined, list[Body]], Counted]] = {
    "event_count": _event_count,
    "temporal": _temporal,
    "temporal_ordered": _temporal_ordered,
    "value_count": _value_count,
}

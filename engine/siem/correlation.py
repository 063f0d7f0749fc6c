"""Correlation rules → one aggregating search over the time span that ends now.

Each bucket of the answer is one alert: a group of events, by the values of `group-by`, that fulfils
the condition. What such a search would answer otherwise than Sigma asks is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    if parsed.aliases is not None and parsed.aliases.aliases:
        raise RefusedError("it has aliases: a group is made of one field in the index")
    rules: list[Rule] = []
    for reference in parsed.rules:
        if reference.reference not in by_name:
            raise RefusedError(f"it names {reference.reference}, which is no rule that was given")
        rules.append(by_name[reference.reference])
    chosen = {choose(rule.logsource, sources).name for rule in rules}
    if len(chosen) != 1:
        raise RefusedError(f"its rules lie in several indexes: {', '.join(sorted(chosen))}")
    return Joined(parsed, tuple(rules), sources[chosen.pop()])


def body(joined: Joined) -> Body:
    """The search. Raises RefusedError."""
    parsed, rules, source = joined
    queries = [emit.query(rule.tree, source) for rule in rules]
    either = queries[0] if len(queries) == 1 else _either(queries)
    span = {"range": {TIMESTAMP: {"gte": f"now-{parsed.timespan.seconds}s", "lt": "now"}}}
    kind = parsed.type.name.lower()
    if kind not in KINDS:
        raise RefusedError(f"a correlation of the type {kind} is not known")
    inner = KINDS[kind](joined, queries)
    return {
        "size": 0,
        "query": {"bool": {"filter": [span, either]}},
        "aggs": {"groups": {**_groups(joined), "aggs": inner}},
    }


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


def _selector(path: str, joined: Joined) -> Body:
    """Keeps the buckets whose count fulfils the condition."""
    condition = joined.parsed.condition
    order = condition.op.name.lower()
    if order in ABSENT:
        raise RefusedError(f"{order} also holds for groups without an event, which no search sees")
    script = {
        "lang": "painless",
        "source": f"params.found {ORDERS[order]} params.wanted",
        "params": {"wanted": condition.count},
    }
    return {"bucket_selector": {"buckets_path": {"found": path}, "script": script}}


def _event_count(joined: Joined, _: list[Body]) -> Body:
    return {"condition": _selector("_count", joined)}


def _value_count(joined: Joined, _: list[Body]) -> Body:
    name = joined.parsed.condition.fieldref
    if not isinstance(name, str):
        raise RefusedError("it counts the values of several fields")
    field = _field(joined.source, name)
    counted = {"cardinality": {"field": field, "precision_threshold": EXACT_VALUES}}
    return {"values": counted, "condition": _selector("values", joined)}


def _each_rule(joined: Joined, queries: list[Body]) -> Body:
    condition = joined.parsed.condition
    if condition.op.name != "GTE" or condition.count != len(queries):
        raise RefusedError("a temporal correlation with a count of its own")
    return {f"rule{number}": {"filter": query} for number, query in enumerate(queries)}


def _temporal(joined: Joined, queries: list[Body]) -> Body:
    inner = _each_rule(joined, queries)
    paths = {name: f"{name}._count" for name in inner}
    script = " && ".join(f"params.{name} > 0" for name in inner)
    return {**inner, "condition": {"bucket_selector": {"buckets_path": paths, "script": script}}}


def _temporal_ordered(joined: Joined, queries: list[Body]) -> Body:
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
    script = "params.rule0 > 0 && params.rule1 > 0 && params.first < params.last"
    return {**inner, "condition": {"bucket_selector": {"buckets_path": paths, "script": script}}}


KINDS = {
    "event_count": _event_count,
    "temporal": _temporal,
    "temporal_ordered": _temporal_ordered,
    "value_count": _value_count,
}

"""How often rules would have fired over past days: counted by the server, a day at a time.

Each day is one `msearch` of aggregations, so no event leaves the server and no answer is large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from assay.engine.errors import usage
from assay.engine.siem.alerting import Cluster, ServerError
from assay.engine.siem.convert import Conversion, Converted, Correlated

TIMESTAMP = "@timestamp"
TOGETHER = 20  # rules in one search
MAX_DAYS = 400
MAX_BUCKETS = 1000


class Days(NamedTuple):
    """Hits of a rule by day: events; for a correlation, groups whose day fulfils it."""

    rule: str
    title: str
    level: str
    counts: dict[str, int]


def day(text: str, word: str) -> date:
    """A day as YYYY-MM-DD. Raises InputError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise usage(f"--{word} {text[:40]!r} is no day: YYYY-MM-DD") from None


def span(first: date, last: date) -> list[date]:
    """The days of a range, both ends included. Raises InputError."""
    if last < first:
        raise usage("--to is before --from")
    if (last - first).days >= MAX_DAYS:
        raise usage(f"a backtest covers {MAX_DAYS} days at most")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def run(cluster: Cluster, done: Conversion, days: Sequence[date]) -> list[Days]:
    """The rules in the order of their files. Raises ServerError."""
    found: list[Days] = []
    groups: dict[str, list[Converted]] = {}
    for one in done.converted:
        groups.setdefault(one.source.pattern, []).append(one)
    counts: dict[str, dict[str, int]] = {}
    for pattern, rules in groups.items():
        for at in range(0, len(rules), TOGETHER):
            counts |= _events(cluster, pattern, rules[at : at + TOGETHER], days)
    for each in done.correlated:
        counts[each.rule.id] = {one.isoformat(): _groups(cluster, each, one) for one in days}
    for item in done.searches():
        level = str(item.rule.document.get("level") or "medium")
        found.append(Days(item.rule.id, item.rule.title, level, counts[item.rule.id]))
    return found


def _bounds(first: date, last: date) -> dict[str, Any]:
    """From the first day's start to the last day's end, UTC."""
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    bounds = {"gte": int(begin.timestamp() * 1000), "lt": int(end.timestamp() * 1000)}
    return {"range": {TIMESTAMP: {**bounds, "format": "epoch_millis"}}}


def _events(
    cluster: Cluster, pattern: str, rules: Sequence[Converted], days: Sequence[date]
) -> dict[str, dict[str, int]]:
    by_day = {
        "date_histogram": {
            "field": TIMESTAMP, "calendar_interval": "day", "format": "yyyy-MM-dd",
            "min_doc_count": 1,
        }
    }  # fmt: skip
    filters = {f"r{number}": one.body["query"] for number, one in enumerate(rules)}
    body = {
        "size": 0,
        "query": _bounds(days[0], days[-1]),
        "aggs": {"rules": {"filters": {"filters": filters}, "aggs": {"days": by_day}}},
    }
    answer = _search(cluster, pattern, body)
    zero = dict.fromkeys((one.isoformat() for one in days), 0)
    try:
        buckets = answer.get("aggregations", {}).get("rules", {}).get("buckets", {})
        made: dict[str, dict[str, int]] = {}
        for number, one in enumerate(rules):
            held = buckets[f"r{number}"]["days"]["buckets"] if buckets else ()
            made[one.rule.id] = zero | {
                str(each["key_as_string"]): int(each["doc_count"]) for each in held
            }
        return made
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ServerError(200, "its answer to a search is none of OpenSearch") from None


def _groups(cluster: Cluster, one: Correlated, at: date) -> int:
    """Groups that fulfil the correlation in any of the day's spans of its length."""
    total = 0
    for bounds in _spans(one, at):
        _, *wanted = one.body["query"]["bool"]["filter"]
        body = {**one.body, "query": {"bool": {"filter": [bounds, *wanted]}}}
        buckets = (
            _search(cluster, one.source.pattern, body)
            .get("aggregations", {}).get("groups", {}).get("buckets", ())
        )  # fmt: skip
        total += len(buckets)
    return total


def _spans(one: Correlated, at: date) -> Iterator[dict[str, Any]]:
    """The day cut into spans of the correlation's length, the last one shorter."""
    begin = int(datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp())
    step = max(int(one.joined.parsed.timespan.seconds), 86_400 // MAX_BUCKETS)
    for start in range(begin, begin + 86_400, step):
        end = min(start + step, begin + 86_400)
        bounds = {"gte": start * 1000, "lt": end * 1000, "format": "epoch_millis"}
        yield {"range": {TIMESTAMP: bounds}}


def _search(cluster: Cluster, pattern: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = cluster.ask(
        "POST", f"/{pattern}/_search", body, ignore_unavailable="true", allow_no_indices="true"
    )
    if not isinstance(answer, dict) or answer.get("timed_out"):
        raise ServerError(200, f"the search of {pattern} did not come to an end")
    if answer.get("_shards", {}).get("failed"):
        raise ServerError(200, f"the search of {pattern} failed on some shards")
    return answer

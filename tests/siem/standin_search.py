"""What the stand-in server searches with: queries in the server's form, aggregations, scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay.engine.siem import dsl
from assay.engine.siem.event import Event
from assay.engine.siem.sources import shipped, template

OPEN = dsl.Index(template(shipped()["generic"]))
KNOWN = {
    "bool", "exists", "match_all", "prefix", "query_string", "range", "regexp", "script", "term",
    "terms", "wildcard",
}  # fmt: skip
Doc = dict[str, Any]


class SearchError(Exception):
    """A search or a request that the server refuses, with its class of error."""

    def __init__(self, status: int, reason: str, kind: str, cause: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.kind, self.cause = status, reason, kind, cause or reason


def canonical(query: Any) -> Any:
    """A query as the server writes it back: every default is there. A fixed point."""
    ((kind, body),) = query.items()
    if kind not in KNOWN:
        name = "org.opensearch.core.common.ParsingException"
        raise SearchError(500, f"unknown query [{kind}]", name)
    return {kind: WRITERS[kind](body)}


def _bool(body: Any) -> Any:
    made: Doc = {}
    for part in ("must", "filter", "must_not", "should"):
        given = body.get(part)
        if given:
            made[part] = [canonical(one) for one in (given if isinstance(given, list) else [given])]
    for part in ("minimum_should_match",):
        if part in body:
            made[part] = str(body[part])
    return {**made, "adjust_pure_negative": True, "boost": body.get("boost", 1.0)}


def _range(body: Any) -> Any:
    ((field, given),) = body.items()
    made: Doc = {
        "from": given.get("from", given.get("gt", given.get("gte"))),
        "to": given.get("to", given.get("lt", given.get("lte"))),
        "include_lower": given.get("include_lower", "gt" not in given),
        "include_upper": given.get("include_upper", "lt" not in given),
    }
    if "format" in given:
        made["format"] = given["format"]
    return {field: {**made, "boost": given.get("boost", 1.0)}}


def _field(**defaults: Any) -> Callable[[Any], Any]:
    def write(body: Any) -> Any:
        ((field, given),) = body.items()
        given = given if isinstance(given, dict) else {"value": given}
        return {field: {**given, **{k: v for k, v in defaults.items() if k not in given}}}

    return write


def _wildcard(body: Any) -> Any:
    ((field, given),) = body.items()
    given = dict(given) if isinstance(given, dict) else {"value": given}
    if "value" in given:
        given["wildcard"] = given.pop("value")
    return {field: {"boost": 1.0, **given}}


def _terms(body: Any) -> Any:
    return {"boost": 1.0, **body}


def _query_string(body: Any) -> Any:
    return {
        "fields": [], "type": "best_fields", "default_operator": "or",
        "max_determinized_states": 10000, "enable_position_increments": True, "fuzziness": "AUTO",
        "fuzzy_prefix_length": 0, "fuzzy_max_expansions": 50, "phrase_slop": 0, "escape": False,
        "auto_generate_synonyms_phrase_query": True, "fuzzy_transpositions": True, "boost": 1.0,
        **body,
    }  # fmt: skip


WRITERS: dict[str, Callable[[Any], Any]] = {
    "bool": _bool,
    "exists": _terms,
    "match_all": _terms,
    "prefix": _field(boost=1.0),
    "query_string": _query_string,
    "range": _range,
    "regexp": _field(flags_value=255, max_determinized_states=10000, boost=1.0),
    "script": lambda body: {"boost": 1.0, **body},
    "term": _field(boost=1.0),
    "terms": _terms,
    "wildcard": _wildcard,
}


def canonical_search(search: Any) -> Any:
    """A whole search as the server writes it back."""
    made: Doc = {key: search[key] for key in ("size", "from") if key in search}
    if "query" in search:
        made["query"] = canonical(search["query"])
    aggregations = search.get("aggregations", search.get("aggs"))
    if aggregations:
        made["aggregations"] = {name: _aggregation(one) for name, one in aggregations.items()}
    return made


def _aggregation(given: Any) -> Any:
    made: Doc = {}
    for kind, body in given.items():
        if kind in ("aggs", "aggregations"):
            made["aggregations"] = {name: _aggregation(one) for name, one in body.items()}
        elif kind == "composite":
            made[kind] = {**body, "sources": [_composite(one) for one in body["sources"]]}
        elif kind == "filters":
            filters = {name: canonical(one) for name, one in body["filters"].items()}
            made[kind] = {"other_bucket": False, "other_bucket_key": "_other_", **body}
            made[kind]["filters"] = filters
        elif kind == "filter":
            made[kind] = canonical(body)
        else:
            made[kind] = body
    return made


def _composite(source: Any) -> Any:
    ((name, inner),) = source.items()
    return {name: {"terms": {"missing_bucket": False, "order": "asc", **inner["terms"]}}}


def search(search: Any, docs: list[Doc], period_end: int) -> Any:
    """The answer of a search that was written back by `canonical_search`."""
    find = _compiled(search["query"], period_end) if "query" in search else lambda _: True
    found = [doc for doc in docs if find(doc)]
    size = search.get("size", 10)
    shown = found[:size]
    made: Doc = {
        "_shards": {"total": 1, "failed": 0, "successful": 1, "skipped": 0},
        "hits": {
            "hits": [
                {"_index": doc["_index"], "_source": doc["_source"], "_id": doc["_id"],
                 "_score": 0.0}
                for doc in shown
            ],
            "total": {"value": len(found), "relation": "eq"},
            "max_score": 0.0 if shown else None,
        },
        "took": 1,
        "timed_out": False,
    }  # fmt: skip
    if "aggregations" in search:
        if size == 0:
            made["terminated_early"] = True
        made["aggregations"] = aggregate(search["aggregations"], found, period_end)
    return made


def aggregate(wanted: Any, docs: list[Doc], end: int) -> Doc:
    return {name: _aggregated(one, docs, end) for name, one in wanted.items()}


def _aggregated(wanted: Any, docs: list[Doc], end: int) -> Doc:
    inner = wanted.get("aggregations", {})

    def bucket(own: list[Doc]) -> Doc:
        return {"doc_count": len(own), **aggregate(inner, own, end)}

    if "filters" in wanted:
        filters = wanted["filters"]["filters"]
        made = {name: _compiled(query, end) for name, query in filters.items()}
        return {
            "buckets": {
                name: bucket([doc for doc in docs if find(doc)]) for name, find in made.items()
            }
        }
    if "filter" in wanted:
        find = _compiled(wanted["filter"], end)
        return bucket([doc for doc in docs if find(doc)])
    if "composite" in wanted:
        return _groups(wanted["composite"], docs, bucket)
    ((kind, body),) = ((kind, body) for kind, body in wanted.items() if kind != "aggregations")
    values = [value for doc in docs for value in _values(doc, body["field"])]
    if kind == "cardinality":
        return {"value": len(set(values))}
    numbers = [float(value) for value in values]
    return {"value": {"min": min, "max": max}[kind](numbers) if numbers else None}


def _groups(body: Any, docs: list[Doc], bucket: Callable[[list[Doc]], Doc]) -> Doc:
    names = [next(iter(source.items())) for source in body["sources"]]
    groups: dict[tuple[Any, ...], list[Doc]] = {}
    for doc in docs:
        keys: list[tuple[Any, ...]] = [()]
        for _, inner in names:
            keys = [(*key, one) for key in keys for one in _values(doc, inner["terms"]["field"])]
        for key in keys:
            groups.setdefault(key, []).append(doc)
    labels = [name for name, _ in names]
    buckets = [
        {"key": dict(zip(labels, key, strict=True)), **bucket(groups[key])}
        for key in sorted(groups)[: body["size"]]
    ]
    made: Doc = {"buckets": buckets}
    if buckets:
        made["after_key"] = buckets[-1]["key"]
    return made


def _values(doc: Doc, field: str) -> list[Any]:
    if field == "@timestamp":
        return [doc["_source"][field]] if field in doc["_source"] else []
    return sorted(dsl.Indexed(Event(doc["_source"]), doc.get("_mapping", OPEN)).terms(field))


def _compiled(query: Any, end: int) -> Callable[[Doc], bool]:
    ((kind, body),) = query.items()
    if kind == "match_all":
        return lambda _: True
    if kind == "bool":
        parts = {
            name: [_compiled(one, end) for one in body.get(name, ())]
            for name in ("filter", "must", "should", "must_not")
        }
        return lambda doc: (
            all(one(doc) for one in (*parts["filter"], *parts["must"]))
            and (not parts["should"] or any(one(doc) for one in parts["should"]))
            and not any(one(doc) for one in parts["must_not"])
        )
    if kind == "query_string":
        raise SearchError(400, "all shards failed", "search_phase_execution_exception")
    if kind == "range" and "@timestamp" in body:
        return _window(body["@timestamp"], end)
    found = dsl.compile_query({kind: _plain(kind, body)})
    return lambda doc: found(dsl.Indexed(Event(doc["_source"]), doc.get("_mapping", OPEN)))


def _plain(kind: str, body: Any) -> Any:
    """A leaf of the server's form as `dsl` reads it."""
    if kind in ("exists", "terms", "script"):
        return {key: value for key, value in body.items() if key != "boost"}
    ((field, given),) = body.items()
    if kind == "range":
        words = (
            "gte" if given["include_lower"] else "gt",
            "lte" if given["include_upper"] else "lt",
        )
        ends = zip(words, (given["from"], given["to"]), strict=True)
        return {field: {word: end for word, end in ends if end is not None}}
    return {field: {"value": given.get("value", given.get("wildcard"))}}


MATH = re.compile(r"(\{\{period_end\}\}|now)(?:\|\|)?(?:-(\d+)([smhd]))?")
UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def _window(given: Any, end: int) -> Callable[[Doc], bool]:
    def moment(text: Any, far: float) -> float:
        if text is None:
            return far
        match = MATH.fullmatch(str(text))
        assert match is not None, text
        return end - (int(match[2]) * UNITS[match[3]] if match[2] else 0)

    low, high = moment(given["from"], float("-inf")), moment(given["to"], float("inf"))
    least, most = given["include_lower"], given["include_upper"]

    def inside(doc: Doc) -> bool:
        at = doc["_source"].get("@timestamp")
        if at is None:
            return False
        return (low <= at if least else low < at) and (at <= high if most else at < high)

    return inside


WORD = re.compile(
    r"\s*(ctx\.results\[0\](?:\.\w+)+|params\.\w+|&&|\|\||[<>]=?|==|-?\d+(?:\.\d+)?)\s*"
)


def condition(source: str, ctx: Any, params: Mapping[str, Any]) -> bool:
    """What a trigger's script says. Raises SearchError with the server's text."""
    words = list(_words(source))
    text = "".join(f" {_python(word, ctx, params)} " for word in words)
    return bool(eval(text, {"__builtins__": {}}))


def _words(source: str) -> Iterator[str]:
    at = 0
    while at < len(source):
        match = WORD.match(source, at)
        if match is None:
            raise SearchError(200, uncompiled(source), "script_exception")
        yield match[1]
        at = match.end()


def _python(word: str, ctx: Any, params: Mapping[str, Any]) -> str:
    if word in ("&&", "||"):
        return {"&&": "and", "||": "or"}[word]
    if word.startswith("params."):
        return repr(params[word[7:]])
    if not word.startswith("ctx."):
        return word
    if not ctx["results"]:
        raise SearchError(200, "", "no_input")
    value: Any = ctx["results"][0]
    for step in word.split(".")[2:]:
        value = value[step]
    return repr(value)


def uncompiled(source: str) -> str:
    """The server's words for a script that ends too early."""
    end = len(source)
    return _pretty(
        "compile error", [source, f"{' ' * end}^---- HERE"], source,
        {"offset": end, "start": 0, "end": end},
        {"type": "illegal_argument_exception", "reason": "unexpected end of script.",
         "caused_by": {"type": "no_viable_alt_exception", "reason": None}},
    )  # fmt: skip


def without_input(source: str) -> str:
    """The server's words where a trigger has nothing to look at."""
    stack = [
        "kotlin.collections.EmptyList.get(Collections.kt:37)",
        "kotlin.collections.EmptyList.get(Collections.kt:25)",
        source,
        "           ^---- HERE",
    ]
    return _pretty(
        "runtime error", stack, source, {"offset": 11, "start": 0, "end": len(source)},
        {"type": "index_out_of_bounds_exception",
         "reason": "Empty list doesn't contain element at index 0."},
    )  # fmt: skip


def _pretty(reason: str, stack: list[str], script: str, position: Any, cause: Any) -> str:
    made = {
        "type": "script_exception", "reason": reason, "script_stack": stack, "script": script,
        "lang": "painless", "position": position, "caused_by": cause,
    }  # fmt: skip
    text = json.dumps(made, indent=2)
    return re.sub(r'^( *"[^"]*"):', r"\1 :", text, flags=re.MULTILINE)

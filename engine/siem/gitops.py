"""The SIEM as files for GitOps: index templates, lifecycle policies, monitors, saved objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from assay.engine.siem.convert import Conversion
from assay.engine.siem.monitors import Monitors
from assay.engine.siem.sources import Source, template

KEEP_DAYS = 365
ROLL_DAYS = 1
ROLL_SIZE = "50gb"
FOLDERS = {
    "templates": "PUT _index_template/<name of the file>",
    "policies": "PUT _plugins/_ism/policies/<name of the file>",
    "monitors": "POST _plugins/_alerting/monitors",
    "dashboards": "POST api/saved_objects/_import of OpenSearch Dashboards",
}


def files(done: Conversion, monitors: Monitors, days: int = KEEP_DAYS) -> dict[str, str]:
    """Path → text. Only the sources that the rules read."""
    sources = {one.source.name: one.source for one in done.searches()}
    made: dict[str, str] = {}
    for name, source in sorted(sources.items()):
        made[f"templates/assay-{name}.json"] = _text(template(source))
        made[f"policies/assay-{name}.json"] = _text(policy(source, days))
    for name, body in monitors.bodies.items():
        made[f"monitors/{name.replace('/', '-')}.json"] = _text(body)
    lines = [json.dumps(one, sort_keys=True) for one in saved_objects(sources.values(), done)]
    made["dashboards/assay.ndjson"] = "".join(f"{line}\n" for line in lines)
    return made


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def policy(source: Source, days: int = KEEP_DAYS) -> dict[str, Any]:
    """The lifecycle of a source's indexes: merged after a day, deleted after `days`."""
    return {
        "policy": {
            "description": f"{source.title}: kept for {days} days",
            "default_state": "hot",
            "ism_template": [{"index_patterns": [source.pattern], "priority": 200}],
            "states": [
                {
                    "name": "hot",
                    "actions": [],
                    "transitions": [
                        {"state_name": "warm", "conditions": {"min_index_age": f"{ROLL_DAYS}d"}}
                    ],
                },
                {
                    "name": "warm",
                    "actions": [{"force_merge": {"max_num_segments": 1}}],
                    "transitions": [
                        {"state_name": "delete", "conditions": {"min_index_age": f"{days}d"}}
                    ],
                },
                {"name": "delete", "actions": [{"delete": {}}], "transitions": []},
            ],
        }
    }


def saved_objects(sources: Iterable[Source], done: Conversion) -> list[dict[str, Any]]:
    """An index pattern and a search a source, a chart by day for each, and one dashboard."""
    made: list[dict[str, Any]] = []
    panels: list[tuple[str, str]] = []
    for source in sources:
        index = f"assay-{source.name}"
        made.append(_object("index-pattern", index, {
            "title": source.pattern, "timeFieldName": "@timestamp",
        }))  # fmt: skip
        reference = {"name": "kibanaSavedObjectMeta.searchSourceJSON.index",
                     "type": "index-pattern", "id": index}  # fmt: skip
        made.append(_object("visualization", f"{index}-by-day", {
            "title": f"{source.title}: events by day",
            "visState": json.dumps(_chart(source), sort_keys=True),
            "uiStateJSON": "{}", "description": "", "version": 1,
            "kibanaSavedObjectMeta": {"searchSourceJSON": _source("")},
        }, [reference]))  # fmt: skip
        panels.append((f"{index}-by-day", source.name))
    for one in done.converted:
        index = f"assay-{one.source.name}"
        reference = {"name": "kibanaSavedObjectMeta.searchSourceJSON.index",
                     "type": "index-pattern", "id": index}  # fmt: skip
        filters = [{
            "meta": {"type": "custom", "disabled": False, "negate": False, "alias": one.rule.title,
                     "key": "query", "value": one.rule.id,
                     "indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.filter[0].meta.index"},
            "query": one.body["query"], "$state": {"store": "appState"},
        }]  # fmt: skip
        named = "kibanaSavedObjectMeta.searchSourceJSON.filter[0].meta.index"
        second = {**reference, "name": named}
        made.append(_object("search", f"assay-{one.rule.id}", {
            "title": one.rule.title or one.rule.id, "description": one.rule.id,
            "columns": ["_source"], "sort": [["@timestamp", "desc"]], "version": 1,
            "kibanaSavedObjectMeta": {"searchSourceJSON": _source("", filters)},
        }, [reference, second]))  # fmt: skip
    made.append(_dashboard(panels))
    return made


def _object(
    kind: str, name: str, attributes: Mapping[str, Any], references: Iterable[Any] = ()
) -> dict[str, Any]:
    return {"type": kind, "id": name, "attributes": dict(attributes),
            "references": list(references)}  # fmt: skip


def _source(query: str, filters: Iterable[Any] = ()) -> str:
    return json.dumps(
        {
            "query": {"query": query, "language": "kuery"},
            "filter": list(filters),
            "indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.index",
        },
        sort_keys=True,
    )


def _chart(source: Source) -> dict[str, Any]:
    field = {"field": "@timestamp", "interval": "d", "min_doc_count": 1}
    return {
        "title": f"{source.title}: events by day",
        "type": "histogram",
        "aggs": [
            {"id": "1", "enabled": True, "type": "count", "schema": "metric", "params": {}},
            {"id": "2", "enabled": True, "type": "date_histogram", "schema": "segment",
             "params": field},
        ],
        "params": {"type": "histogram", "addTimeMarker": False, "addLegend": False,
                   "addTooltip": True},
    }  # fmt: skip


def _dashboard(panels: list[tuple[str, str]]) -> dict[str, Any]:
    grid = [
        {"panelIndex": str(at), "panelRefName": f"panel_{at}", "version": "2.0.0",
         "embeddableConfig": {},
         "gridData": {"x": 24 * (at % 2), "y": 12 * (at // 2), "w": 24, "h": 12, "i": str(at)}}
        for at in range(len(panels))
    ]  # fmt: skip
    references = [
        {"name": f"panel_{at}", "type": "visualization", "id": name}
        for at, (name, _) in enumerate(panels)
    ]
    return _object("dashboard", "assay", {
        "title": "Assay: log sources", "description": "", "hits": 0, "version": 1,
        "timeRestore": False, "optionsJSON": "{}",
        "panelsJSON": json.dumps(grid, sort_keys=True),
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(
            {"query": {"query": "", "language": "kuery"}, "filter": []}, sort_keys=True)},
    }, references)  # fmt: skip

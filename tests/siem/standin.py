"""A server that behaves as the Alerting API of OpenSearch 3.4.0 did when it was recorded.

Held to the recorded exchanges by test_standin.py. Faults can be put in: `faults` is a list of
functions (method, path) → (status, headers, body), "drop", "hang" or None for no fault.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from standin_search import (
    SearchError,
    canonical_search,
    condition,
    search,
    uncompiled,
    without_input,
)

ROOT = "/_plugins/_alerting/monitors"
DATA_SOURCES = {
    "query_index": ".opensearch-alerting-queries",
    "findings_index": ".opensearch-alerting-finding-history-write",
    "findings_index_pattern": "<.opensearch-alerting-finding-history-{now/d}-1>",
    "alerts_index": ".opendistro-alerting-alerts",
    "alerts_history_index": ".opendistro-alerting-alert-history-write",
    "alerts_history_index_pattern": "<.opendistro-alerting-alert-history-{now/d}-1>",
    "comments_index": ".opensearch-alerting-comments-history-write",
    "comments_index_pattern": "<.opensearch-alerting-comments-history-{now/d}-1>",
    "query_index_mappings_by_type": {},
    "findings_enabled": False,
}
STATUS = "org.opensearch.OpenSearchStatusException"
ARGUMENT = "java.lang.IllegalArgumentException"
SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


class Alerting:
    """The state of one server."""

    def __init__(self) -> None:
        self.monitors: dict[str, dict[str, Any]] = {}
        self.indexes: dict[str, list[dict[str, Any]]] = {}
        self.normalized: set[str] = set()
        self.alerts: list[dict[str, Any]] = []
        self.settings: dict[str, Any] = {}
        self.max_monitors = 1000
        self.compilations = 75
        self.kept = 100
        self.max_query = 65_535
        self.seq_no = 0
        self.started = False
        self.compiled: dict[str, None] = {}
        self.budget: list[float] = []
        self.faults: list[Callable[[str, str], Any]] = []
        self.seen: list[tuple[str, str]] = []
        self.users: dict[str, str] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def new_id(self) -> str:
        return f"Q{next(self._ids):06}CaIBYxYXIpNTu"

    def answer(self, method: str, url: str, body: Any, agent: str) -> tuple[int, Any]:
        """Status and body. A body of None is an empty one."""
        parts = urlsplit(url)
        params = {key: values[0] for key, values in parse_qs(parts.query).items()}
        with self._lock:
            self.seen.append((method, parts.path))
            try:
                return self._routed(
                    method, parts.path, params, body, "OpenSearch-Dashboards" in agent
                )
            except SearchError as error:
                return error.status, refusal(error)

    def _routed(
        self, method: str, path: str, params: dict[str, str], body: Any, dashboards: bool
    ) -> tuple[int, Any]:
        if path == "/_cluster/settings":
            return 200, {"persistent": self.settings, "transient": {}, "defaults": {}}
        if not path.startswith(ROOT):
            return 404, {"error": f"no handler found for uri [{path}] and method [{method}]"}
        rest = [part for part in path[len(ROOT) :].split("/") if part]
        if method == "POST" and not rest:
            return self._create(body)
        if rest == ["_search"]:
            return self._search(body, dashboards)
        if rest == ["_execute"]:
            name = self.new_id()
            return 200, self._execute(name, self._read(body), dry=True)
        if rest == ["alerts"]:
            found = [one for one in self.alerts if one["monitor_id"] == params["monitorId"]]
            return 200, {"alerts": found, "totalAlerts": len(found)}
        if rest[1:] == ["_acknowledge", "alerts"]:
            return 200, self._acknowledge(body["alerts"])
        held = self._held(rest[0], method)
        if rest[1:] == ["_execute"]:
            dry = params.get("dryrun") == "true"
            return 200, self._execute(rest[0], held["monitor"], dry)
        if method == "GET":
            return 200, {**self._shown(rest[0], dashboards), "associated_workflows": []}
        if method == "PUT":
            return self._update(rest[0], held, params, body, dashboards)
        del self.monitors[rest[0]]
        self.alerts = [one for one in self.alerts if one["monitor_id"] != rest[0]]
        self.seq_no += 1
        return 200, {"_id": rest[0], "_version": held["_version"] + 1}

    def _held(self, name: str, method: str) -> dict[str, Any]:
        if not self.started:
            raise SearchError(404, "Monitor not found. Backing index is missing.", STATUS)
        if name not in self.monitors:
            reason = (
                "Monitor not found." if method == "GET" else f"Monitor with {name} is not found"
            )
            raise SearchError(404, reason, STATUS)
        return self.monitors[name]

    def _shown(self, name: str, dashboards: bool) -> dict[str, Any]:
        held = self.monitors[name]
        monitor = dict(held["monitor"])
        if not dashboards:
            monitor.pop("ui_metadata", None)
        numbers = {key: held[key] for key in ("_version", "_seq_no", "_primary_term")}
        return {"_id": name, **numbers, "monitor": monitor}

    def _create(self, body: Any) -> tuple[int, Any]:
        monitor = self._read(body)
        if len(self.monitors) >= self.max_monitors:
            reason = (
                f"This request would create more than the allowed monitors [{self.max_monitors}]."
            )
            raise SearchError(400, reason, ARGUMENT)
        name = self.new_id()
        self.started = True
        if monitor["monitor_type"] == "doc_level_monitor":
            self._doc_level(name, monitor)
        held = {"_version": 1, "_seq_no": self.seq_no, "_primary_term": 1, "monitor": monitor}
        self.seq_no += 3  # the monitor's metadata is written beside it
        self.monitors[name] = held
        return 201, self._shown(name, dashboards=True)

    def _doc_level(self, name: str, monitor: dict[str, Any]) -> None:
        for index in monitor["inputs"][0]["doc_level_input"]["indices"]:
            if index in self.normalized:
                self.seq_no += 4  # made, and undone again
                kind = "org.opensearch.commons.alerting.util.AlertingException"
                reason = f"normalizer [lower] not found for field [cmd_{index}_{self.new_id()}]"
                raise SearchError(500, reason, kind)

    def _update(
        self, name: str, held: dict[str, Any], params: dict[str, str], body: Any, dashboards: bool
    ) -> tuple[int, Any]:
        wanted = int(params.get("if_seq_no", held["_seq_no"]))
        term = int(params.get("if_primary_term", 1))
        if (wanted, term) != (held["_seq_no"], held["_primary_term"]):
            reason = (
                f"[{name}]: version conflict, required seqNo [{wanted}], primary term [{term}]. "
                f"current document has seqNo [{held['_seq_no']}] and primary term [1]"
            )
            kind = "org.opensearch.index.engine.VersionConflictEngineException"
            raise SearchError(409, reason, kind)
        monitor = self._read(body)
        monitor["schema_version"] = 8
        if "enabled_time" in held["monitor"] and monitor["enabled"]:
            monitor["enabled_time"] = held["monitor"]["enabled_time"]
        held["monitor"] = monitor
        held["_version"] += 1
        held["_seq_no"] = self.seq_no
        self.seq_no += 1
        return 200, self._shown(name, dashboards=True)

    def _read(self, body: Any) -> dict[str, Any]:
        """The monitor of a request with all that the server adds; unknown keys are dropped."""
        for trigger in body.get("triggers", ()):
            next(iter(trigger.values()))
        if len(body["triggers"]) > 10:
            raise SearchError(400, "Monitors can only support up to 10 triggers.", ARGUMENT)
        if len(body["inputs"]) > 1:
            raise SearchError(400, "Monitors can only have 1 search input.", ARGUMENT)
        if "schedule" not in body:
            raise SearchError(400, "Monitor schedule is null", "java.lang.NullPointerException")
        if body["schedule"]["period"]["interval"] < 1:
            raise SearchError(400, "Interval is not allowed to be 0 or negative", ARGUMENT)
        now = int(time.time() * 1000)
        monitor: dict[str, Any] = {"type": "monitor", "schema_version": 0}
        monitor |= {key: body[key] for key in ("name", "monitor_type", "enabled")}
        if body["enabled"]:
            monitor["enabled_time"] = now
        monitor["schedule"] = body["schedule"]
        monitor["inputs"] = [self._input(one) for one in body["inputs"]]
        monitor["triggers"] = [self._trigger(one) for one in body["triggers"]]
        monitor["last_update_time"] = now
        if "ui_metadata" in body:
            monitor["ui_metadata"] = body["ui_metadata"]
        monitor["data_sources"] = DATA_SOURCES
        monitor["delete_query_index_in_every_run"] = False
        monitor["should_create_single_alert_for_findings"] = False
        monitor["owner"] = "alerting"
        return monitor

    def _input(self, given: Any) -> Any:
        if "doc_level_input" in given:
            inner = given["doc_level_input"]
            queries = [{"fields": [], "query_field_names": [], **one} for one in inner["queries"]]
            made = {**inner, "queries": queries, "fan_out_enabled": True}
            return {"doc_level_input": made}
        inner = given["search"]
        made = {"indices": inner["indices"], "query": canonical_search(inner["query"])}
        for name in inner["indices"]:
            if "*" not in name and name not in self.indexes:
                error = SearchError(404, f"Configured indices are not found: [{name}]", "")
                error.cause = f"no such index [{name}]"
                error.kind = "org.opensearch.index.IndexNotFoundException"
                raise error
        return {"search": made}

    def _trigger(self, given: Any) -> Any:
        ((kind, inner),) = given.items()
        made = {key: inner[key] for key in ("name", "severity", "condition", "actions")}
        if kind == "bucket_level_trigger":
            made["condition"] = {"gap_policy": "skip", **inner["condition"]}
        return {kind: {"id": inner.get("id") or self.new_id(), **made}}

    def _search(self, body: Any, dashboards: bool) -> tuple[int, Any]:
        wanted = body.get("query", {"match_all": {}}).get("term")
        name = next(iter(wanted.values())) if wanted else None
        name = name["value"] if isinstance(name, dict) else name
        hits = []
        for one, held in self.monitors.items():
            if name is not None and held["monitor"]["name"] != name:
                continue
            shown = self._shown(one, dashboards)
            hit = {"_index": ".opendistro-alerting-config", "_id": one}
            hit |= {key: held[key] for key in ("_version", "_seq_no", "_primary_term")}
            hit |= {"_score": None if "sort" in body else 2.0, "_source": shown["monitor"]}
            if "sort" in body:
                hit["sort"] = [held["monitor"]["name"]]
            hits.append(hit)
        if "sort" in body:
            hits.sort(key=lambda hit: str(hit["sort"]))
        total = {"value": len(hits), "relation": "eq"}
        score = None if "sort" in body else 2.0
        shown_hits = hits[: body.get("size", 10)]
        found = {"total": total, "max_score": score, "hits": shown_hits}
        return 200, {"took": 1, "timed_out": False, "_shards": SHARDS, "hits": found}

    def _acknowledge(self, names: list[str]) -> Any:
        known = {one["id"]: one for one in self.alerts}
        for name in names:
            if name in known:
                known[name]["state"] = "ACKNOWLEDGED"
        return {
            "success": [name for name in names if name in known],
            "failed": [name for name in names if name not in known],
        }

    def _execute(self, name: str, monitor: dict[str, Any], dry: bool) -> Any:
        now = int(time.time() * 1000)
        made: dict[str, Any] = {
            "monitor_name": monitor["name"], "period_start": now - 60_000, "period_end": now,
            "error": None,
        }  # fmt: skip
        if monitor["monitor_type"] == "doc_level_monitor":
            return {**made, **self._documents(monitor)}
        inner = monitor["inputs"][0]["search"]
        results: list[Any] = []
        error = self._compile(json.dumps(inner["query"], separators=(",", ":")))
        if error is None:
            docs = [
                doc for pattern in inner["indices"] for index, held in self.indexes.items()
                if fnmatch(index, pattern) for doc in held
            ]  # fmt: skip
            try:
                results = [search(inner["query"], docs, now)]
            except SearchError as failed:
                error = failed.reason
        made["input_results"] = {"results": results, "error": error}
        made["trigger_results"] = {}
        for trigger in monitor["triggers"]:
            ((kind, one),) = trigger.items()
            run = self._bucket if kind == "bucket_level_trigger" else self._whole
            made["trigger_results"][one["id"]] = run(name, monitor, one, results, dry)
        return made

    def _compile(self, source: str) -> str | None:
        """As the server's script cache: what is kept costs nothing."""
        failure = f"Failed to compile inline script [{source}] using lang [mustache]"
        if source in self.compiled:
            self.compiled[source] = self.compiled.pop(source)
            return None
        if len(source.encode()) > self.max_query:
            return (
                f"exceeded max allowed inline script size in bytes [{self.max_query}] "
                f"with size [{len(source.encode())}] for script [{source}]"
            )
        self.budget = [at for at in self.budget if at > time.monotonic() - 300]
        if len(self.budget) >= self.compilations:
            return failure
        self.budget.append(time.monotonic())
        self.compiled[source] = None
        if len(self.compiled) > self.kept:
            del self.compiled[next(iter(self.compiled))]
        return None

    def _whole(
        self, name: str, monitor: Any, trigger: Any, results: list[Any], dry: bool
    ) -> dict[str, Any]:
        source = trigger["condition"]["script"]["source"]
        made = {"name": trigger["name"], "triggered": True, "action_results": {}, "error": None}
        try:
            made["triggered"] = condition(source, {"results": results}, {})
        except SearchError as error:
            made["error"] = (
                without_input(source) if error.kind == "no_input" else uncompiled(source)
            )
        if made["triggered"] and not dry:
            self._alert(name, monitor, trigger, {})
        return made

    def _bucket(
        self, name: str, monitor: Any, trigger: Any, results: list[Any], dry: bool
    ) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": trigger["name"], "agg_result_buckets": {}, "action_results": {}, "error": None,
        }  # fmt: skip
        if not results:
            return made
        given = trigger["condition"]
        parent = given["parent_bucket_path"]
        buckets = results[0]["aggregations"][parent]["buckets"]
        found = [
            at for at, bucket in enumerate(buckets)
            if condition(given["script"]["source"], {}, {
                key: number(bucket, path) for key, path in given["buckets_path"].items()
            })
        ]  # fmt: skip
        results[0]["aggregations"][trigger["id"]] = {
            "parent_bucket_path": parent, "bucket_indices": found,
        }  # fmt: skip
        for at in found:
            keys = [str(value) for value in buckets[at]["key"].values()]
            content = {"parent_bucket_path": parent, "bucket_keys": keys, "bucket": buckets[at]}
            label = "#".join(keys)
            made["agg_result_buckets"][label] = {"agg_alert_content": content}
            if not dry:
                self._alert(name, monitor, trigger, {"agg_alert_content": content})
        return made

    def _alert(self, name: str, monitor: Any, trigger: Any, more: dict[str, Any]) -> None:
        same = [
            one for one in self.alerts
            if (one["monitor_id"], one["trigger_id"]) == (name, trigger["id"])
            and one.get("agg_alert_content", {}).get("bucket_keys")
            == more.get("agg_alert_content", {}).get("bucket_keys")
        ]  # fmt: skip
        if same:
            return
        now = int(time.time() * 1000)
        self.alerts.append({
            "id": self.new_id(), "version": 1, "monitor_id": name, "workflow_id": "",
            "workflow_name": "", "associated_alert_ids": [], "schema_version": 5,
            "monitor_version": self.monitors[name]["_version"], "monitor_name": monitor["name"],
            "execution_id": f"{name}_{now}", "trigger_id": trigger["id"],
            "trigger_name": trigger["name"], "finding_ids": [], "related_doc_ids": [],
            "state": "ACTIVE", "error_message": None, "alert_history": [],
            "severity": trigger["severity"], "action_execution_results": [], "start_time": now,
            "last_notification_time": now, "end_time": None, "acknowledged_time": None, **more,
        })  # fmt: skip

    def _documents(self, monitor: Any) -> Any:
        inner = monitor["inputs"][0]["doc_level_input"]
        found: dict[str, list[str]] = {}
        for query in inner["queries"]:
            field, _, pattern = query["query"].partition(":")
            hits = [
                f"{doc['_id']}|{index}" for index in inner["indices"]
                for doc in self.indexes.get(index, ())
                if fnmatch(str(doc["_source"].get(field, "")), pattern)
            ]  # fmt: skip
            if hits:
                found[query["id"]] = hits
        docs = [doc for hits in found.values() for doc in hits]
        return {
            "input_results": {"results": [found], "error": None},
            "trigger_results": {
                one["id"]: {"name": one["name"], "triggeredDocs": docs, "action_results": {},
                            "error": None}
                for trigger in monitor["triggers"] for one in trigger.values()
            },
        }  # fmt: skip


def number(bucket: Any, path: str) -> Any:
    """The number at a path of a bucket."""
    for step in path.replace("._count", ">_count").split(">"):
        bucket = bucket["doc_count"] if step == "_count" else bucket[step]
    return bucket["value"] if isinstance(bucket, dict) else bucket


def refusal(error: SearchError) -> dict[str, Any]:
    """A refusal as the plugin words it."""
    cause = {"type": "alerting_exception", "reason": error.reason}
    inner = {"type": "exception", "reason": f"{error.kind}: {error.cause}"}
    return {"error": {"root_cause": [cause], **cause, "caused_by": inner}, "status": error.status}


@contextmanager
def serving(state: Alerting) -> Iterator[str]:
    """The URL of a server with this state."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size) or b"null") if size else None
            for fault in list(state.faults):
                found = fault(self.command, self.path)
                if found == "drop":
                    self.close_connection = True
                    return
                if found == "drop after":
                    state.answer(self.command, self.path, body, self.headers.get("user-agent", ""))
                    self.close_connection = True
                    return
                if found is not None:
                    self._send(*found)
                    return
            agent = self.headers.get("user-agent", "")
            self._send(*state.answer(self.command, self.path, body, agent))

        def _send(self, status: int, body: Any) -> None:
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a test prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The Alerting API of a cluster, by opensearch-py: what it answers, and each way it can fail.

Every request says that it comes from OpenSearch-Dashboards: without that the server neither shows
`ui_metadata`, which holds our marker, nor keeps it over an update.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from assay.engine.errors import InputError, Problem
from assay.engine.siem.server import Login, options, shown

MONITORS = "/_plugins/_alerting/monitors"
AGENT = "OpenSearch-Dashboards (assay)"
MAX_MONITORS = 10_000  # in one answer
TRIES = 4  # of a request that the server was too busy for
WAIT = 1.0  # seconds before the second try; doubled each time
LONGEST_WAIT = 30.0


class ServerError(Exception):
    """The server refused: its status (0: no answer) and its reason, without credentials."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Live(NamedTuple):
    """A monitor as the server has it."""

    id: str
    seq_no: int
    primary_term: int
    body: Mapping[str, Any]


class Cluster:
    """One cluster. `sleep` waits between tries of a request that was refused for being too many."""

    def __init__(
        self,
        url: str,
        login: Login | None = None,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        from opensearchpy import OpenSearch

        logging.getLogger("opensearch").setLevel(logging.CRITICAL)  # it would warn on stderr
        self.url = shown(url)
        given = options(url, login)
        self._secrets = [word for word in given.get("http_auth", ()) if len(word) > 2]
        given |= {"timeout": timeout, "max_retries": 0, "headers": {"user-agent": AGENT}}
        try:
            self._client = OpenSearch(self.url, **given)
        except (ValueError, TypeError, OSError) as error:
            problem = Problem("siem-server", f"{self.url}: {self._clean(error)}")
            raise InputError(problem) from None
        self._sleep = sleep

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """The answer. Raises ServerError; a server that is too busy is asked again."""
        from opensearchpy.exceptions import OpenSearchException, TransportError

        wait = WAIT
        for left in range(TRIES - 1, -1, -1):
            try:
                return self._client.transport.perform_request(
                    method, path, params=params or None, body=body
                )
            except TransportError as error:
                status = error.status_code if isinstance(error.status_code, int) else 0
                # 429 and 503 say that nothing was done. No answer at all says nothing: a write
                # may have been made, so it is for the next plan to see.
                again = status in (429, 503) or (not status and method == "GET")
                if not again or not left:
                    raise ServerError(status, self._reason(error)) from None
            except (OpenSearchException, ValueError, OSError, AttributeError, TypeError) as error:
                # The last two: opensearch-py trips over an error that is JSON but no object.
                raise ServerError(0, self._clean(error)) from None
            self._sleep(min(wait, LONGEST_WAIT))
            wait *= 2
        raise ServerError(0, "no answer")

    def _reason(self, error: Any) -> str:
        info = error.info if isinstance(error.info, Mapping) else {}
        inner = info.get("error")
        if isinstance(inner, Mapping) and inner.get("reason"):
            return self._clean(inner["reason"])
        if isinstance(error.status_code, int):
            return f"HTTP {error.status_code} {self._clean(error.error)}"
        return self._clean(error.error or error.info or type(error).__name__)

    def _clean(self, text: object) -> str:
        """One line without credentials."""
        line = " ".join(str(text).split())[:400]
        for word in self._secrets:
            line = line.replace(word, "***")
        return line

    def monitors(self) -> list[Live]:
        """All monitors, in the order of their names. Raises ServerError."""
        search = {
            "query": {"match_all": {}},
            "size": MAX_MONITORS,
            "sort": [{"monitor.name.keyword": "asc"}],
            "seq_no_primary_term": True,
            "version": True,
        }
        try:
            answer = self.ask("POST", f"{MONITORS}/_search", search)
        except ServerError as error:
            if error.status == 404:
                return []  # no monitor was ever made: there is no index of them
            raise
        try:
            hits = answer["hits"]["hits"]
            total = answer["hits"]["total"]["value"]
            found = [
                Live(str(hit["_id"]), int(hit["_seq_no"]), int(hit["_primary_term"]), source)
                for hit in hits
                if isinstance(source := _monitor(hit["_source"]), Mapping)
            ]
        except (KeyError, TypeError, ValueError):
            raise ServerError(200, "its answer to a search is none of the Alerting API") from None
        if total > len(hits):
            raise ServerError(200, f"it has {total} monitors and shows {len(hits)}")
        return found

    def get(self, name: str) -> Live:
        """One monitor by its id. Raises ServerError."""
        return _live(self.ask("GET", f"{MONITORS}/{_id(name)}"))

    def create(self, body: Mapping[str, Any]) -> Live:
        """Raises ServerError."""
        return _live(self.ask("POST", MONITORS, body))

    def update(self, old: Live, body: Mapping[str, Any]) -> Live:
        """Only if nobody changed it since it was read: else ServerError with 409."""
        path = f"{MONITORS}/{_id(old.id)}"
        given = {"if_seq_no": old.seq_no, "if_primary_term": old.primary_term}
        return _live(self.ask("PUT", path, body, **given))

    def delete(self, old: Live) -> None:
        """Only if nobody changed it since it was read; gone already is well. Raises ServerError."""
        try:
            now = self.get(old.id)
            if (now.seq_no, now.primary_term) != (old.seq_no, old.primary_term):
                raise ServerError(409, "it was changed since it was read")
            self.ask("DELETE", f"{MONITORS}/{_id(old.id)}")
        except ServerError as error:
            if error.status != 404:
                raise

    def dry_run(self, body: Mapping[str, Any]) -> list[str]:
        """What fails when the monitor runs; the server says so inside an answer of 200."""
        answer = self.ask("POST", f"{MONITORS}/_execute", body, dryrun="true")
        if not isinstance(answer, Mapping) or not isinstance(answer.get("input_results"), Mapping):
            raise ServerError(200, "its answer to a dry run is none of the Alerting API")
        found = [answer.get("error"), answer["input_results"].get("error")]
        if not any(found):  # else the triggers fail for want of input
            results = answer.get("trigger_results") or {}
            found += [one.get("error") for one in results.values() if isinstance(one, Mapping)]
        return [self._clean(one) for one in found if one]


def _monitor(source: Any) -> Any:
    """The monitor in a hit; None for what else lies in that index."""
    if isinstance(source, Mapping) and isinstance(source.get("monitor"), Mapping):
        source = source["monitor"]
    if isinstance(source, Mapping) and source.get("type") == "monitor":
        return source
    return None


def _live(answer: Any) -> Live:
    try:
        return Live(
            str(answer["_id"]),
            int(answer["_seq_no"]),
            int(answer["_primary_term"]),
            dict(answer["monitor"]),
        )
    except (KeyError, TypeError, ValueError):
        raise ServerError(200, "its answer is none of the Alerting API") from None


def _id(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")

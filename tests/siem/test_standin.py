"""The stand-in of the Alerting API gives the answers that a real one was recorded to give."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from standin import Alerting

RECORDED = Path(__file__).parents[1] / "tools/opensearch/recorded/alerting-3.4.0.json"
EXCHANGES: list[Any] = json.loads(RECORDED.read_text("utf-8"))
IDS = re.compile(r"[A-Za-z0-9-]{4,7}CaIBYxYXIpNT[A-Za-z0-9-]{1,4}")
TIMES = 1_000_000_000_000  # whole numbers above are milliseconds of the clock


def prepared() -> Alerting:
    """A server with the documents that the recorded one had."""
    state = Alerting()
    now = int(time.time() * 1000)
    users = [("9", "bob"), ("3", "alice"), ("2", "alice"), ("7", "alice"), ("8", "alice")]
    state.indexes["ev"] = [
        {"_index": "ev", "_id": name,
         "_source": {"@timestamp": now - 1000, "cmd": "PowerShell -Enc", "user": user}}
        for name, user in users
    ]  # fmt: skip
    cmd = {"@timestamp": now - 1000, "cmd": "PowerShell -Enc"}
    state.indexes["ev2"] = [{"_index": "ev2", "_id": "1", "_source": cmd}]
    state.normalized.add("ev")
    return state


class Alike:
    """Recorded × given, with ids and times translated; the first difference is told."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}

    def text(self, recorded: str) -> str:
        return IDS.sub(lambda match: self.ids.get(match[0], match[0]), recorded)

    def compare(self, recorded: Any, given: Any, path: str = "$") -> None:
        if isinstance(recorded, dict) and isinstance(given, dict):
            self._maps(recorded, given, path)
        elif isinstance(recorded, list) and isinstance(given, list):
            assert len(recorded) == len(given), path
            for at, (one, two) in enumerate(zip(recorded, given, strict=True)):
                self.compare(one, two, f"{path}[{at}]")
        elif isinstance(recorded, str) and isinstance(given, str):
            self._texts(recorded, given, path)
        elif type(recorded) is int and recorded > TIMES:
            assert isinstance(given, int), path
            assert given > TIMES, path
        elif path.endswith(".took"):
            assert type(given) is int, path
        else:
            assert (type(recorded), recorded) == (type(given), given), path

    def _maps(self, recorded: dict[str, Any], given: dict[str, Any], path: str) -> None:
        for one, two in zip(
            [key for key in recorded if IDS.fullmatch(key)],
            [key for key in given if IDS.fullmatch(key)],
            strict=True,
        ):
            self._texts(one, two, path)
        named = {self.text(key): value for key, value in recorded.items()}
        assert named.keys() == given.keys(), path
        for key, value in named.items():
            self.compare(value, given[key], f"{path}.{key}")

    def _texts(self, recorded: str, given: str, path: str) -> None:
        if path.endswith(".execution_id"):
            assert given.partition("_")[0] == self.text(recorded).partition("_")[0], path
            return
        one, two = IDS.findall(recorded), IDS.findall(given)
        assert len(one) == len(two), f"{path}: {recorded} {given}"
        for old, new in zip(one, two, strict=True):
            assert self.ids.setdefault(old, new) == new, path
        assert self.text(recorded) == given, path


@pytest.fixture(scope="module")
def replayed() -> list[tuple[Any, int, Any, Alike]]:
    """Every recorded request, in its order, with the answer of the stand-in."""
    state = prepared()
    alike = Alike()
    made = []
    for exchange in EXCHANGES:
        request = exchange["request"]
        if exchange["what"].startswith("more monitors than"):
            state.max_monitors = 1
        if exchange["what"].startswith("more distinct queries"):
            state.budget = [time.monotonic()] * state.compilations
        body = json.loads(alike.text(json.dumps(request.get("body"))))
        agent = request.get("headers", {}).get("User-Agent", "python")
        status, answer = state.answer(request["method"], alike.text(request["path"]), body, agent)
        answer = json.loads(json.dumps(answer))
        try:
            alike.compare(exchange["response"]["body"], answer)
            difference = ""
        except (AssertionError, ValueError) as error:
            difference = str(error).splitlines()[0]
        made.append((exchange, status, answer, difference))
    return made


@pytest.mark.parametrize("number", range(len(EXCHANGES)), ids=lambda n: EXCHANGES[n]["what"])
def test_the_stand_in_answers_as_recorded(replayed: Any, number: int) -> None:
    exchange, status, answer, difference = replayed[number]
    assert status == exchange["response"]["status"], answer
    assert difference == ""


def test_all_recordings_are_replayed() -> None:
    assert len(EXCHANGES) == 35


def test_the_comparison_can_fail() -> None:
    with pytest.raises(AssertionError):
        Alike().compare({"a": 1}, {"a": 2})
    with pytest.raises(AssertionError):
        Alike().compare({"a": 1, "b": 1}, {"a": 1})


def test_what_was_sent_back_unchanged_stays_as_it_is() -> None:
    state = prepared()
    request = EXCHANGES[1]["request"]
    _, made = state.answer("POST", request["path"], request["body"], "")
    url = f"{request['path']}/{made['_id']}"
    _, again = state.answer("PUT", url, made["monitor"], "")
    ignored = {"last_update_time", "schema_version"}
    assert {k: v for k, v in again["monitor"].items() if k not in ignored} == {
        k: v for k, v in made["monitor"].items() if k not in ignored
    }

"""History: intervals that claim nothing for a time in which nobody looked."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.engine.errors import InputError
from assay.engine.history import period, record, store, tested
from assay.engine.history.record import Observed, Verdict
from assay.engine.model import STATUSES

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, 2, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
CONTROLS = (("backup-a", "Backed up", "high", "d1"),)


def scan(catalogue: str = "c1", complete: bool = True, **statuses: str) -> Observed:
    """What a run saw: the status of each resource by its name; `fail:EX-1` is an accepted one."""
    verdicts = []
    for name, word in statuses.items():
        status, _, excepted = word.partition(":")
        who = ("terraform", ".", "default", name)
        verdicts.append(Verdict("backup-a", "aws_x", "high", who, status, excepted or None))
    return Observed("1", catalogue, "p1", "{}", CONTROLS, {}, complete, verdicts)


def add(path: Path, *given: tuple[float, Observed]) -> None:
    with store.connect(path) as database:
        for day, seen in given:
            record.record(database, seen, START + day * DAY, DAY)


def asked(path: Path, days: int = 10, first: int = 0, **more: Any) -> dict[str, Any]:
    with store.connect(path, write=False) as database:
        start = MIDNIGHT + first * DAY
        return period.report(database, start, MIDNIGHT + days * DAY, **more)


def recorded(path: Path, *given: tuple[float, Observed]) -> list[tuple[str, str, int, int, bool]]:
    """Address, status, first and last day and whether it is open, of all intervals."""
    add(path, *given)
    with store.connect(path, write=False) as database:
        days = {run.id: (run.at - START).days for run in store.all_runs(database)}
        rows = database.execute(
            "SELECT address, status, first, last FROM span JOIN subject ON subject.id = subject "
            "ORDER BY subject, first"
        )
        newest = max(days, default=0)
        return [
            (address, STATUSES[status], days[first], days[last or newest], last is None)
            for address, status, first, last in rows
        ]


def gaps(path: Path, days: int) -> list[tuple[int, int, str]]:
    return [
        (_day(gap["after"]), _day(gap["before"]), gap["reason"])
        for gap in asked(path, days)["gaps"]
    ]


def _day(text: str) -> int:
    return (datetime.fromisoformat(text) - MIDNIGHT).days


def test_a_status_is_one_interval_until_it_changes(tmp_path: Path) -> None:
    runs = [
        (0, scan(a="pass", b="fail")),
        (1, scan(a="pass", b="fail")),
        (2, scan(a="fail", b="fail")),
        (3, scan(b="pass")),
    ]
    assert recorded(tmp_path / "h.db", *runs) == [
        ("a", "pass", 0, 1, False),
        ("a", "fail", 2, 2, False),
        ("b", "fail", 0, 2, False),
        ("b", "pass", 3, 3, True),
    ]


@pytest.mark.parametrize(
    ("runs", "expected", "reasons"),
    [
        (
            [(0, scan(a="fail")), (3, scan(a="fail"))],
            [("a", "fail", 0, 0, False), ("a", "fail", 3, 3, True)],
            [(0, 3, "scheduled runs are missing")],
        ),
        (
            [(0, scan(a="fail")), (1, scan(complete=False)), (2, scan(a="fail"))],
            [("a", "fail", 0, 0, False), ("a", "fail", 2, 2, True)],
            [(0, 1, "the run is incomplete"), (1, 2, "the run before was incomplete")],
        ),
        (
            [(0, scan(a="fail")), (1, scan("c2", a="fail"))],
            [("a", "fail", 0, 0, False), ("a", "fail", 1, 1, True)],
            [],
        ),
    ],
    ids=["missing", "incomplete", "another catalogue"],
)
def test_no_interval_crosses_a_gap(
    tmp_path: Path,
    runs: list[tuple[float, Observed]],
    expected: list[tuple[str, str, int, int, bool]],
    reasons: list[tuple[int, int, str]],
) -> None:
    path = tmp_path / "h.db"
    assert recorded(path, *runs) == expected
    assert gaps(path, int(runs[-1][0]) + 1) == reasons


def test_the_edges_of_a_period_are_gaps_where_nobody_looked(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    add(path, (3, scan(a="pass")), (4, scan(a="pass")))
    assert gaps(path, 8) == [(0, 3, "no run yet"), (4, 8, "no run since")]


def test_a_period_says_what_was_tested_and_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    accepted: dict[str, Any] = {"controls": ["backup-a"], "approver": "bob"}
    accepted |= {"approved": "2026-01-01", "expires": "2026-06-01"}
    terms = json.dumps(accepted)
    runs = [
        (0, scan(a="fail", b="pass")),
        (1, scan(a="fail", b="pass")),
        (2, scan(a="pass", b="fail:EX-1")._replace(waivers={"EX-1": terms})),
        (3, scan("c2", a="pass")._replace(controls=(("backup-a", "Backed up", "high", "d2"),))),
    ]
    add(path, *runs)
    found = asked(path, 4, sla={"high": 1})
    days = ["2026-01-01T02:00:00Z", "2026-01-02T02:00:00Z", "2026-01-03T02:00:00Z"]
    last = "2026-01-04T02:00:00Z"
    who = {"check": "aws_x", "source": "terraform", "root": ".", "environment": "default"}
    assert found["runs"]["expected"] == found["runs"]["complete"] == 4
    assert found["gaps"] == []
    changed = {"added": [], "removed": [], "changed": ["backup-a"]}
    assert found["changes"] == [
        {"at": last, "what": "catalogue", "from": "c1", "to": "c2", "controls": changed}
    ]
    seen = {"first_seen": days[2], "last_seen": days[2]}
    assert found["exceptions"] == [{"id": "EX-1", **accepted, **seen}]
    (control,) = found["controls"]
    assert control["runs"] == {"expected": 4, "actual": 4}
    assert control["gaps"] == []
    assert control["changes"] == [{"at": last, "what": "changed"}]
    assert control["exceptions"] == ["EX-1"]
    assert [(row["runs"], row["findings"]) for row in control["population"]] == [
        (3, {"fail": 1, "pass": 1}),
        (1, {"pass": 1}),
    ]
    assert control["deviations"] == [
        {
            **who,
            "address": "a",
            "first_seen": days[0],
            "last_seen": days[1],
            "not_seen_at": days[2],
            "observed_through_gap": False,
            "days": 2.0,
            "sla_days": 1,
            "within_sla": False,
            "excepted_by": [],
        },
        {
            **who,
            "address": "b",
            "first_seen": days[2],
            "last_seen": days[2],
            "not_seen_at": last,
            "observed_through_gap": False,
            "days": 1.0,
            "sla_days": 1,
            "within_sla": True,
            "excepted_by": ["EX-1"],
        },
    ]
    said = "tested in 4 of 4 expected runs: 2 deviations, 1 accepted, 1 over the SLA"
    assert control["result"] == said
    assert not [line for line in period.text(found) if "effective" in line.lower()]


def test_a_deviation_lasts_through_a_gap_and_a_change_of_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    runs = [(0, scan(a="fail")), (1, scan("c2", a="fail")), (9, scan("c2", a="fail"))]
    add(path, *runs)
    (found,) = asked(path, 10, first=8)["controls"][0]["deviations"]
    assert (found["first_seen"], found["days"], found["observed_through_gap"]) == (
        "2026-01-01T02:00:00Z",
        9.0,
        True,
    )


def test_a_run_that_did_not_judge_a_control_says_nothing_of_it(tmp_path: Path) -> None:
    """A scan of one control in between neither mends the others nor tests them."""
    path = tmp_path / "h.db"
    other = (("backup-b", "Copied", "low", "d2"),)
    narrow = scan()._replace(controls=other, parameters="p2")
    add(path, (0, scan(a="fail")), (1, narrow), (2, scan(a="fail")), (3, narrow))
    found = {each["id"]: each for each in asked(path, 5)["controls"]}
    first, second = found["backup-a"], found["backup-b"]
    (deviation,) = first["deviations"]
    assert (deviation["days"], deviation["not_seen_at"]) == (2.0, None)
    assert first["runs"] == {"expected": 5, "actual": 2}
    days = [f"2026-01-0{day}T02:00:00Z" for day in (1, 2, 3, 4)]
    end = "2026-01-06T00:00:00Z"
    assert first["gaps"] == [
        {"after": days[0], "before": days[2], "reason": f"{tested.NOT_JUDGED}the runs between"},
        {"after": days[2], "before": end, "reason": f"{tested.NOT_JUDGED}a run since"},
    ]
    assert [gap["reason"] for gap in second["gaps"]] == [
        f"{tested.NOT_JUDGED}the runs between",
        "no run since",
    ]
    assert [f"gap: {days[0]} to {days[2]}" in line for line in period.text(asked(path, 5))].count(
        True
    ) == 1


def test_a_control_has_the_gaps_of_the_history(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    runs = [
        (2, scan(a="pass")),
        (3, scan(complete=False)),
        (4, scan(a="pass")),
        (7, scan(a="pass")),
    ]
    add(path, *runs)
    (control,) = asked(path, 9)["controls"]
    assert [gap["reason"] for gap in control["gaps"]] == [
        "no run yet",
        "a run between was incomplete",
        "scheduled runs are missing",
        "no run since",
    ]
    assert control["result"] == "tested in 3 of 9 expected runs: no deviation found"


def test_what_was_mended_and_broke_again_is_two_deviations(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    add(path, (0, scan(a="fail")), (1, scan(a="pass")), (2, scan(a="fail")))
    found = asked(path, 3)["controls"][0]["deviations"]
    assert [(row["days"], row["not_seen_at"] is None) for row in found] == [(1.0, False), (0, True)]


def test_retention_forgets_what_ended_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    runs = [(day, scan(a="fail", b="fail" if day < 3 else "pass")) for day in range(10)]
    add(path, *runs)
    with store.connect(path) as database:
        assert record.prune(database, START - 9 * DAY) == 0
    assert gaps(path, 10) == []  # nothing was forgotten
    with store.connect(path) as database:
        gone = record.prune(database, START + 6 * DAY)
    assert gone == 4  # day 0 stays for `a`, which has failed since; day 3 for `b`
    assert recorded(path) == [("a", "fail", 0, 9, True), ("b", "pass", 3, 9, True)]
    assert gaps(path, 10) == [(0, 6, "forgotten: older than what is kept")]
    add(path, (10, scan(a="pass", b="pass")))


def test_time_never_runs_backwards(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    add(path, (0, scan(a="pass")))
    for day in (0, -1):
        with pytest.raises(InputError) as caught:
            add(path, (day, scan(a="fail")))
        assert [problem.code for problem in caught.value.problems] == ["history-clock"]
    assert recorded(path) == [("a", "pass", 0, 0, True)]


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (a)")
    database.close()


def damaged(path: Path) -> None:
    add(path, *((day, scan(a="pass", b="fail")) for day in range(3)))
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * len(data[4096:])
    path.write_bytes(data)


@pytest.mark.parametrize(
    "make",
    [lambda path: path.write_bytes(b"no database at all" * 100), other_database, damaged],
    ids=["text", "another database", "damaged"],
)
def test_what_is_no_history_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    path = tmp_path / "h.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        add(path, (50, scan(a="pass")))
    assert [problem.code for problem in caught.value.problems] == ["history-unusable"]
    assert path.read_bytes() == before


def test_a_locked_history_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.db"
    add(path, (0, scan(a="pass")))
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    with store.connect(path) as other, store.writing(other), pytest.raises(InputError) as caught:
        add(path, (1, scan(a="pass")))
    assert "locked" in caught.value.render()
    add(path, (1, scan(a="pass")))


def test_a_run_that_dies_half_way_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    before = recorded(path, (0, scan(a="pass")))

    def broken() -> Any:
        yield from scan(a="fail").verdicts
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add(path, (1, scan()._replace(verdicts=broken())))
    assert recorded(path) == before


CHILD = """
import sys
sys.path.insert(0, {folder!r})
from test_history import START, DAY, scan, add
from pathlib import Path
path = Path({path!r})
for day in range(1, 10_000):
    add(path, (day, scan(**{{f"a{{n}}": "fail" if (day + n) % 2 else "pass" for n in range(300)}})))
    print(day, flush=True)
"""


def child(path: Path) -> subprocess.Popen[str]:
    program = CHILD.format(folder=str(Path(__file__).parent), path=str(path))
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("wait", [0.0, 0.013, 0.029])
def test_a_killed_process_loses_nothing_that_it_reported(tmp_path: Path, wait: float) -> None:
    path = tmp_path / "h.db"
    with child(path) as running:
        assert running.stdout is not None
        told = [running.stdout.readline() for _ in range(3)]
        time.sleep(wait)
        running.send_signal(signal.SIGKILL)
        told += running.stdout.readlines()
    days = [int(line) for line in told if line.endswith("\n")]
    with store.connect(path) as database:
        store.check(database)
        held = [(run.at - START).days for run in store.all_runs(database)]
        (spans,) = database.execute("SELECT count(*) FROM span WHERE last IS NULL").fetchone()
    assert held[: len(days)] == days
    assert len(held) - len(days) in (0, 1)
    assert spans == 300
    add(path, (held[-1] + 1, scan(a="pass")))


TORN = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 2")
database.execute("BEGIN IMMEDIATE")
database.execute("DELETE FROM span")
rows = ((f"name {n}", "x" * 500) for n in range(500))
database.executemany("INSERT INTO meta VALUES (?, ?)", rows)
os._exit(1)
"""


def test_a_reader_takes_back_what_a_killed_writer_left_half(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    add(path, (0, scan(a="fail")))
    subprocess.run([sys.executable, "-c", TORN, str(path)], check=False)
    assert {each.name for each in tmp_path.iterdir()} == {"h.db", "h.db-journal"}
    assert len(asked(path, 1)["controls"][0]["deviations"]) == 1
    assert recorded(path) == [("a", "fail", 0, 0, True)]


def test_a_full_disk_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    add(path, (0, scan(a="pass")))
    before = recorded(path)
    limit = path.stat().st_size + 8192
    many = {f"resource_{number}": "fail" for number in range(5000)}
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        with pytest.raises(InputError) as caught:
            add(path, (1, scan(**many)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert "free some space; nothing of earlier runs is lost" in caught.value.render()
    assert recorded(path) == before
    add(path, (1, scan(**many)))


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    taken: list[int] = []

    def write(number: int) -> None:
        for _ in range(10):
            with store.connect(path) as database, store.writing(database):
                before = store.last_run(database)
                at = before.at + DAY if before else START
                record.record_within(database, scan(a="pass"), at, 99 * DAY)
            taken.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in (0, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [0] * 10 + [1] * 10 + [2] * 10
    assert recorded(path) == [("a", "pass", 0, 29, True)]


def test_a_reader_makes_no_file_and_changes_none(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with pytest.raises(InputError) as caught:
        asked(path)
    assert [problem.code for problem in caught.value.problems] == ["path-not-found"]
    add(path, (0, scan(a="pass")))
    os.chmod(path, 0o444)
    assert asked(path, 1)["runs"]["complete"] == 1
    assert os.listdir(tmp_path) == ["h.db"]

"""History: intervals that claim nothing for a time in which nobody looked."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.engine import history
from assay.engine.errors import InputError
from assay.engine.model import Finding, Place, Resource, Scan

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, 2, tzinfo=UTC)


def scan(catalogue: str = "c1", **statuses: str) -> Scan:
    findings = [
        Finding(
            "backup-a",
            "aws_x",
            status,
            "high",
            Resource("terraform", "aws_x", name, {}, Place("a.tf")),
        )
        for name, status in statuses.items()
    ]
    return Scan("1", catalogue, (), lambda: iter(findings), {}, (), (), (), (), {}, ())


def recorded(path: Path, *given: tuple[int, Scan, bool]) -> list[tuple[str, str, int, int, bool]]:
    """Address, status, first and last day and whether it is open, of all intervals."""
    with history.connect(path) as database:
        for day, found, complete in given:
            history.record(database, found, START + day * DAY, complete, DAY)
        found_intervals = history.intervals(database, START, START + 99 * DAY)
        return [
            (
                each.address,
                each.status,
                (each.first - START).days,
                (each.last - START).days,
                each.open,
            )
            for each in found_intervals
        ]


def test_a_status_is_one_interval_until_it_changes(tmp_path: Path) -> None:
    runs = [
        (0, scan(a="pass", b="fail"), True),
        (1, scan(a="pass", b="fail"), True),
        (2, scan(a="fail", b="fail"), True),
        (3, scan(b="pass"), True),
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
            [(0, scan(a="fail"), True), (3, scan(a="fail"), True)],
            [("a", "fail", 0, 0, False), ("a", "fail", 3, 3, True)],
            ["scheduled runs are missing"],
        ),
        (
            [(0, scan(a="fail"), True), (1, scan(), False), (2, scan(a="fail"), True)],
            [("a", "fail", 0, 0, False), ("a", "fail", 2, 2, True)],
            ["the run is incomplete", "the run before was incomplete"],
        ),
        (
            [(0, scan(a="fail"), True), (1, scan("c2", a="fail"), True)],
            [("a", "fail", 0, 0, False), ("a", "fail", 1, 1, True)],
            [],
        ),
    ],
    ids=["missing", "incomplete", "another catalogue"],
)
def test_no_interval_crosses_a_gap(
    tmp_path: Path,
    runs: list[tuple[int, Scan, bool]],
    expected: list[tuple[str, str, int, int, bool]],
    reasons: list[str],
) -> None:
    path = tmp_path / "h.db"
    assert recorded(path, *runs) == expected
    with history.connect(path) as database:
        found = history.gaps(database, START, START + 99 * DAY)
    assert [gap.reason for gap in found] == reasons


def test_time_never_runs_backwards(tmp_path: Path) -> None:
    with history.connect(tmp_path / "h.db") as database:
        history.record(database, scan(a="pass"), START, True, DAY)
        with pytest.raises(InputError) as caught:
            history.record(database, scan(a="fail"), START, True, DAY)
        assert [problem.code for problem in caught.value.problems] == ["history-clock"]
    assert recorded(tmp_path / "h.db") == [("a", "pass", 0, 0, True)]


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError) as caught, history.connect(path):
        pass
    assert [problem.code for problem in caught.value.problems] == ["history-unusable"]
    assert path.read_bytes() == b"no database at all" * 100


def test_a_run_that_dies_half_way_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    before = recorded(path, (0, scan(a="pass"), True))

    def broken() -> object:
        yield from scan(a="fail").findings()
        raise KeyboardInterrupt

    dying = scan()._replace(findings=broken)  # type: ignore[arg-type]
    with history.connect(path) as database, pytest.raises(KeyboardInterrupt):
        history.record(database, dying, START + DAY, True, DAY)
    assert recorded(path) == before


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    taken: list[int] = []

    def write(number: int) -> None:
        for day in range(number, 20, 2):
            with history.connect(path) as database:
                try:
                    history.record(database, scan(a="pass"), START + day * DAY, True, 99 * DAY)
                    taken.append(day)
                except InputError:
                    pass  # the other one was quicker with a later day

    threads = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sqlite3.connect(path) as database:
        (count,) = database.execute("SELECT count(*) FROM run").fetchone()
        (spans,) = database.execute("SELECT count(*) FROM span").fetchone()
    database.close()
    assert (count, spans) == (len(taken), 1)
    assert max(taken) >= 18

"""What a history costs: 180 nights of 12,000 findings, its size and the time of a question.

    python tests/bench/evidence.py [NIGHTS] [FINDINGS]

Every night a hundredth of the findings changes its status; the catalogue changes once a month.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.engine.history import period, record, store
from assay.engine.history.record import Observed, Verdict

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, 2, tzinfo=UTC)
CONTROLS = 60
CHURN = 100
SLOW = 2_654_435_761  # spreads the changes over the findings


def night(number: int, findings: int) -> Observed:
    """A run: the first tenth of the findings fails, and a few change each night."""
    verdicts = []
    for each in range(findings):
        control = f"backup-control-{each % CONTROLS}"
        who = ("terraform", f"live/{each % 7}", "default", f"module.m.aws_x.resource[{each}]")
        changed = sum((each * SLOW + past) % CHURN == past for past in range(number + 1))
        status = "fail" if (each % 10 == 0) ^ (changed % 2) else "pass"
        verdicts.append(Verdict(control, "aws_x", "high", who, status, None))
    controls = [(f"backup-control-{n}", "A title", "high", "d") for n in range(CONTROLS)]
    return Observed("1", f"c{number // 30}", "p", "{}", controls, {}, True, verdicts)


def main(nights: int = 180, findings: int = 12_000) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        spent = 0.0
        with store.connect(path) as database:
            for number in range(nights):
                seen = night(number, findings)
                begun = time.perf_counter()
                record.record(database, seen, START + number * DAY, DAY)
                spent += time.perf_counter() - begun
            (spans,) = database.execute("SELECT count(*) FROM span").fetchone()
        print(f"{nights} nights of {findings:,} findings, {spans:,} intervals")
        print(f"  size       {os.path.getsize(path) / 1e6:8.2f} MB")
        print(f"  recording  {spent / nights:8.3f} s a night")
        middle = START + (nights // 2) * DAY
        for name, start, days, control in (
            ("all of it", START, nights, None),
            ("a month", middle, 30, None),
            ("a month, one control", middle, 30, "backup-control-7"),
            ("a day", middle, 1, None),
        ):
            best = 9.0
            for _ in range(3):
                begun = time.perf_counter()
                with store.connect(path, write=False) as database:
                    found = period.report(database, start, start + days * DAY, control=control)
                best = min(best, time.perf_counter() - begun)
            rows = sum(len(each["deviations"]) for each in found["controls"])
            print(f"  period: {name:22}{best:8.3f} s, {rows:,} deviations")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

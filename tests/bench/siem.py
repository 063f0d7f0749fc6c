"""Conversion of SigmaHQ's rules and matching of events, as a table: `python tests/bench/siem.py`.

Not called sigma.py: as a script it would hide pySigma. Times are of the processor, not of the
clock, so that a busy machine does not spoil them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.engine.siem import examples, match
from assay.engine.siem.convert import convert_rules
from assay.engine.siem.load import load
from assay.engine.siem.sources import FOLDER

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("ASSAY_CORPORA", ROOT.parent / "shared/corpora")) / "sigmahq"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def main() -> int:
    if not CORPUS.is_dir():
        print("needs the public corpora beside the repository or in $ASSAY_CORPORA")
        return 2
    folders = sorted(str(path) for path in CORPUS.glob("rules*"))
    seconds, loaded = timed(lambda: load(folders))
    print(f"load      {len(loaded.rules):6} rules   {seconds:6.2f} s")
    seconds, done = timed(lambda: convert_rules(loaded))
    print(f"convert   {len(done.converted):6} rules   {seconds:6.2f} s")
    own = convert_rules(load([str(FOLDER / "detections")]))
    seconds, tested = timed(lambda: examples.judge(own, ["sigma", "dsl"]))
    print(f"test      {tested.rules:6} rules   {seconds:6.2f} s   {tested.events} events")
    events = [
        event
        for one in own.converted
        for word in ("match", "miss")
        for event in one.rule.document["events"][word]
    ] * 20
    seconds, _ = timed(lambda: list(match.by_meaning(own.converted, events)))
    print(
        f"match     {len(events):6} events  {seconds:6.2f} s   {len(events) / seconds:.0f} a second"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

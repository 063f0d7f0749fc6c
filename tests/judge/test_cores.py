"""Judging on several cores gives what judging on one gives, and outlives a child that dies."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from assay.engine import cli, files
from assay.engine.catalogue.load import load
from assay.engine.judge import cores, judging
from assay.engine.kubernetes import loader
from assay.engine.scan import ScanOptions, scan

CATALOGUE = load()
ESTATES = Path(__file__).parents[2] / "fixtures" / "estate"
LOADED = [
    loader.load(files.discover([str(path)]))
    for path in sorted(ESTATES.rglob("manifests"))
    if path.is_dir()
]


def told(**options):
    found = scan(CATALOGUE, LOADED, ScanOptions(**options))
    rows = [(*each[:4], each.resource.address, *each[5:]) for each in found.findings()]
    return rows, found.counts, list(found.coverage), list(found.gaps)


@pytest.fixture(scope="module")
def alone():
    return told(jobs=1)


@pytest.mark.parametrize("jobs", [2, 3, 7])
def test_any_number_of_processes_finds_the_same(alone, jobs):
    assert len(alone[0]) > 3_000
    assert told(jobs=jobs) == alone
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no child is left


def test_work_of_a_child_that_dies_is_done_here(alone, monkeypatch):
    monkeypatch.setattr(judging._Judging, "answer", lambda _: os._exit(9))
    assert told(jobs=2) == alone


def test_a_check_that_runs_out_of_steps_is_judged_in_order(alone, monkeypatch):
    gave = judging._Judging.gave_up
    seen = []

    def gave_up(self):
        seen.append(gave(self))
        return len(seen) == 1 or seen[-1]  # in a child, or here if it is asked first

    monkeypatch.setattr(judging._Judging, "gave_up", gave_up)
    assert told(jobs=2) == alone
    assert seen


def test_a_fault_here_ends_the_children():
    started = []

    def work(parts):
        if parts[0] == 0:
            raise KeyboardInterrupt
        started.append(parts)
        os.read(os.pipe()[0], 1)  # for ever

    with pytest.raises(KeyboardInterrupt):
        cores.spread([0, 1, 2], 3, work, lambda: None, lambda _: None)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_option_gives_the_same_bytes(capsys):
    outputs = []
    for jobs in ("1", "3"):
        cli.main(["scan", str(ESTATES / "weak"), "--jobs", jobs, "-f", "json"])
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert cli.main(["scan", str(ESTATES), "--jobs", "99"]) == 2
    assert "--jobs takes a number" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", [0, 1, 2])
def test_nothing_at_all_is_judged_too(jobs, tmp_path, capsys):
    control = "secret-no-literals"
    assert cli.main(["scan", str(tmp_path), "--control", control, "--jobs", str(jobs)]) == 0
    assert "0 resources" in capsys.readouterr().out


def test_beside_other_threads_nothing_is_forked(alone, monkeypatch):
    def refused():
        raise AssertionError("forked beside a thread")

    monkeypatch.setattr(os, "fork", refused)
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert told(jobs=2) == alone
    finally:
        done.set()
        other.join()

"""Progress: what a person sees of long work, and that nobody else does."""

from __future__ import annotations

import io
import sys

import pytest

from assay.engine import terminal


def test_it_says_how_long_it_may_take_and_goes_again() -> None:
    times = iter([0.0, 1.0, 2.0, 2.1, 30.0])
    stream = io.StringIO()
    shown = terminal.Progress(stream, "judging", lambda: next(times))
    for done in (1, 10, 11, 100):
        shown(done, 400)
    shown.end()
    assert stream.getvalue() == (
        "\r\x1b[Kjudging: 2 %, about 1 min 18 s left"
        "\r\x1b[Kjudging: 25 %, about 1 min 30 s left\r\x1b[K"
    )


def test_short_work_says_nothing() -> None:
    stream = io.StringIO()
    shown = terminal.Progress(stream, "judging", lambda: 0.0)
    shown(1, 2)
    shown.end()
    assert stream.getvalue() == ""


def test_only_a_person_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert terminal.progress("judging", quiet=False) is not None
    assert terminal.progress("judging", quiet=True) is None
    monkeypatch.setenv("CI", "true")
    assert terminal.progress("judging", quiet=False) is None
    monkeypatch.delenv("CI")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert terminal.progress("judging", quiet=False) is None

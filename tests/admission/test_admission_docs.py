"""The page that lists what is exported says what the exports do."""

from __future__ import annotations

from tools import admission_docs


def test_the_page_is_current() -> None:
    said = admission_docs.FILE.read_text("utf-8")
    assert said == admission_docs.text(), "run tests/tools/admission_docs.py"

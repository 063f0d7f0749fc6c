"""The style of the HTML report: one sheet, allowed by its digest; light, dark and paper."""

from __future__ import annotations

from pathlib import Path


def style() -> str:
    """The sheet, as it stands inside the page."""
    return Path(__file__).with_name("report.css").read_text("utf-8").strip()

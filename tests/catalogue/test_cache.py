"""The kept catalogue: the same answers, and never anything that another user can have written."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.engine.catalogue import cache, load
from assay.engine.catalogue.controls import Catalogue
from assay.engine.catalogue.load import RuleFile
from assay.engine.model import Loaded, Place, Resource
from assay.engine.scan import ScanOptions, scan

CONTROL = """
id: network-test
title: A test
severity: high
why: Because.
checks:
  - for: aws_x
    when: has(resource.a)
    assert: cidrs.covers(resource.a, "10.0.0.0/8") || resource.b.contains("x")
    message: '{address} has {size(resource.a)}'
    fix: Write it.
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("ASSAY_NO_CACHE", raising=False)
    return tmp_path / "assay"


def built() -> Catalogue:
    return load.build([RuleFile("rules/network/a.yaml", "network", CONTROL)])


def answers(catalogue: Catalogue) -> list[tuple[str, str]]:
    resources = [
        Resource("terraform", "aws_x", f"aws_x.{n}", values, Place("a.tf"))
        for n, values in enumerate(
            [{}, {"a": ["10.0.0.0/7"]}, {"a": [], "b": "xy"}, {"a": [], "b": "y"}, {"a": []}]
        )
    ]
    result = scan(catalogue, [Loaded(resources, [], [])], ScanOptions())
    return [(finding.status, finding.message) for finding in result.findings()]


def test_a_kept_catalogue_gives_the_same_answers(home: Path) -> None:
    fresh = built()
    cache.put("k", fresh)
    kept = cache.get("k")
    assert kept is not None
    assert answers(kept) == answers(fresh)
    assert [status for status, _ in answers(fresh)] == [
        "not_applicable",
        "pass",
        "pass",
        "fail",
        "error",
    ]
    assert home.stat().st_mode & 0o777 == 0o700


def test_what_another_could_have_written_is_not_read(home: Path) -> None:
    cache.put("k", built())
    (file,) = home.iterdir()
    file.chmod(0o666)
    assert cache.get("k") is None
    file.chmod(0o600)
    assert cache.get("k") is not None
    home.chmod(0o755)
    assert cache.get("k") is None


def test_a_damaged_or_missing_file_and_a_link_are_passed_over(home: Path) -> None:
    assert cache.get("k") is None
    cache.put("k", built())
    (file,) = home.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert cache.get("k") is None
    file.write_bytes(whole)
    other = home.parent / "elsewhere.bin"
    file.rename(other)
    file.symlink_to(other)
    assert cache.get("k") is None


def test_an_unwritable_cache_is_no_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.parent.joinpath("file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home.parent / "file"))
    cache.put("k", built())
    assert cache.get("k") is None

"""Objects without a namespace take the short way where nothing reads it: with the same outcome."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.engine import files
from assay.engine.catalogue.load import load
from assay.engine.judge import unplaced, verdicts
from assay.engine.kubernetes import loader
from assay.engine.scan import ScanOptions, scan

CATALOGUE = load()
ESTATES = Path(__file__).parents[2] / "fixtures" / "estate"


@pytest.fixture(scope="module")
def homeless(tmp_path_factory):
    """The manifests of both estates, without the namespaces of their objects."""
    folder = tmp_path_factory.mktemp("homeless")
    for path in sorted(ESTATES.rglob("manifests/**/*.yaml")):
        name = "-".join(path.relative_to(ESTATES).parts)
        text = re.sub(r"(?m)^  namespace: \S+\n", "", path.read_text())
        (folder / name).write_text(text)
    return loader.load(files.discover([str(folder)]))


def told(loaded):
    found = scan(CATALOGUE, [loaded], ScanOptions())
    return [(*each[:4], each.resource.address, *each[5:]) for each in found.findings()]


def test_the_short_way_says_what_the_long_one_says(homeless, monkeypatch):
    assert sum(each.unplaced for each in homeless.resources) > 60
    short = told(homeless)
    monkeypatch.setattr(verdicts.Judge, "blind", lambda _: False)
    monkeypatch.setattr(unplaced, "blind_view", lambda _: False)
    assert told(homeless) == short
    statuses = {each[2] for each in short}
    assert {"pass", "fail", "unknown", "not_applicable"} <= statuses


def test_what_reads_the_namespace_is_not_blind():
    seen = {
        check.control: unplaced.blind(check.rules)
        for control in CATALOGUE.controls
        for check in control.checks
        if check.view == "workload"
    }
    assert sum(seen.values()) > 60
    for control in CATALOGUE.controls:
        for check in control.checks:
            rules = check.rules
            read = {
                path[-1] for path in rules.assertion.reads if path[:2] == ("object", "metadata")
            }
            if "namespace" in read:
                assert not unplaced.blind(rules), check.id

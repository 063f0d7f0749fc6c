"""A requirement can ask more of a parameter than its default gives: the run is raised, or laxer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.engine import cli
from assay.engine.catalogue import load, selection
from assay.engine.catalogue.load import RuleFile, build
from assay.engine.errors import InputError

FLOW = "network-flow-logs-kept"
KEPT = """
resource "azurerm_network_watcher_flow_log" "a" {
  enabled = true
  retention_policy {
    enabled = true
    days    = %d
  }
}
"""


def statuses(folder: Path, *words: str) -> list[str]:
    report = folder / "out.json"
    cli.main(["scan", str(folder), "-f", f"json={report}", *words])
    found = json.loads(report.read_text())["findings"]
    return [each["status"] for each in found if each["control"] == FLOW]


def test_a_framework_raises_what_is_laxer(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(KEPT % 90)
    params = tmp_path / "params.yaml"
    params.write_text(f"{FLOW}: {{days: 90}}\n")
    assert statuses(tmp_path) == ["pass"]
    assert statuses(tmp_path, "--framework", "cis-azure") == ["pass"]
    assert statuses(tmp_path, "--framework", "pci-dss") == ["fail"]
    assert statuses(tmp_path, "--framework", "pci-dss", "--params", str(params)) == ["pass"]
    (tmp_path / "main.tf").write_text(KEPT % 365)
    assert statuses(tmp_path, "--framework", "pci-dss") == ["pass"]


def test_a_laxer_run_satisfies_nothing(tmp_path: Path) -> None:
    control = load.load().control(FLOW)
    assert control is not None
    [mapping] = [each for each in control.frameworks if each.requirement == "10.5.1"]
    assert selection.laxer(mapping, {"days": 365}) == []
    assert selection.laxer(mapping, {"days": 90}) == ["days is 90, and at least 365 is asked"]
    (tmp_path / "main.tf").write_text(KEPT % 90)
    page = tmp_path / "out.html"
    cli.main(["scan", str(tmp_path), "--control", FLOW, "-f", f"html={page}"])
    assert page.read_text().count("laxer than asked: days is 90, and at least 365 is asked") == 1


GOOD = """
id: network-own
title: Own
severity: low
why: Because.
frameworks: {f: {r: {relation: satisfies, because: it does, asks: %s}}}
params: {days: {type: int, default: 1, about: days}, word: {type: string, default: a, about: b}}
checks:
  - for: Pod
    assert: params.days > 0
    message: no
    fix: none
    examples:
      - {name: a, status: pass, manifest: "apiVersion: v1\\nkind: Pod\\nmetadata: {name: a}"}
"""


@pytest.mark.parametrize(
    ("asks", "code"),
    [
        ("{hours: {min: 1}}", "control-framework"),
        ("{word: {min: 1}}", "control-framework"),
        ("{days: {min: x}}", "control-type"),
        ("{days: {least: 1}}", "control-key"),
    ],
)
def test_what_cannot_be_asked_is_refused(asks: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        build([RuleFile("rules/network/own.yaml", "network", GOOD % asks)])
    assert [each.code for each in caught.value.problems] == [code]


def test_bounds_both_ways() -> None:
    text = GOOD % "{days: {min: 2, max: 3}}"
    control = build([RuleFile("rules/network/own.yaml", "network", text)]).controls[0]
    said = [selection.laxer(control.frameworks[0], {"days": days}) for days in (1, 2, 3, 4)]
    assert [len(each) for each in said] == [1, 0, 0, 1]
    assert selection.raised([control], ["f"], {}) == {"network-own": {"days": 2}}
    assert selection.raised([control], ["f"], {"network-own": {"days": 1}}) == {}

"""What the catalogue covers of a framework, and the pages that describe it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from assay.engine.catalogue import load
from assay.engine.cli import main
from assay.engine.commands import controls_coverage, controls_docs

FRAMEWORK = """
id: house
title: Rules of the house
requirements: {R1: kept whole, R2: helped, R3: by a person, R4: by nobody}
"""
CONTROL = """
id: network-house-{name}
title: "{title}"
severity: low
why: because
frameworks:
  house: {mapped}
checks:
  - for: aws_vpc
    assert: has(resource.cidr_block)
    message: "{{address}} is open"
    fix: Close <it> | now.
"""
PERSON = """
id: network-house-person
title: Somebody looks
severity: low
why: because
manual: Ask the gatekeeper.
frameworks:
  house:
    R2: {relation: satisfies, because: asked}
    R3: {relation: satisfies, because: asked}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    (folder / "frameworks").mkdir(parents=True)
    (folder / "frameworks" / "house.yaml").write_text(FRAMEWORK)
    whole = "{R1: {relation: satisfies, because: all}, R2: {relation: partial, because: some}}"
    help = "{R1: {relation: supports, because: some}}"
    texts = {
        "a": CONTROL.format(name="a", title="The door <is> shut", mapped=whole),
        "b": CONTROL.format(name="b", title="The window is shut", mapped=help),
        "person": PERSON,
    }
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_coverage_tells_the_strongest_state_of_each_requirement(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["controls", "coverage", "--framework", "house", "--rules", str(rules)]
    assert main([*words, "-f", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"covered": 1, "partly": 1, "person": 1, "none": 1}
    assert [
        (each["id"], each["state"], [(c["control"], c["relation"]) for c in each["controls"]])
        for each in found["requirements"]
    ] == [
        ("R1", "covered", [("network-house-a", "satisfies"), ("network-house-b", "supports")]),
        ("R2", "partly", [("network-house-a", "partial"), ("network-house-person", "satisfies")]),
        ("R3", "person", [("network-house-person", "satisfies")]),
        ("R4", "none", []),
    ]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Rules of the house",
        "",
        "R1  covered   kept whole   network-house-a, network-house-b",
        "R2  partly    helped       network-house-a, network-house-person",
        "R3  a person  by a person  network-house-person",
        "R4  nothing   by nobody",
        "",
        "4 requirements: 1 covered, 1 partly, 1 a person, 1 nothing",
    ]


def test_an_unknown_framework_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["controls", "coverage", "--framework", "nist-800-53-r4"]) == 2
    assert "did you mean `nist-800-53-r5`?" in capsys.readouterr().err


def test_docs_writes_removes_and_checks(
    rules: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "docs"
    words = ["controls", "docs", str(folder), "--rules", str(rules)]
    assert main([*words, "--check"]) == 1
    assert not folder.exists()
    assert main(words) == 0
    assert main([*words, "--check"]) == 0
    page = (folder / "network-house-a.md").read_text()
    assert "# The door \\<is\\> shut" in page
    assert "| `aws_vpc` | `aws_vpc` | Close \\<it\\> \\| now. |" in page
    (folder / "network-house-a.md").write_text("changed")
    (folder / "network-gone.md").write_text(f"{controls_docs.MARK}\nleft over")
    (folder / "notes.md").write_text("somebody's own")
    capsys.readouterr()
    assert main([*words, "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"not current: {folder.as_posix()}/network-gone.md",
        f"not current: {folder.as_posix()}/network-house-a.md",
    ]
    assert main(words) == 0
    assert (folder / "network-house-a.md").read_text() == page
    assert not (folder / "network-gone.md").exists()
    assert (folder / "notes.md").read_text() == "somebody's own"


def test_every_page_is_reached_and_every_link_leads_somewhere() -> None:
    files = load.read_files()
    catalogue = load.from_files(files)
    pages = controls_docs.pages(catalogue, controls_coverage.frameworks(files))
    links = {name: set(re.findall(r"\]\(([^)]+)\)", text)) for name, text in pages.items()}
    assert [(name, link) for name in links for link in links[name] if link not in pages] == []
    for index in ("README.md",):
        assert {f"{control.id}.md" for control in catalogue.controls} <= links[index]
    checks = sum(len(control.checks) for control in catalogue.controls)
    assert f"{len(catalogue.controls)} controls with {checks} checks" in pages["README.md"]


def test_the_pages_of_the_repository_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    """Renew them with `assay controls docs docs/controls`."""
    folder = Path(__file__).parents[2] / "docs" / "controls"
    assert main(["controls", "docs", str(folder), "--check"]) == 0, capsys.readouterr().out

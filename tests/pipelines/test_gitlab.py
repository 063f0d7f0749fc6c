"""GitLab CI files expanded as GitLab would: whole jobs, with the places of what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.engine.files import discover
from assay.engine.pipelines.loader import Options, load


def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> Any:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return load(discover(["."]), Options())


def jobs(found: Any) -> Any:
    return found.resources[0].values["jobs"]


def test_extends_merges_maps_and_replaces_lists(tmp_path: Path, monkeypatch: Any) -> None:
    text = """
.base:
  stage: build
  variables: {A: "1", B: "2"}
  script: [one]
.more: {tags: [x], variables: {B: "3"}}
job:
  extends: [.base, .more]
  script: [two]
"""
    found = loaded(tmp_path, monkeypatch, {".gitlab-ci.yml": text})
    assert jobs(found) == {
        "job": {
            "name": "job",
            "stage": "build",
            "variables": {"A": "1", "B": "3"},
            "tags": ["x"],
            "script": ["two"],
            "extends": [".base", ".more"],
        }
    }
    assert found.errors == []
    assert found.resources[0].locate(("jobs", "job", "script"))[:3] == (".gitlab-ci.yml", 9, 3)


def test_reference_is_flattened_into_lists(tmp_path: Path, monkeypatch: Any) -> None:
    text = """
.setup: {script: [a, b]}
.deep: {script: [!reference [.setup, script], c]}
job: {script: [!reference [.deep, script], d], image: !reference [.none, image]}
"""
    found = loaded(tmp_path, monkeypatch, {".gitlab-ci.yml": text})
    assert jobs(found)["job"]["script"] == ["a", "b", "c", "d"]
    assert [error.code for error in found.errors] == ["pipeline-reference"]


def test_defaults_are_inherited_unless_refused(tmp_path: Path, monkeypatch: Any) -> None:
    text = """
default: {image: "python@sha256:00", tags: [a]}
before_script: [x]
one: {script: [s]}
two: {script: [s], inherit: {default: [tags]}}
three: {script: [s], inherit: {default: false}, image: {name: alpine}}
"""
    found = jobs(loaded(tmp_path, monkeypatch, {".gitlab-ci.yml": text}))
    image = {"name": "python@sha256:00"}
    one = {"image": image, "tags": ["a"], "before_script": ["x"], "script": ["s"]}
    two = {"tags": ["a"], "script": ["s"], "inherit": {"default": ["tags"]}}
    three = {"script": ["s"], "inherit": {"default": False}, "image": {"name": "alpine"}}
    common = {"stage": "test"}
    assert found == {
        "one": {**one, **common, "name": "one"},
        "two": {**two, **common, "name": "two"},
        "three": {**three, **common, "name": "three"},
    }


def test_local_includes_are_followed_and_the_including_file_wins(
    tmp_path: Path, monkeypatch: Any
) -> None:
    files = {
        ".gitlab-ci.yml": "include: [{local: /ci/a.yml}, 'ci/more/*.yml']\nlint: {stage: build}\n",
        "ci/a.yml": "lint: {script: [lint], stage: test}\n",
        "ci/more/b.yml": "unit: {script: [unit]}\n",
    }
    found = loaded(tmp_path, monkeypatch, files)
    assert jobs(found) == {
        "lint": {"name": "lint", "script": ["lint"], "stage": "build"},
        "unit": {"name": "unit", "script": ["unit"], "stage": "test"},
    }
    assert found.resources[0].locate(("jobs", "unit"))[:2] == ("ci/more/b.yml", 1)
    assert found.errors == found.gaps == []


def test_gitlabs_own_templates_are_known_and_can_be_overridden(
    tmp_path: Path, monkeypatch: Any
) -> None:
    text = """
include:
  - template: Jobs/Secret-Detection.gitlab-ci.yml
  - component: $CI_SERVER_FQDN/components/secret-detection/secret-detection@1
  - remote: https://example.com/x.yml
  - project: platform/ci
    ref: main
    file: /t.yml
secret_detection: {allow_failure: false}
"""
    found = loaded(tmp_path, monkeypatch, {".gitlab-ci.yml": text})
    job = jobs(found)["secret_detection"]
    assert (job["allow_failure"], job["purpose"]) == (False, "secret-detection")
    assert [(gap.kind, gap.place.line) for gap in found.gaps] == [("include", 5), ("include", 6)]
    shown = [(each["kind"], each["known"]) for each in found.resources[0].values["included"]]
    assert shown == [
        ("template", True),
        ("component", True),
        ("remote", False),
        ("project", False),
    ]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a: {extends: a, script: [x]}", ["pipeline-extends"]),
        ("a: {extends: b}\nb: {extends: a}", ["pipeline-extends"]),
        ("a: {extends: .none, script: [x]}", ["pipeline-extends"]),
        ("a: {script: !reference [a, script]}", ["pipeline-reference"]),
        ("include: /none.yml\na: {script: [x]}", ["pipeline-include"]),
        ("include: ../../etc/passwd\na: {script: [x]}", ["pipeline-include"]),
        ("include: .gitlab-ci.yml\na: {script: [x]}", []),
        ("a: [", ["yaml-syntax"]),
        ("- a", ["pipeline-shape"]),
        ("a: " + "[" * 5000, ["yaml-syntax"]),
    ],
)
def test_bad_pipelines_are_errors_with_places(
    tmp_path: Path, monkeypatch: Any, text: str, codes: list[str]
) -> None:
    found = loaded(tmp_path, monkeypatch, {".gitlab-ci.yml": text})
    assert [error.code for error in found.errors] == codes

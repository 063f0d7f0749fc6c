"""What `assay init` writes: a configuration, and files for GitLab and GitHub."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from assay.engine.cli import version

Inner = Callable[[str], str]
OWNERS = ("CODEOWNERS", ".gitlab/CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS")
ORDER = ("dev", "sandbox", "test", "qa", "int", "uat", "staging", "preprod", "production")


class Root(NamedTuple):
    """A Terraform root, and its files of variables by environment."""

    folder: str
    environments: Mapping[str, tuple[str, ...]]


class Chart(NamedTuple):
    """A chart, and its files of values by environment."""

    folder: str
    environments: Mapping[str, tuple[str, ...]]


class Found(NamedTuple):
    """What a repository holds; `hosts` are gitlab and github, where its CI runs."""

    roots: tuple[Root, ...]
    charts: tuple[Chart, ...]
    kustomizations: int
    manifests: int
    hosts: frozenset[str]
    owners: str


def summary(found: Found) -> str:
    """A line of what was found."""

    def count(number: int, word: str) -> str:
        return f"{number} {word}{'' if number == 1 else 's'}"

    parts = [
        count(len(found.roots), "Terraform root"),
        count(len(found.charts), "chart"),
        count(found.kustomizations, "kustomization"),
        count(found.manifests, "YAML or JSON file"),
    ]
    return f"found: {', '.join(parts)}"


def configuration(found: Found) -> str:
    """The text of `assay.yaml`."""
    return "".join(_configuration(found))


def _configuration(found: Found) -> Iterator[str]:
    yield (
        "# What this project decides of its scans. A scan reads it only where --config names it,\n"
        "# and `--changed-since REV` reads it in REV: a change must not judge itself.\n"
        "# Every key: docs/configuration.md of Assay. Names are relative to this file.\n\n"
    )
    declared = [each.environments for each in found.roots]
    declared += [each.environments for each in found.charts]
    named = {name for each in declared for name in each}
    if named:
        yield "# Each root and chart once for every environment that declares it; the rest once.\n"
        yield "environments:\n"
        for environment in sorted(named, key=ORDER.index):
            yield from _environment(environment, found)
    else:
        yield (
            "# No environments were recognised. Declare them, and each is judged with its values:\n"
            "environments: {}\n"
            "#   production:\n"
            "#     terraform: [{root: infra, var-files: [infra/production.tfvars]}]\n"
            "#     charts: [{chart: charts/api, values: [charts/api/values-production.yaml]}]\n"
        )
    if found.owners:
        yield f"\nowners: {_word(found.owners)}   # who answers for a file, in `-f json`\n"
    yield (
        "\n# Lists that feed the controls which ask for them:\n"
        "# registries: [registry.example.com/]\n"
        "# regions: [eu-central-1]\n"
        "# zones: [eu-central-1a, eu-central-1b, eu-central-1c]\n"
        "\n# Thresholds of a control, everywhere or for paths (`assay controls show ID`):\n"
        "# params:\n"
        "#   backup-database-retention: {days: 14}\n"
        "# disable:\n"
        "#   - {control: multi-az-database, reason: one zone is enough here}\n"
        "\n# Controls of your own (`assay controls new`), and what is accepted, with a date:\n"
        "# rules: [policies]\n"
        "# exceptions: exceptions\n"
        "# baseline: baseline.json   # `assay baseline write . -o baseline.json`\n"
    )


def _environment(name: str, found: Found) -> Iterator[str]:
    yield f"  {name}:\n"
    roots = [each for each in found.roots if name in each.environments]
    if roots:
        yield "    terraform:\n"
    for root in roots:
        files = root.environments[name]
        given = f", var-files: [{', '.join(map(_word, files))}]" if files else ""
        yield f"      - {{root: {_word(root.folder)}{given}}}\n"
    charts = [each for each in found.charts if name in each.environments]
    if charts:
        yield "    charts:\n"
    for chart in charts:
        values = ", ".join(map(_word, chart.environments[name]))
        yield f"      - {{chart: {_word(chart.folder)}, values: [{values}]}}\n"


def _word(text: str) -> str:
    """A text as YAML writes it in a flow: bare where nothing in it has a meaning."""
    return text if re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./-]*", text) else json.dumps(text)


def gitlab() -> str:
    """A GitLab file to include: the gate in merge requests, everything on the default branch."""
    return f"""\
# The gate: what a merge request brings must not fail; on the default branch all of it is judged.
# Include it from .gitlab-ci.yml.
assay:
  stage: test
  image: python:3.13-slim   # or an image of your own that has Assay
  variables:
    GIT_DEPTH: "0"   # --changed-since reads the commit that the change starts from
  before_script:
    - apt-get update -qq && apt-get install -y -qq --no-install-recommends git >/dev/null
    - pip install --quiet "assay-policy[charts]=={version()}"
  script:
    - |
      assay scan . --config assay.yaml \\
        ${{CI_MERGE_REQUEST_DIFF_BASE_SHA:+--changed-since "$CI_MERGE_REQUEST_DIFF_BASE_SHA"}} \\
        -f text -f gitlab-codequality=gl-code-quality-report.json \\
        -f gitlab-sast=gl-sast-report.json -f junit=assay-junit.xml -f markdown=assay.md
  artifacts:
    when: always
    paths: [assay.md]
    reports:
      codequality: gl-code-quality-report.json
      sast: gl-sast-report.json
      junit: assay-junit.xml
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""


def github() -> str:
    """A GitHub workflow: the gate in pull requests, everything on the default branch."""
    return f"""\
# The gate: what a pull request brings must not fail; on the default branch all of it is judged.
name: assay
on:
  pull_request:
  push:
    branches: [main, master]
permissions:
  contents: read
jobs:
  gate:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      security-events: write   # to show findings beside the code
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0   # --changed-since reads the commit that the change starts from
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.13"
      - run: pip install --quiet "assay-policy[charts]=={version()}"
      - name: assay scan
        env:
          BASE: ${{{{ github.event.pull_request.base.sha }}}}
        run: |
          assay scan . --config assay.yaml ${{BASE:+--changed-since "$BASE"}} \\
            -f text -f sarif=assay.sarif -f markdown=assay.md
      - if: always()
        run: cat assay.md >> "$GITHUB_STEP_SUMMARY"
      - if: always()
        uses: github/codeql-action/upload-sarif@v3
        with:
          sarif_file: assay.sarif
          category: assay
"""

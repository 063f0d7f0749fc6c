"""Hand-written configurations against what terraform sends to providers, value by value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.terraform import cases

MARKS = json.loads(cases.MARKS.read_text())
SECRETS = [
    name for name in cases.NAMES if "sensitive" in (cases.FOLDER / f"{name}.txt").read_text()
]
STEP = re.compile(r'\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|([A-Za-z_][\w-]*)')
TRUTH = json.loads(cases.TRUTH.read_text())
# What we know and a plan does not, or say in another way: see docs/rulings.md.
RULED = {
    ("json-forms", "terraform_data.t.input.doc"),
    ("unknown-flows", "terraform_data.t.input.zones"),
    ("unknown-dynamic", "aws_security_group.s.ingress"),
}


def differences(wanted: Any, got: Any, path: str, found: list[str], name: str) -> None:
    """Paths at which the two differ, bool and number told apart."""
    if (name, path) in RULED:
        return
    if isinstance(wanted, dict) and isinstance(got, dict) and cases.UNKNOWN not in (wanted, got):
        for key in sorted({*wanted, *got}):
            inner = f"{path}.{key}" if path else key
            if key not in wanted:
                # Terraform puts a data source off without asking its provider.
                if path or not key.rpartition("data.")[1]:
                    found.append(f"{name}: {inner}: not in terraform: {got[key]!r}")
            elif key not in got:
                found.append(f"{name}: {inner}: missing: {wanted[key]!r}")
            else:
                differences(wanted[key], got[key], inner, found, name)
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for number, (one, other) in enumerate(zip(wanted, got, strict=True)):
            differences(one, other, f"{path}[{number}]", found, name)
    elif wanted != got or isinstance(wanted, bool) != isinstance(got, bool):
        found.append(f"{name}: {path}: terraform {wanted!r}, assay {got!r}")


def test_every_case_has_a_truth() -> None:
    assert sorted(TRUTH) == cases.NAMES
    assert sum(len(each) for each in TRUTH.values() if each != cases.REFUSED) > 150


@pytest.mark.parametrize("name", cases.NAMES)
def test_case(name: str, tmp_path: Path) -> None:
    got = cases.evaluated(name, tmp_path)
    if TRUTH[name] == cases.REFUSED:
        assert cases.REFUSED in got, "terraform refuses this"
        return
    found: list[str] = []
    differences(TRUTH[name], got, "", found, name)
    assert found == []


@pytest.mark.parametrize("name", sorted({*MARKS, *SECRETS}))
def test_marks(name: str, tmp_path: Path) -> None:
    """What the plan calls sensitive, and nothing else: of arguments that are configured."""
    found = cases.resources(name, tmp_path)
    assert isinstance(found, list) or TRUTH[name] == cases.REFUSED
    for resource in found if isinstance(found, list) else ():
        if resource.kind.startswith("data."):
            continue
        planned = MARKS.get(name, {}).get(resource.address, [])
        recorded = TRUTH[name].get(resource.address, {})
        wanted = {path for path in planned if value_at(recorded, path) is not None}
        ours = set(cases.marked(resource))
        assert {path for path in wanted if not _covered(path, ours)} == set(), resource.address
        assert {path for path in ours if not _covered(path, planned)} == set(), resource.address


def _covered(path: str, marks: Iterable[str]) -> bool:
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in marks)


def value_at(values: Any, path: str) -> Any:
    """The recorded value at a path, None where there is none or it is empty."""
    for named, number, plain in STEP.findall(path):
        try:
            values = values[int(number)] if number else values[json.loads(named or f'"{plain}"')]
        except (KeyError, IndexError, TypeError):
            return None
    return None if values in ([], {}) else values

"""Whole configurations against what the real Terraform plans for them.

Terraform's answers lie beside the configurations (truth.json), so the comparison runs everywhere;
where terraform is on PATH they are asked anew and must be the same.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.engine.commands.resources import document
from assay.engine.files import discover
from assay.engine.terraform.loader import Options, load

FOLDER = Path(__file__).parent / "configurations"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def planned(name: str, scratch: Path) -> dict[str, Any]:
    """What Terraform plans: address → input, unknown paths, sensitive paths."""
    shutil.copytree(FOLDER / name, scratch / name)
    environment = {key: text for key, text in os.environ.items() if key != "TF_CLI_CONFIG_FILE"}
    environment["TF_DATA_DIR"] = str(scratch / "data")

    def run(*words: str) -> str:
        command = ["terraform", f"-chdir={scratch / name}", *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment
        ).stdout

    run("init", "-backend=false", "-no-color")
    run("plan", "-no-color", "-out=plan.bin")
    plan = json.loads(run("show", "-json", "plan.bin"))
    return {
        change["address"]: {
            "input": dropped(change["change"]["after"].get("input")),
            "unknown": flat(change["change"]["after_unknown"].get("input")),
            "sensitive": flat(change["change"]["after_sensitive"].get("input")),
        }
        for change in plan["resource_changes"]
    }


def dropped(value: Any) -> Any:
    """The value without nulls in maps: null is absent, everywhere."""
    if isinstance(value, dict):
        return {key: dropped(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [dropped(inner) for inner in value]
    return value


def flat(marks: Any, path: str = "input") -> list[str]:
    """The paths that a tree of marks names."""
    if marks is True:
        return [path]
    if isinstance(marks, dict):
        return sorted(p for key, inner in marks.items() for p in flat(inner, f"{path}.{key}"))
    if isinstance(marks, list):
        return sorted(p for n, inner in enumerate(marks) for p in flat(inner, f"{path}[{n}]"))
    return []


def evaluated(name: str) -> dict[str, Any]:
    """What Assay says, in the same shape."""
    loaded = load(discover([str(FOLDER / name)]), Options())
    assert loaded.errors == []
    found = {}
    for resource in loaded.resources:
        if resource.kind == "terraform_data":
            shown = document(resource, show_sensitive=True)
            found[resource.address] = {
                "input": shown["values"].get("input"),
                "unknown": sorted(shown["unknown"]),
                "sensitive": sorted(
                    path for path in shown["sensitive"] if path.startswith("input")
                ),
            }
    return found


def truth(name: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((FOLDER / name / "truth.json").read_text())
    return recorded


@pytest.mark.parametrize("name", NAMES)
def test_every_resource_has_the_values_that_terraform_plans(name: str) -> None:
    assert evaluated(name) == truth(name)


@pytest.mark.terraform
@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_answers_are_terraforms(name: str, tmp_path: Path) -> None:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on PATH")
    found = planned(name, tmp_path)
    if os.environ.get("UPDATE_EXPECTED"):
        text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)
        (FOLDER / name / "truth.json").write_text(text + "\n")
    assert truth(name) == found

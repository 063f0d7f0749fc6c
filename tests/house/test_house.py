"""The house: imports run down the floors, everything is shipped, nothing heavy is loaded early."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# From the ground up. A module may import modules of lower floors and of its own part, never of a
# higher floor or of another part on its own floor.
FLOORS = [
    ["assay.engine.errors"],
    ["assay.engine.model"],
    ["assay.engine.files", "assay.engine.kept"],
    [
        "assay.engine.cel",
        "assay.engine.terraform",
        "assay.engine.kubernetes",
        "assay.engine.pipelines",
    ],
    ["assay.engine.catalogue"],
    ["assay.engine.judge"],
    ["assay.engine.scan"],
    ["assay.engine.admission", "assay.engine.reviewed"],
    [
        "assay.engine.baseline",
        "assay.engine.comparison",
        "assay.engine.evidence",
        "assay.engine.exceptions",
        "assay.engine.gate",
        "assay.engine.history",
        "assay.engine.parameters",
        "assay.engine.policies",
        "assay.engine.project",
        "assay.engine.committed",
        "assay.engine.siem",
        "assay.engine.skips",
        "assay.engine.terminal",
    ],
    ["assay.engine.examples", "assay.engine.explain", "assay.reports"],
    ["assay.engine.commands"],
    ["assay.engine.cli"],
]
PARTS = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
FOLDERS = ("engine", "rules", "sigma", "reports")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
# A command is found by its name, so the two know each other: `cli` for its version and its list.
KNOWN = {
    (f"assay.engine.commands.{name}", "assay.engine.cli")
    for name in ("completion", "doctor", "init_texts", "scan")
}
MAX_LINES = 500


def name_of(path: Path) -> str:
    return ".".join(("assay", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


def part_of(module: str) -> str | None:
    return max(
        (part for part in PARTS if f"{module}.".startswith(f"{part}.")), key=len, default=None
    )


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("assay.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path: Path) -> None:
    module = name_of(path)
    here = part_of(module)
    if here is None:
        assert not path.read_text().strip(), f"{module} stands on no floor: add it to FLOORS"
        return
    for name in imports(path):
        there = part_of(name)
        assert there is not None, f"{module} imports {name}, which stands on no floor"
        if (module, there) not in KNOWN:
            assert there == here or PARTS[there] < PARTS[here], f"{module} must not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_readable(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


def module_names(folder: Path) -> set[str]:
    entries = [path for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()]
    return {path.stem for path in entries} - {"__pycache__"}


def test_our_sigma_never_shadows_pysigma() -> None:
    """pySigma's package is `sigma`, a namespace: our folder joins it when the root is on sys.path.

    An __init__.py there, or a file of the same name, hides theirs.
    """
    sigma = pytest.importorskip("sigma", reason="needs the extra `siem`")
    folders = {Path(folder) for folder in sigma.__path__} - {ROOT / "sigma"}
    theirs = set[str]().union(*map(module_names, folders))
    assert theirs, "pySigma was not found: this test would prove nothing"
    assert not list((ROOT / "sigma").rglob("*.py"))
    assert not module_names(ROOT / "sigma") & theirs


def test_every_package_is_shipped() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    shipped = set(settings["packages"])
    found = {".".join(("assay", *path.parent.relative_to(ROOT).parts)) for path in MODULES}
    filled = {
        package
        for package in found
        if any(name_of(path).startswith(f"{package}.") for path in MODULES)
    }
    assert filled | {"assay.rules", "assay.sigma"} == shipped | filled
    assert filled <= shipped


def loaded_by(cache: Path, *words: str) -> set[str]:
    probe = (
        "import sys\nfrom assay.engine.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", probe, *words]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment.pop("ASSAY_NO_CACHE", None)
    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    return set(ran.stderr.split())


HEAVY = {"kubernetes", "sigma", "opensearchpy", "jinja2", "cryptography", "rich", "requests"}


@pytest.mark.parametrize(
    ("words", "spared"),
    [
        (["--help"], {*HEAVY, "yaml", "argparse", "assay.engine.cel", "assay.engine.errors"}),
        (["--version"], {*HEAVY, "yaml", "argparse", "assay.engine.cel"}),
        (
            ["scan", "fixtures/estate/hardened/manifests/frontend"],
            {*HEAVY, "assay.engine.terraform", "assay.engine.siem", "http.client"},
        ),
        (["controls", "list"], {*HEAVY, "assay.engine.terraform", "assay.engine.kubernetes"}),
    ],
    ids=["help", "version", "scan", "controls"],
)
def test_a_command_loads_only_what_it_needs(
    words: list[str], spared: set[str], tmp_path: Path
) -> None:
    loaded_by(tmp_path, "controls", "list")  # compiles the catalogue into the cache, once
    assert not spared & loaded_by(tmp_path, *words)

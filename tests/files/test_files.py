"""The walk: every file once, in a fixed order; what is not opened is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.engine.errors import InputError
from assay.engine.files import Tree, discover, display_name


def found(tree: Tree) -> tuple[list[str], list[tuple[str, bool]]]:
    return [file.name for file in tree.files], [(gap.subject, gap.blocks) for gap in tree.gaps]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    inside = tmp_path / "tree"
    inside.mkdir()
    monkeypatch.chdir(inside)
    return inside


def test_files_come_in_order_and_once(here: Path) -> None:
    for name in ("b/x.tf", "a.yaml", "b/a.tf", "c.json", ".git/config", "node_modules/m/p.json"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text("")
    (here / "same.yaml").symlink_to("a.yaml")
    wanted = ["a.yaml", "c.json", "b/a.tf", "b/x.tf"]
    assert found(discover([".", "b"])) == (wanted, [])


def test_links_and_devices_are_named_and_never_followed_out(here: Path) -> None:
    (here.parent / "outside.yaml").write_text("kind: Secret")
    (here / "out.yaml").symlink_to("../outside.yaml")
    (here / "nowhere.tf").symlink_to("none.tf")
    (here / "loop").symlink_to(".")
    (here / "inner").mkdir()
    (here / "again").symlink_to("inner")
    os.mkfifo(here / "pipe.yaml")
    assert found(discover(["."])) == (
        [],
        [
            ("again", False),
            ("loop", True),
            ("nowhere.tf", False),
            ("out.yaml", True),
            ("pipe.yaml", True),
        ],
    )


def test_a_path_that_is_not_there_is_an_error_before_any_work(here: Path) -> None:
    with pytest.raises(InputError) as caught:
        discover([".", "none", "no/such"])
    assert [problem.code for problem in caught.value.problems] == ["path-not-found"] * 2


def test_report_names_are_never_absolute(here: Path) -> None:
    (here / "sub").mkdir()
    (here.parent / "other").mkdir()
    names = [
        display_name("."),
        display_name("./sub/"),
        display_name(str(here / "sub")),
        display_name("../other"),
        display_name(str(here.parent / "other")),
        display_name(str(here.parent / "other"), alone=False),
    ]
    assert names == [".", "sub", "sub", "../other", ".", "other"]

"""A block type written as an empty list: none of it, and nothing that stops the reader."""

from __future__ import annotations

from pathlib import Path

from assay.engine.files import discover
from assay.engine.terraform.loader import Options, load


def test_an_empty_list_stands_for_no_blocks(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_lb" "a" {\n  name        = "a"\n  access_logs = []\n}\n'
    )
    found = load(discover([str(tmp_path)]), Options()).resources
    (resource,) = [each for each in found if each.kind == "aws_lb"]
    assert resource.values == {"name": "a"}

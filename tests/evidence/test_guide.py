"""docs/evidence.md: its commands work, in the order in which they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from assay.engine import cli

ROOT = Path(__file__).parents[2]


def test_every_command_of_the_guide_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    commands = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.tf").write_text('resource "aws_db_instance" "a" { multi_az = false }')
    monkeypatch.chdir(tmp_path)
    assert len(commands) > 10
    for command in commands:
        words = shlex.split(command)
        if words[0] == "assay":
            assert cli.main(words[1:]) == 0, command
        else:
            subprocess.run(words, check=True)
    said = capsys.readouterr()
    assert said.err == ""
    assert "runs: 2 complete of 7 expected, 0 incomplete" in said.out
    assert {"runs.db", "again.db", "march.json", "monday.tar.gz"} <= set(os.listdir(tmp_path))

"""The page on admission: its commands run in the order of the page.

Those that need a cluster or another program are run by the tests that start one, in
tests/admission; the pages on evidence and the SIEM have tests beside their own.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from assay.engine import cli

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("kubectl ", "gator ", "assay scan --cluster ")


def test_the_commands_of_the_page_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "fixtures/estate/weak/manifests", tmp_path / "manifests")
    assert cli.main(["export", "vap", "policies"]) == 0  # the user's own
    text = (ROOT / "docs/admission.md").read_text("utf-8")
    lines = [
        line.removeprefix("$ ") for block in BLOCK.findall(text) for line in block.splitlines()
    ]
    here = [line for line in lines if not line.startswith(ELSEWHERE)]
    assert len(here) == 3
    for line in here:
        program, *words = shlex.split(line)
        assert program == "assay"
        assert cli.main(words) == (1 if words[0] == "scan" else 0), (line, capsys.readouterr().err)
    assert (tmp_path / "admission/gatekeeper/suite.yaml").is_file()
    assert any((tmp_path / "admission/vap").iterdir())

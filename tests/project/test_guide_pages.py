"""The guide: its commands do what the pages say, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.engine import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("gate", "adoption", "first-control", "audit", "drift", "reports", "terraform")
LINK = re.compile(r"\]\(([^)#]+)(?:#([^)]+))?\)")


def commands(page: str) -> Iterator[tuple[str, int]]:
    """Each command of a page's console blocks, and the exit code that the page says."""
    text = (DOCS / f"{page}.md").read_text("utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                words, _, said = line[2:].partition("   # exit ")
                yield words, int(said or 0)


def git(*words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as the pages have it: the weak estate under git."""
    for name in ("terraform", "manifests"):
        shutil.copytree(ROOT / "fixtures/estate/weak" / name, tmp_path / name)
    recorded = ROOT / "fixtures/estate/weak/cluster/production.jsonl.gz"
    shutil.copy(recorded, tmp_path)
    (tmp_path / "bucket.json").write_text('{"name": "payments-a"}')
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "as it is")
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_page_work(
    page: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(commands(page))
    assert len(found) >= 3
    for command, expected in found:
        program, *words = shlex.split(command)
        assert program == "assay"
        code = cli.main(words)
        assert code == expected, (command, capsys.readouterr())
        if words[:2] == ["controls", "new"]:
            text = (DOCS / f"{page}.md").read_text("utf-8")
            control = re.search(r"^```yaml\n(id: .*?)^```", text, re.MULTILINE | re.DOTALL)
            assert control is not None
            written = next(project.glob("policies/*/*.yaml"))
            assert cli.main(["controls", "test", "policies"]) == 0
            written.write_text(control[1])
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    for target, anchor in LINK.findall(
        re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    ):
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (DOCS / target).resolve()
        assert path.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            names = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in names, (target, anchor)


def test_the_index_names_every_page() -> None:
    text = (DOCS / "README.md").read_text("utf-8")
    missing = [path.name for path in DOCS.glob("*.md") if path.name != "README.md"]
    assert [name for name in missing if f"({name})" not in text] == []

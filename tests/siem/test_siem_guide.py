"""The commands of docs/siem.md run as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from standin import Alerting, serving

from assay.engine.cli import main

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/siem.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)


def test_the_commands_of_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("rules").mkdir()
    tmp_path.joinpath("rules/one.yml").write_text(
        "title: One\nid: 5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b11\nlogsource: {product: windows}\n"
        "detection: {one: {Image: a}, condition: one}\n",
        "utf-8",
    )
    tmp_path.joinpath("events.json").write_text('[{"Image": "A"}]', "utf-8")
    routes = re.search(r"```yaml\n(routes:.*?)```", GUIDE, re.DOTALL)
    assert routes is not None
    tmp_path.joinpath("routes.yaml").write_text(routes[1], "utf-8")
    monkeypatch.chdir(tmp_path)
    codes: dict[str, int] = {}
    with serving(Alerting()) as url:
        monkeypatch.setenv("ASSAY_OPENSEARCH_URL", url)
        for line in "".join(BLOCKS).splitlines():
            words = shlex.split(line)
            if words[0] == "assay":
                codes[line] = main(words[1:])
    assert len(codes) == 11
    assert {line for line, code in codes.items() if code} == {
        "assay sigma plan --environment prod --routes routes.yaml"
    }


def test_the_guide_names_every_action() -> None:
    from assay.engine.commands.sigma import ACTIONS

    missing = [name for name in ACTIONS if name != "templates" and f"`{name}`" not in GUIDE
               and f"sigma {name}" not in GUIDE]  # fmt: skip
    assert missing == []

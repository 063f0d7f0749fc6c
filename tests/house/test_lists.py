"""Every list is held against the truth: commands, formats, options, docs."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from assay.engine import cli
from assay.engine.terminal import Parser
from assay.reports import formats

ROOT = Path(__file__).parents[2]


def test_the_stored_help_names_every_command_with_its_summary() -> None:
    rows = re.findall(r"^  (\w+)\s{2,}(\S.*)$", cli.help_text(), re.MULTILINE)
    expected = [(name, summary) for name, (_, summary) in cli.COMMANDS.items()]
    assert rows[: len(expected)] == expected


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_can_be_imported_and_says_its_options(name: str) -> None:
    parser = Parser(prog=f"assay {name}")
    import_module(cli.COMMANDS[name][0]).options(parser)
    assert parser.format_help().startswith("usage: assay")


def test_every_format_has_a_renderer_and_none_is_left_out() -> None:
    modules = {path.stem for path in (ROOT / "reports").glob("*.py")} - {"__init__", "formats"}
    assert {module.rpartition(".")[2] for module in formats.FORMATS.values()} == modules
    for module in formats.FORMATS.values():
        assert callable(import_module(module).render)


def test_the_readme_names_every_command_and_format() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in cli.COMMANDS if f"assay {name}" not in text] == []
    assert [name for name in formats.FORMATS if f"`{name}`" not in text] == []


def test_no_two_test_files_have_one_name() -> None:
    """Without packages among the tests, pytest knows a file by its name alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)

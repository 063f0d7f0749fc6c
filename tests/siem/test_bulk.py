"""Many rules at once: shared among processes and kept, they become what they become one by one."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from sigma.exceptions import SigmaError

from assay.engine.cli import main
from assay.engine.siem import bulk, conditions
from assay.engine.siem.convert import convert

RULE = """\
title: Rule {at}
id: 5c1f7a2e-0a44-4f0e-9a54-{at:012d}
logsource: {{product: windows}}
detection:
    one: {{Image|endswith: '\\{at}.exe'}}
    two: {{CommandLine|re: 'x{at}\\d+', User: ['a*', "B", 5]}}
    condition: one and not 1 of tw*
"""
ODD = {
    "twin.yml": RULE.format(at=3).replace("Rule 3", "Twin"),
    "many.yml": RULE.format(at=70) + "---\n" + RULE.format(at=71) + "---\njust: a map\n",
    "broken.yml": "title: [\n",
    "empty.yml": "",
    "unknown.yml": RULE.format(at=72).replace("endswith", "nonsense"),
    "holder.yml": RULE.format(at=73).replace("condition: one", "condition: none"),
    "ousted.yml": RULE.format(at=73).replace("title: Rule", "title: Z"),
    "bomb.yml": RULE.format(at=74).replace("d+", "d+(a|aa){60,900}b.{500,900}c"),
    "listed.yml": RULE.format(at=75).replace("endswith", "expand").replace("\\75", "%names%"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Rules of every sort; the cache is the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ASSAY_NO_CACHE", raising=False)
    monkeypatch.setattr(bulk, "FEW", 10)
    monkeypatch.setattr(bulk, "_processors", lambda: 3)
    rules = tmp_path / "rules"
    rules.mkdir()
    for at in range(50):
        rules.joinpath(f"{at:02}.yml").write_text(RULE.format(at=at), "utf-8")
    for name, text in ODD.items():
        rules.joinpath(name).write_text(text, "utf-8")
    return str(rules)


def one_by_one(folder: str, names: dict[str, list[str]] | None = None) -> bulk.Bulk:
    done = convert([folder], names)
    texts = [
        bulk.Search(one.rule.id, one.source.pattern, bulk.text_of(one.body))
        for one in done.converted
    ]
    return bulk.Bulk(texts, done.refused)


def test_shares_and_kept_texts_are_what_one_process_makes(folder: str, tmp_path: Path) -> None:
    wanted = one_by_one(folder)
    assert len(wanted.searches) == 53
    assert len(wanted.refused) == 7
    assert bulk.searches([folder], None, []) == wanted, "made"
    kept = list(tmp_path.joinpath("cache/assay").iterdir())
    assert [path.suffix for path in kept] == [".json"]
    assert bulk.searches([folder], None, []) == wanted, "kept"
    names = {"names": ["a", "b*"]}
    assert bulk.searches([folder], names, []) == one_by_one(folder, names), "other values"


def test_a_changed_rule_and_a_damaged_cache_are_converted_anew(folder: str, tmp_path: Path) -> None:
    before = bulk.searches([folder], None, [])
    Path(folder, "07.yml").write_text(RULE.format(at=7).replace("7.exe", "new.exe"), "utf-8")
    after = bulk.searches([folder], None, [])
    assert after == one_by_one(folder)
    assert after != before
    (file,) = tmp_path.joinpath("cache/assay").iterdir()
    data = file.read_bytes()
    for spoilt in (b"", data[:-9], data.replace(b"new.exe", b"old.exe"), b"00000000\n{}"):
        file.write_bytes(spoilt)
        assert bulk.searches([folder], None, []) == after
    file.write_bytes(data)
    file.chmod(0o666)
    assert bulk.kept.get(file.name) == {}, "a file that others can write is not trusted"


def test_a_share_whose_process_died_is_done_here(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, made = os.getpid(), bulk._converted

    def dying(*given: object) -> object:
        if os.getpid() != here:
            os._exit(9)
        return made(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk, "_converted", dying)
    assert bulk.searches([folder], None, []) == one_by_one(folder)


def test_files_that_belong_together_are_converted_as_one(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(folder, "zz.yml").write_text(
        "title: Often\nid: 5c1f7a2e-0a44-4f0e-9a54-999999999999\ncorrelation:\n"
        "  type: event_count\n  rules: [5c1f7a2e-0a44-4f0e-9a54-000000000001]\n"
        "  group-by: [User]\n  timespan: 5m\n  condition: {gte: 5}\n",
        "utf-8",
    )
    assert bulk.searches([folder], None, []) is None
    assert main(["sigma", "convert", folder, "-o", str(tmp_path / "made")]) == 1
    assert len(list(tmp_path.joinpath("made").iterdir())) == 54
    assert "its id is taken by" in capsys.readouterr().err


def test_the_command_writes_and_prints_the_same_searches(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    assert main(["sigma", "convert", folder, "-o", str(made)]) == 1
    capsys.readouterr()
    assert main(["sigma", "convert", folder]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    written = {path.stem: json.loads(path.read_text("utf-8")) for path in made.iterdir()}
    assert {line.pop("rule"): {"query": line["query"]} for line in lines} == written


WORDS = [
    "a", "b_c", "x-1", "not", "and", "or", "(", ")", "1 of", "all of", "any of", "them", "a*", "1",
    "all", "of", "notx", "NOT", "(a or b)", "not not", "1 of a-b", "_x", "é", "|",
]  # fmt: skip


def test_conditions_are_what_pysigma_reads() -> None:
    chance = random.Random(4)
    plain = 0
    for _ in range(2000):
        text = " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 6)))
        try:
            mine = conditions._Reader(conditions._tokens(text)).whole()
        except conditions._NotPlainError:
            continue
        plain += 1
        assert mine == conditions._by_pysigma(text), text
    assert plain > 60
    with pytest.raises(SigmaError):
        conditions.parse("a AND b")

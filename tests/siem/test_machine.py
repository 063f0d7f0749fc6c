"""Regular expressions too large for Lucene: RE2, our machine and the script on a server agree."""

from __future__ import annotations

import random
from typing import Any

import pytest

from assay.engine.siem import machine, match, meaning
from assay.engine.siem.automaton import TooLargeError, effort
from assay.engine.siem.convert import Conversion, convert_rules
from assay.engine.siem.load import Document, Rules, rule
from assay.engine.siem.regex import parse
from assay.engine.siem.regex_edges import resolve
from assay.engine.siem.tree import ANY

LARGE = {
    r"(copy|cp) .{2,128} -dest .{1,32}\\win\\(a|b)": [
        "copy xx -dest y\\win\\a",
        "cp x -dest y\\win\\a",
        "cp xx -dest \\win\\b",
        "CP xx -dest y\\win\\a",
        "cp " + "x" * 128 + " -dest y\\win\\b",
        "cp " + "x" * 129 + " -dest y\\win\\b",
        "cp cp cp -dest -dest -dest y\\win\\c\\win\\a and more",
        "cp \U0001f600\U0001f600 -dest é\\win\\a",
    ],
    r"(?i)\.exe\s+[^\"]{0,64}secure\.exe\s+\d{2,10}": [
        "a.exe  Secure.EXE 12",
        "a.exe secure.exe 1",
        'a.exe "secure.exe 12',
        "a.exe \u017fecure.exe 34",
        ".exe " + ".exe " * 12 + "secure.exe 99",
        ".exe " + ".exe " * 14 + "secure.exe 99",
    ],
    r"^ping\s+-n.{6,64}echo EEEE\s?>\s?.{40,60}$": [
        "ping -n 123456echo EEEE > " + "x" * 40,
        "xping -n 123456echo EEEE > " + "x" * 40,
        "ping\t-n 123456echo EEEE>" + "\U0001f600" * 60,
        "ping -n 123456echo EEEE>" + "x" * 63,
        "ping -n " + "ping -n " * 7 + "echo EEEE >" + "y" * 50,
    ],
}
PIECES = ["cp ", "copy ", " -dest ", "\\win\\", "a", "b", ".exe", " ", "secure.exe", "12", '"',
          "ping", "-n", "echo EEEE", ">", "x" * 30, "\U0001f600", "\n"]  # fmt: skip


def converted(patterns: list[str]) -> Conversion:
    rules = Rules([], [], [])
    for at, pattern in enumerate(patterns):
        data = {
            "title": pattern,
            "id": f"5c1f7a2e-0a44-4f0e-9a54-{at:012}",
            "logsource": {"product": "windows"},
            "detection": {"one": {"CommandLine|re": pattern}, "condition": "one"},
        }
        rules.rules.append(rule(Document("large", at, data)))
    return convert_rules(rules)


def events() -> list[dict[str, Any]]:
    chance = random.Random(7)
    values: list[Any] = [text for texts in LARGE.values() for text in texts]
    values += ["".join(chance.choices(PIECES, k=chance.randint(4, 14))) for _ in range(150)]
    values += [["no", values[0]], "", "cp " * 3_600, "ping -n " * 1_200 + "echo EEEE >" + "y" * 50]
    return [{"CommandLine": value} for value in values]


@pytest.mark.parametrize("pattern", LARGE)
def test_the_machine_takes_what_re2_finds(pattern: str) -> None:
    tree = resolve(parse(pattern))
    with pytest.raises(TooLargeError):
        effort(tree)
    made = machine.machine(tree)
    search = meaning.compiled_regex(pattern, frozenset())
    verdicts = [search(text) for text in LARGE[pattern]]
    assert [machine.runs(made, text) for text in LARGE[pattern]] == verdicts
    assert len(set(verdicts)) == 2


def test_needles_are_in_every_match() -> None:
    wanted = [
        (ANY, " ", ANY, " -dest ", ANY, "\\win\\", ANY),
        (ANY, ".exe", ANY, "ecure.exe", ANY),
        (ANY, "ping", ANY, "-n", ANY, "echo eeee", ANY),
    ]
    found = [machine.needles(resolve(parse(pattern))) for pattern in LARGE]
    assert found[1:] == wanted[1:]
    assert found[0] == wanted[0][2:] or found[0] == (ANY, *wanted[0][3:])
    for pattern, needles in zip(LARGE, found, strict=True):
        search = meaning.compiled_regex(pattern, frozenset())
        for text in filter(search, LARGE[pattern]):
            assert meaning.wildcard(meaning.fold(text), needles), text


def test_meaning_and_query_agree() -> None:
    done = converted(list(LARGE))
    assert done.refused == []
    given = events()
    hits = list(match.by_meaning(done.converted, given))
    assert list(match.by_query(done.converted, given)) == hits
    assert len(hits) > 8


@pytest.mark.opensearch
def test_a_server_runs_the_machine(opensearch: str) -> None:
    done = converted(list(LARGE))
    given = events()
    lost: list[str] = []
    assert list(match.by_server(opensearch, done.converted, given, lost)) == list(
        match.by_meaning(done.converted, given)
    )
    assert lost == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a|aa){60,900}b.{500,900}c",
        "a.{200}b",
        "(x+x+)+y.{90}z.{90}z",
        "cmd" + "(.{900}|x)" * 9 + "cmd",
    ],
)
def test_what_would_burden_every_value_is_refused(pattern: str) -> None:
    done = converted([pattern])
    assert done.converted == []
    assert "too large" in done.refused[0].reason

"""Hostile rules, pipelines, routes, values, filters: refused with a reason, no traceback."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.engine.cli import main

JUNK: list[Any] = [
    None, True, 0, -1, 1e400, 2**70, "", " ", "*", "%x%", "{{7*7}}", "a" * 5000, "not", "(" * 400,
    "1 of", "all of them", "1 of them*", "a and", ")", "\\", "\x07\u202e", [], [[]], [[[]]], {},
    {"a": {"b": {}}}, {"": ""}, {"|": 1}, {"a|re": "(a+)+$"}, {"a|re": "(?<=x)"}, {"a|re": "["},
    {"a|re|zz": "a"}, {"a|cidr": "10.0.0.0/99"}, {"a|gt": "x"}, {"a|exists": "maybe"},
    {"a|base64": None}, {"a|all": []}, {"a|expand": "%x%"}, {"a|fieldref": 3}, {"a|contains": {}},
    {"a|windash|contains|all": [None, 1]}, {"a|minute": "x"}, {1: 2}, {None: None}, {True: [True]},
    "\ud800", "5d", "10x", "-5m", "99999999999999999999y", ["a", ["b"]], {"gte": "x"}, {"gte": -1},
    {"gte": 1, "lt": 2}, {"field": ["a", "b"], "gte": 1}, {"op": {}}, "C:\\Windows\\*",
]  # fmt: skip
RULE: dict[str, Any] = {
    "title": "One", "id": "5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b11", "name": "one", "status": "test",
    "level": "high", "date": "2026-01-02", "tags": ["attack.t1059"], "falsepositives": ["none"],
    "logsource": {"product": "windows", "category": "process_creation"},
    "detection": {"one": {"Image|endswith": ["\\a.exe", "b"]}, "two": ["x", "y"],
                  "condition": "one and not 1 of two*"},
}  # fmt: skip
COUNT: dict[str, Any] = {
    "title": "Many", "id": "7e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b33",
    "correlation": {"type": "value_count", "rules": ["one"], "group-by": ["User"],
                    "timespan": "10m", "condition": {"gte": 2, "field": "Image"},
                    "aliases": {"u": {"one": "User"}}, "generate": True},
}  # fmt: skip
FILTER: dict[str, Any] = {
    "title": "Ours", "id": "8e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b44",
    "logsource": {"product": "windows"},
    "filter": {"rules": ["one"], "ours": {"User": "backup"}, "condition": "not ours"},
}  # fmt: skip
PIPELINE: dict[str, Any] = {
    "name": "ours", "priority": 1,
    "transformations": [
        {"type": "field_name_mapping", "mapping": {"Image": "Exe"},
         "rule_conditions": [{"type": "logsource", "product": "windows"}]},
        {"type": "field_name_prefix", "prefix": "a."},
        {"type": "change_logsource", "product": "windows"},
    ],
}  # fmt: skip
ROUTES: dict[str, Any] = {
    "routes": [{"match": {"level": ["high"], "tag": "x"}, "destination": "pager", "throttle": 5,
                "severity": 1, "continue": True}],
}  # fmt: skip
VALUES: dict[str, Any] = {"x": ["a", "b"], "y": "c"}


def places(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value below."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(data, dict):
        inner = list(data.items())
    elif isinstance(data, list):
        inner = list(enumerate(data))
    return [one for key, value in inner for one in [(*at, key), *places(value, (*at, key))]]


def broken(chance: random.Random, good: dict[str, Any]) -> Any:
    """The document with one or two places removed, replaced or given another name."""
    made = copy.deepcopy(good)
    for _ in range(chance.randint(1, 2)):
        found = places(made)
        if not found:
            break
        *way, last = chance.choice(found)
        holder = made
        for key in way:
            holder = holder[key]
        how = chance.randrange(4)
        if how == 0:
            del holder[last]
        elif how == 1 and isinstance(holder, dict):
            holder[chance.choice([1, None, "x", "|re", "a|all|contains", "{{x}}"])] = holder.pop(
                last
            )
        else:
            holder[last] = copy.deepcopy(chance.choice(JUNK))
    return made


def spelt(chance: random.Random, data: Any) -> bytes:
    """The document as YAML; now and then torn, or with bytes that are none."""
    text = yaml.safe_dump(data, allow_unicode=False, sort_keys=False).encode()
    how = chance.randrange(12)
    at = chance.randrange(len(text) + 1)
    if how == 0:
        return text[:at]
    if how == 1:
        return text[:at] + chance.choice(
            [b"\xff\xfe", b"\x00", b"\t", b"{{", b"*a", b"&a", b"!!x "]
        )
    if how == 2:
        return (
            text[:at] + chance.choice([b": ", b"\n- ", b"'", b'"', b"\n---\n", b"? "]) + text[at:]
        )
    return text


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("seed", range(4))
def test_bad_input_is_told_and_never_a_traceback(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_NO_CACHE", "1")
    chance = random.Random(seed)
    parts = {"one.yml": RULE, "many.yml": COUNT, "filters/ours.yml": FILTER, "pipeline": PIPELINE,
             "routes": ROUTES, "values": VALUES}  # fmt: skip
    tmp_path.joinpath("rules").mkdir()
    tmp_path.joinpath("filters").mkdir()
    rules, filters = tmp_path / "rules", tmp_path / "filters"
    own = {"one.yml": rules / "one.yml", "many.yml": rules / "many.yml"}
    refused = 0
    for number in range(150):
        bad = chance.choice(list(parts))
        for name, good in parts.items():
            data = spelt(chance, broken(chance, good)) if name == bad else yaml.dump(good).encode()
            own.get(name, tmp_path / name).write_bytes(data)
        given = [str(rules), "--filters", str(filters), "--pipeline", str(tmp_path / "pipeline"),
                 "--placeholders", str(tmp_path / "values")]  # fmt: skip
        actions = [["convert", *given], ["lint", str(rules), str(filters), "-f", "json"],
                   ["coverage", *given], ["test", *given]]  # fmt: skip
        command = ["sigma", *actions[number % 4]]
        if number % 5 == 0:
            out = str(tmp_path / "out")
            command = ["export", "siem", out, *given, "--routes", str(tmp_path / "routes")]
        where = (seed, number, bad, own.get(bad, tmp_path / bad).read_bytes())
        code, out_text, err = run(command, capsys)
        assert code in (0, 1, 2), where
        assert "Traceback" not in err + out_text, where
        if code == 2:
            assert "error[" in err, where
            refused += 1
        elif command[1] == "lint":
            assert bool(code) == any(one["severity"] == "error" for one in json.loads(out_text))
        elif code and command[1] == "convert":
            assert "refused" in err, where
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    ("option", "code"),
    [("--pipeline", "siem-pipeline"), ("--placeholders", "siem-placeholders")],
)
def test_a_torn_file_is_shown_with_line_and_caret(
    option: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.joinpath("one.yml").write_text(yaml.dump(RULE), "utf-8")
    torn = tmp_path / "torn"
    torn.write_text("x: [a]\ny: b: c\n", "utf-8")
    assert main(["sigma", "convert", str(tmp_path / "one.yml"), option, str(torn)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"error[{code}]: not ")
    assert lines[1].endswith("torn:2:5")
    assert lines[3:] == ["2 | y: b: c", "  |     ^"]

"""`assay sigma` as scripts use it: files, lines, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.engine.cli import main

ID = "5c1f7a2e-0a44-4f0e-9a54-1c6a2f1f0b11"
OTHER = "6d2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b22"
RULE = """\
title: A shell
id: {id}
logsource: {{product: windows}}
detection:
  one: {detection}
  condition: one
"""


def rules(folder: Path, *detections: tuple[str, str]) -> str:
    for number, (name, detection) in enumerate(detections):
        text = RULE.format(id=name, detection=detection)
        folder.joinpath(f"{number}.yml").write_text(text, "utf-8")
    return str(folder)


def test_convert_writes_one_search_a_rule(tmp_path: Path) -> None:
    given = rules(tmp_path, (ID, "{Image|endswith: '\\cmd.exe', EventID: 1}"))
    assert main(["sigma", "convert", given, "-o", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{ID}.json"}
    assert json.loads((tmp_path / "out" / f"{ID}.json").read_text("utf-8")) == {
        "query": {
            "bool": {
                "filter": [
                    {"wildcard": {"Image": {"value": "*\\\\cmd.exe"}}},
                    {"terms": {"EventID": ["1", "1.0"]}},
                ]
            }
        }
    }


@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        ("{Image|re: '(?=a)b'}", "regular expression '(?=a)b': "),
        ("{Image|unknown: a}", "unknown modifier unknown"),
        ("{Image|contains|expand: '%a%'}", "the placeholder %a% has no value"),
        ("{Image: a, Image: b}", "not YAML: the key Image stands twice in one map"),
        ("{Image|hour: 3}", "Image is no time in the index, so it has no hour"),
        ("{Image|cidr: '2001:db8::/32'}", "Image is no address in the index"),
        ("{Image|cidr: '10.0.0.1/8'}", "Invalid CIDR expression"),
        ("{Image: {a: b}}", "a value is a map or a list of lists"),
        ("!!python/object:os.system {}", "not YAML: the tag"),
        ("[[]", "not YAML: "),
        ("{Image|re: 'a.{200}b'}", "Lucene would have to build too large an automaton"),
    ],
)
def test_a_refused_rule_is_listed_and_the_others_are_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], detection: str, reason: str
) -> None:
    given = rules(tmp_path, (ID, detection), (OTHER, "{Image: a}"))
    assert main(["sigma", "convert", given]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["rule"] for line in out.splitlines()] == [OTHER]
    assert len(err.splitlines()) == 1
    assert reason in err
    assert "0.yml" in err


def test_two_rules_with_one_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = rules(tmp_path, (ID, "{Image: a}"), (ID, "{Image: b}"))
    assert main(["sigma", "convert", given]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert "its id is taken by" in err


def test_match_prints_one_line_a_hit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = rules(tmp_path, (ID, "{CommandLine|contains: WhoAmI}"))
    events = tmp_path / "events.jsonl"
    events.write_text('{"CommandLine": "dir"}\n{"CommandLine": "/c WHOAMI"}\n', "utf-8")
    assert main(["sigma", "match", given, "--events", str(events)]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"event": 1, "rule": ID, "by": "sigma"},
        {"event": 1, "rule": ID, "by": "dsl"},
    ]


@pytest.mark.opensearch
def test_match_on_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], opensearch: str
) -> None:
    given = rules(tmp_path, (ID, "{CommandLine|contains: WhoAmI}"))
    events = tmp_path / "events.json"
    events.write_text('[{"CommandLine": "dir"}, {"CommandLine": "/c WHOAMI"}]', "utf-8")
    assert main(["sigma", "match", given, "--events", str(events), "--by", opensearch]) == 0
    assert json.loads(capsys.readouterr().out) == {"event": 1, "rule": ID, "by": opensearch}


def test_a_filter_leaves_out_what_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = rules(tmp_path, (ID, "{CommandLine|contains: whoami}"))
    tmp_path.joinpath("filter.yml").write_text(
        "title: Ours\nid: 7e2f7a2e-0a44-4f0e-9a54-1c6a2f1f0b33\n"
        f"logsource: {{product: windows}}\nfilter:\n  rules: [{ID}]\n"
        "  ours: {User: backup}\n  condition: not ours\n",
        "utf-8",
    )
    events = tmp_path / "events.json"
    events.write_text(
        '[{"CommandLine": "whoami", "User": "Backup"}, {"CommandLine": "whoami", "User": "eve"}]',
        "utf-8",
    )
    assert main(["sigma", "match", given, "--events", str(events), "--by", "dsl"]) == 0
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == [1]


def test_placeholders_come_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = rules(tmp_path, (ID, "{User|expand: '%admins%'}"))
    values = tmp_path / "values"
    values.write_text("admins: [root, Maria]\n", "utf-8")
    assert main(["sigma", "convert", given, "--placeholders", str(values)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "rule": ID,
        "index": "logs-windows-*",
        "query": {"terms": {"User": ["root", "maria"]}},
    }


def test_templates_are_files_for_the_server(tmp_path: Path) -> None:
    assert main(["sigma", "templates", "-o", str(tmp_path)]) == 0
    shipped = Path(__file__).parents[2] / "sigma/templates"
    assert {path.name: json.loads(path.read_text("utf-8")) for path in tmp_path.iterdir()} == {
        f"assay-{path.name}": json.loads(path.read_text("utf-8")) for path in shipped.iterdir()
    }


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "nowhere"],
        ["match", ".", "--events", "nowhere"],
        ["match", ".", "--events", "nowhere", "--by", "ftp://x"],
        ["coverage", "--mapping", "nowhere"],
    ],
)
def test_bad_words_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sigma", *words]) == 2
    assert "error[" in capsys.readouterr().err

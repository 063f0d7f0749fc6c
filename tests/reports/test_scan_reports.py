"""The reports of a real scan: valid by schema, the same bytes each time, safe on a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from assay.engine.commands import scan as command
from assay.engine.model import Finding, Gap, Place, Resource, Scan, Violation
from assay.engine.terminal import Parser
from assay.reports import sarif, text

ROOT = Path(__file__).parents[2]
WEAK = "fixtures/estate/weak"


CALL = "import sys; from assay.engine.cli import main; sys.exit(main())"
TOOLS = Path(
    os.environ.get("ASSAY_TOOLS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay-tools"
)


def assay(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CALL, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=120,
    )


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("reports")
    files = {name: folder / name for name in ("text", "json", "sarif")}
    words = [word for name, file in files.items() for word in ("-f", f"{name}={file}")]
    ran = assay("scan", WEAK, *words)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "")
    return {name: file.read_text() for name, file in files.items()}


def test_json_is_valid_by_its_schema_and_accounts_for_everything(weak: dict[str, str]) -> None:
    document = json.loads(weak["json"])
    schema = json.loads((ROOT / "reports" / "schemas" / "scan.json").read_text())
    jsonschema.validate(document, schema)
    counted: dict[str, int] = {}
    for finding in document["findings"]:
        counted[finding["status"]] = counted.get(finding["status"], 0) + 1
    assert counted == {status: n for status, n in document["counts"].items() if n}
    domains = {f["control"].split("-")[0] for f in document["findings"] if f["status"] == "fail"}
    assert {"network", "secret", "identity", "backup", "multi"} <= domains


def test_every_place_is_a_real_line_of_a_file(weak: dict[str, str]) -> None:
    for finding in json.loads(weak["json"])["findings"]:
        for each in (*finding["violations"], finding["resource"]):
            if finding["resource"]["kind"] in ("estate", "root") and not each["file"]:
                continue
            path = ROOT / each["file"]
            if path.is_file():
                lines = path.read_text().splitlines()
                assert 1 <= each["line"] <= len(lines), each
                assert 1 <= each["column"] <= len(lines[each["line"] - 1]) + 1, each
            else:
                assert path.is_dir(), each


def test_no_report_holds_an_absolute_path_or_a_time(weak: dict[str, str]) -> None:
    for name, document in weak.items():
        assert str(ROOT) not in document, name
        assert "endTimeUtc" not in document, name


@pytest.mark.parametrize("seed", ["1", "77", "4242"])
def test_the_same_input_gives_the_same_bytes(weak: dict[str, str], seed: str) -> None:
    ran = assay("scan", WEAK, "-f", "json", PYTHONHASHSEED=seed)
    assert ran.stdout == weak["json"]


def test_sarif_names_every_fail_once_with_a_fingerprint(weak: dict[str, str]) -> None:
    run = json.loads(weak["sarif"])["runs"][0]
    fails = [f for f in json.loads(weak["json"])["findings"] if f["status"] == "fail"]
    assert len(run["results"]) == sum(len(finding["violations"]) for finding in fails)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert re.fullmatch(r"[0-9a-f]{64}", result["partialFingerprints"]["assay/1"])


def test_sarif_is_valid_by_the_published_schema(weak: dict[str, str]) -> None:
    file = TOOLS / "sarif-2.1.0.json"
    if not file.is_file():
        pytest.skip("the published SARIF schema is not in the cache (.ci/run fetches it)")
    schema = json.loads(file.read_text("utf-8-sig"))
    jsonschema.Draft7Validator(schema).validate(json.loads(weak["sarif"]))


def place(line: int) -> Place:
    return Place("a.yaml", line, 1)


def finding(line: int, address: str = "Pod/x/a", message: str = "bad") -> Finding:
    resource = Resource("manifest", "Pod", address, {}, place(line))
    violation = Violation("spec", message, place(line))
    return Finding(
        "network-x", "Pod", "fail", "high", resource, None, message, (violation,), None, "Mend it."
    )


def made(*findings: Finding, gaps: tuple[Gap, ...] = ()) -> Scan:
    counts = dict.fromkeys(("pass", "fail", "not_applicable", "unknown", "error", "manual"), 0)
    return Scan("1", "d", (), lambda: iter(findings), counts, (), (), gaps, (), {}, ())


def test_fingerprints_survive_moved_lines_and_tell_resources_apart() -> None:
    prints = [
        sarif.fingerprint(each, each.violations[0])
        for each in (finding(3), finding(30), finding(3, "Pod/x/b"))
    ]
    assert prints[0] == prints[1] != prints[2]


def plain(text: str, *_: str) -> str:
    return text


def test_hostile_names_cannot_steer_a_terminal() -> None:
    hostile = finding(1, "Pod/x/\x1b[31mred", "line\nbreak \x1b]0;title\x07 \u202e")
    gap = Gap("file", "a\x1b[2J.yaml", "not_parsed", "no \x07 reason", None, True)
    shown = "".join(text.render(made(hostile, gaps=(gap,)), lambda *_: "a\x1b[0m b", plain))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


def test_instances_of_one_place_are_one_block() -> None:
    shown = "".join(
        text.render(made(*(finding(1, f"Pod/x/{n}") for n in range(30))), lambda *_: None, plain)
    )
    assert shown.count("a.yaml:1:1") == 1
    assert "30 instances: Pod/x/0, Pod/x/1, Pod/x/2 and 27 more" in shown


def test_the_excerpt_in_the_readme_is_what_the_command_prints() -> None:
    blocks = re.findall(
        r"```console\n\$ assay (.*?)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert blocks
    for words, expected in blocks:
        assert assay(*words.split(), NO_COLOR="1").stdout == expected


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["scan", "no/such/path"], "path-not-found"),
        (["scan", ".", "-f", "jsn"], "no-format"),
        (["scan", ".", "--control", "multi-az-databse"], "no-control"),
        (["scan", ".", "--fail-onn", "high"], "usage"),
        (["scan"], "usage"),
        (["scan", ".", "--allow", "nonsense"], "usage"),
        (["scan", ".", "--at", "yesterday"], "usage"),
        (["scan", ".", "-f", "json", "-f", "sarif"], "usage"),
        (["scan", ".", "--rules", "no/such"], "path-not-found"),
        (["scan", ".", "--params", "no/such"], "path-not-found"),
        (["sacn"], "no-command"),
    ],
)
def test_usage_errors_are_one_clear_message_and_exit_2(words: list[str], code: str) -> None:
    ran = assay(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    said = [line for line in ran.stderr.splitlines() if not line.startswith("note: ")]
    assert said[0].startswith(f"error[{code}]: ")
    assert "Traceback" not in ran.stderr


def test_options_of_scan_are_those_of_the_design() -> None:
    parser = Parser(prog="assay scan")
    command.options(parser)
    offered = {name for action in parser._actions for name in action.option_strings}
    design = (ROOT / "docs" / "design.md").read_text()
    row = design.split("## 4.")[1].split("| `assay resources")[0]
    promised = set(re.findall(r"`(--[a-z-]+)", row))
    assert offered - promised == {"-f", "-h", "--format", "--help", "--namespace"}

"""Every kind of mistake in a control file is named at its place, all of a file's in one go."""

from __future__ import annotations

import pytest

from assay.engine.catalogue.document import parse
from assay.engine.catalogue.load import RuleFile, build
from assay.engine.errors import InputError

GOOD = """\
id: network-test
title: A test
severity: high
why: Because.
frameworks:
  nist: {AC-1: {relation: supports, because: "it helps"}}
params: {least: {type: int, default: 1}}
checks:
  - for: aws_s3_bucket
    related:
      blocks: {kind: aws_block, refers: bucket}
    assert: size(related.blocks) >= params.least
    message: '{address} has too few'
    fix: Write it.
"""
FRAMEWORK = RuleFile("rules/frameworks/nist.yaml", "frameworks", "id: nist\nrequirements: [AC-1]\n")


def problems(text: str, folder: str = "network") -> list[tuple[str, int, int]]:
    """The code, line and column of everything that is wrong."""
    with pytest.raises(InputError) as caught:
        build([FRAMEWORK, RuleFile("rules/network/a.yaml", folder, text)])
    return [(found.code, found.span.line, found.span.column) for found in caught.value.problems]


def test_the_good_one_is_good() -> None:
    catalogue = build([FRAMEWORK, RuleFile("rules/network/a.yaml", "network", GOOD)])
    assert [control.id for control in catalogue.controls] == ["network-test"]
    assert catalogue.controls[0].checks[0].id == "aws_s3_bucket"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id: network-test", "id: Network test", [("control-id", 1, 5), ("control-id", 1, 5)]),
        ("id: network-test", "id: backup-test", [("control-id", 1, 5)]),
        ("title: A test", "title: A test.", [("control-title", 2, 8)]),
        ("severity: high", "severity: hihg", [("control-value", 3, 11)]),
        ("severity: high", "severty: high", [("control-key", 3, 1), ("control-missing", 1, 1)]),
        ("why: Because.\n", "", [("control-missing", 1, 1)]),
        ("AC-1", "AC-99", [("control-framework", 6, 10)]),
        ("nist:", "nits:", [("control-framework", 6, 9)]),
        ("supports", "helps", [("control-value", 6, 27)]),
        ("default: 1", "default: one", [("control-value", 7, 38)]),
        ("type: int", "type: number", [("control-value", 7, 24)]),
        ("for: aws_s3_bucket", "for: [aws_s3_bucket, Pod]", [("control-kind", 9, 10)]),
        ("for: aws_s3_bucket", "for: aws/none", [("control-kind", 9, 10)]),
        (
            "refers: bucket",
            "refres: bucket",
            [("control-key", 11, 33), ("control-relation", 11, 15)],
        ),
        ("refers: bucket", "refers: '[]'", [("control-path", 11, 41)]),
        ("params.least", "params.most", [("control-undeclared", 12, 37)]),
        ("related.blocks", "related.block", [("control-undeclared", 12, 18)]),
        ("'{address} has too few'", "'{address has too few'", [("control-message", 13, 15)]),
        ("    fix: Write it.\n", "", [("control-missing", 9, 5)]),
        ("checks:", "checks: []\nother:", [("control-key", 9, 1), ("control-type", 8, 9)]),
        ("title: A test", "title: A test\ntitle: B", [("yaml-duplicate-key", 3, 1)]),
        ("title: A test", "title: [", [("yaml-syntax", 4, 4)]),
    ],
)
def test_a_mistake_has_a_code_and_a_place(
    old: str, new: str, expected: list[tuple[str, int, int]]
) -> None:
    assert old in GOOD
    assert problems(GOOD.replace(old, new)) == expected


def test_expressions_in_block_scalars_keep_their_places() -> None:
    text = GOOD.replace(
        "assert: size(related.blocks) >= params.least",
        "assert: >\n      size(related.blocks) >= params.least\n      && params.other == 1",
    )
    assert problems(text) == [("control-undeclared", 14, 10)]


def test_several_mistakes_come_in_one_go_and_are_drawn() -> None:
    text = GOOD.replace("severity: high", "severity: hihg").replace("AC-1", "AC-9")
    with pytest.raises(InputError) as caught:
        build([FRAMEWORK, RuleFile("rules/network/a.yaml", "network", text)])
    assert caught.value.render() == (
        "error[control-value]: `severity` cannot be `hihg`\n"
        "  --> rules/network/a.yaml:3:11\n"
        "  |\n"
        "3 | severity: hihg\n"
        "  |           ^\n"
        "  = help: did you mean `high`?\n"
        "\n"
        "error[control-framework]: `nist` has no requirement `AC-9`\n"
        "  --> rules/network/a.yaml:6:10\n"
        "  |\n"
        '6 |   nist: {AC-9: {relation: supports, because: "it helps"}}\n'
        "  |          ^"
    )


def test_two_controls_with_one_id() -> None:
    files = [FRAMEWORK, *(RuleFile(f"rules/network/{n}.yaml", "network", GOOD) for n in "ab")]
    with pytest.raises(InputError) as caught:
        build(files)
    [twice] = caught.value.problems
    line = next(n for n, text in enumerate(GOOD.splitlines(), 1) if text.startswith("id:"))
    assert (twice.code, twice.file, twice.span.line) == (
        "control-twice",
        "rules/network/b.yaml",
        line,
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "yaml-empty"),
        ("a: &x [*x]", "yaml-too-deep"),
        ("a: " + "[" * 300 + "]" * 300, "yaml-too-deep"),
        ("\x00", "yaml-syntax"),
        ("? [a]\n: b", "yaml-key"),
    ],
)
def test_hostile_yaml_is_refused(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse("x.yaml", text)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_tags_make_no_objects() -> None:
    assert parse("x.yaml", "a: !!python/name:os.system x").plain() == {"a": "x"}


@pytest.mark.parametrize(
    ("expression", "unguarded"),
    [
        ("resource.multi_az == true", ["multi_az"]),
        ("has(resource.multi_az) && resource.multi_az == true", []),
        ("resource.multi_az == true && has(resource.multi_az)", []),
        ("!has(resource.multi_az) || resource.multi_az == true", []),
        ("has(resource.multi_az) || resource.multi_az == true", ["multi_az"]),
        ("has(resource.multi_az) ? resource.multi_az : false", []),
        ("has(resource.multi_az) ? false : resource.multi_az", ["multi_az"]),
        ("resource.?multi_az.orValue(false) == true", []),
        ("resource.instance_class == 'x'", []),
        ("resource.none_such == 'x'", []),
        ("resource.restore_to_point_in_time.all(r, has(r.restore_time))", ["restore"]),
        ("resource.?restore_to_point_in_time.orValue([]).all(r, r.restore_time != '')", ["time"]),
        ("resource.?tags.orValue({}).exists(k, resource.tags[k] == 'x')", []),
        ("size(resource.?tags.orValue({})) > 0 && resource.tags.all(k, k != '')", []),
        ("size(resource.?tags.orValue({})) >= 0 && resource.tags.all(k, k != '')", ["tags"]),
    ],
)
def test_optional_arguments_are_read_guarded(expression: str, unguarded: list[str]) -> None:
    text = GOOD.replace("for: aws_s3_bucket", "for: aws_db_instance").replace(
        "size(related.blocks) >= params.least", f'"{expression}"'
    )
    files = [FRAMEWORK, RuleFile("rules/network/a.yaml", "network", text)]
    if not unguarded:
        assert build(files).controls
        return
    with pytest.raises(InputError) as caught:
        build(files)
    (found,) = caught.value.problems
    assert found.code == "control-unguarded"
    assert unguarded[0] in found.message


def test_what_when_demands_is_there_for_the_assertion() -> None:
    text = GOOD.replace("for: aws_s3_bucket", "for: aws_db_instance").replace(
        "assert: size(related.blocks) >= params.least",
        "when: has(resource.multi_az)\n    assert: resource.multi_az == true",
    )
    assert build([FRAMEWORK, RuleFile("rules/network/a.yaml", "network", text)]).controls

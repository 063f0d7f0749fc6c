"""Expressions against the real terraform: value, type, knownness and sensitivity must agree."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from assay.engine.terraform.functions.registry import FUNCTIONS, NAMES
from tests.terraform import evaluator, oracle
from tests.terraform.generator import write

HERE = Path(__file__).parent
LINES = HERE.joinpath("expressions.txt").read_text().splitlines()
FORMS = HERE.joinpath("forms.txt").read_text().rstrip("\n").split("\n---\n")
WRITTEN = [*LINES, *(f"{form}\n" for form in FORMS)]
RECORDED = HERE / "answers.json"  # what terraform 1.11.4 said; `python -m tests.terraform.record`
COUNT = 2000

terraform = pytest.mark.skipif(not oracle.TERRAFORM, reason="terraform is not on the PATH")


def differences(expressions: list[str], truth: list[oracle.Answer], folder: Path) -> list[str]:
    found = []
    for text, wanted in zip(expressions, truth, strict=True):
        got = evaluator.answer(text, folder)
        if wanted.value == got.value == oracle.FAILED:
            continue
        if wanted != got:
            found.append(f"{text}\n  terraform {wanted}\n  engine    {got}")
    return found


def test_recorded_answers(tmp_path):
    recorded = [oracle.Answer(*row) for row in json.loads(RECORDED.read_text())]
    assert len(recorded) == len(WRITTEN) > 900
    (tmp_path / "main.tf").write_text("")
    assert differences(WRITTEN, recorded, tmp_path) == []


@pytest.mark.terraform
@terraform
def test_written_expressions(tmp_path):
    assert (
        differences(WRITTEN, oracle.ask(WRITTEN, tmp_path, alone=evaluator.is_spoilt), tmp_path)
        == []
    )


@pytest.mark.terraform
@terraform
def test_generated_expressions(tmp_path):
    expressions = write(COUNT)
    assert len(expressions) == COUNT
    truth = oracle.ask(expressions, tmp_path)
    failed = sum(answer.value == oracle.FAILED for answer in truth)
    assert failed < COUNT * 0.4, "most generated expressions must be sound"
    assert differences(expressions, truth, tmp_path) == []


def test_every_function_is_asked_about():
    asked = set(re.findall(r"((?:\w+::)*\w+)\(", "\n".join([*WRITTEN, *write(COUNT)])))
    elsewhere = {
        "plantimestamp",  # gives the time, which is always another
        "file", "filebase64", "filemd5", "filesha1", "filesha256", "filesha512",
        "filebase64sha256", "filebase64sha512", "templatefile", "rsadecrypt", "base64gzip",
    }  # fmt: skip
    aws = {name for name in FUNCTIONS if name.startswith("provider::aws::")}
    assert NAMES - elsewhere - aws <= asked

"""aws.unrestricted beside cloudsplaining 0.7 on 400 generated policies, and over unknowns.

aws_actions.json holds its answers; where ours differ, ours and why it is mistaken. The data of both
come from AWS's Service Authorization Reference, but by different programs.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from assay.engine.cel.extensions.aws import statements
from assay.engine.cel.extensions.aws_actions import CLASSES, unrestricted
from assay.engine.model import Incomplete, Unknown

CASES = json.loads(Path(__file__).with_name("aws_actions.json").read_text("utf-8"))
SOME = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def _classes(written: Any) -> list[str]:
    found = statements({"Statement": written})
    return sorted(kind for kind in CLASSES if unrestricted(found, kind))


def test_cloudsplaining_agrees_wherever_it_is_not_mistaken() -> None:
    wrong = [
        case
        for case in CASES
        if _classes(case["statements"]) != case.get("ours", case["theirs"])
        or ("ours" in case) != bool(case.get("why"))
    ]
    assert wrong == []
    assert sum("ours" in case for case in CASES) == 41


def _of(kind: str, *written: Any) -> Any:
    return unrestricted(statements({"Statement": list(written)}), kind)


def _unknown(cause: str = "variable", **known: Any) -> Unknown:
    return Unknown(cause, "var.x", **known)


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        # What is known decides, whatever else is not.
        ([SOME, _unknown()], "unknown"),  # it may be a Deny
        ([SOME, {**SOME, "Action": _unknown()}], ["s3:getobject"]),
        ([SOME, {**SOME, "Effect": _unknown(), "Action": "s3:*"}], "unknown"),
        ([{**SOME, "Resource": _unknown()}], "unknown"),
        ([{**SOME, "Resource": [_unknown()]}], "unknown"),
        ([{**SOME, "Resource": [_unknown(prefix="arn:")]}], []),
        ([{**SOME, "Resource": _unknown("apply", type="string")}], []),
        ([{**SOME, "Resource": Incomplete(["*"], _unknown())}], ["s3:getobject"]),
        ([{**SOME, "Resource": Incomplete([], _unknown())}], "unknown"),
        ([{**SOME, "Condition": _unknown()}], "unknown"),
        ([{**SOME, "Condition": {"Bool": {"aws:SecureTransport": _unknown()}}}], []),
        ([SOME, {**SOME, "Effect": "Deny"}], []),
        ([SOME, {**SOME, "Effect": "Deny", "Action": _unknown()}], "unknown"),
        ([{"Effect": "Allow", "NotAction": [_unknown()], "Resource": "*"}], "unknown"),
    ],
)
def test_unknowns(written: list[Any], answer: Any) -> None:
    found = _of("data", *written)
    assert ("unknown" if isinstance(found, Unknown) else found) == answer


def test_a_class_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="no class of actions 'reads'"):
        _of("reads", SOME)


def test_a_hostile_pattern_does_not_run_away() -> None:
    began = time.process_time()
    assert _of("any", {**SOME, "Action": "s3:" + "*a" * 500}) == []
    assert time.process_time() - began < 5

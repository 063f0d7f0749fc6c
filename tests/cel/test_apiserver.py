"""Assay's CEL against a real API server: true, false, error at evaluation, refused at creation.

`apiserver.yaml` holds the server's verdicts, so that the comparison needs no server; with one at
hand, the recording itself is checked. `python tests/tools/verdicts.py` writes it anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.cluster import Cluster
from tools.verdicts import GROUP, ask, sample

from assay.engine.cel import FAILURES, Environment, compile_expression
from assay.engine.errors import InputError, Text

RECORDED = yaml.load(
    Path(__file__).with_name("apiserver.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader
)
CASES: dict[str, dict[str, Any]] = {
    section: {expression: verdict for verdict, expression in cases}
    for section, cases in RECORDED["cases"].items()
}
NAMES = ("object", "oldObject", "request", "params", "namespaceObject", "variables")
ENVIRONMENT = Environment(dict.fromkeys(NAMES))
OBJECT = sample(RECORDED["object"], "case-0")
VALUES = (
    OBJECT,
    None,
    {
        "operation": "CREATE",
        "kind": {"group": GROUP, "version": "v1", "kind": "Sample"},
        "resource": {"group": GROUP, "version": "v1", "resource": "samples"},
        "name": "sample",
        "namespace": "cases",
        "dryRun": True,
        "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
    },
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "limits", "namespace": "cases"},
        "data": RECORDED["params"],
    },
    {"metadata": {"name": "cases", "labels": {"team": "red"}}},
    {"replicas": RECORDED["object"]["num"], "words": RECORDED["object"]["words"]},
)
# Where Assay says something else on purpose. The server knows the types of `request` and
# `variables`; to Assay they are values like any other. Messages of protobuf and the authorizer
# are not part of Assay's language: there is nobody to ask, and nothing that would need them. A
# list cannot be the key of a map.
DIFFERENT = {
    "request.missing == 1": "error",
    "variables.missing == 1": "error",
    'variables["replicas"] == 42': True,
    'authorizer.group("").resource("pods").check("get").allowed() == true': "refused",
    "{[1]: 1} == {}": "error",
    "google.protobuf.Int32Value{value: 1} == 1": "refused",
    'google.protobuf.Duration{seconds: 1} == duration("1s")': "refused",
}


def verdict(expression: str) -> bool | str:
    """What Assay makes of an expression. The fast program may leave it to the partial one."""
    try:
        program = compile_expression(Text("expression", expression), ENVIRONMENT)
    except InputError:
        return "refused"
    try:
        answer = program.partial(*VALUES)
    except FAILURES:
        answer = "error"
    try:
        quick = program.fast(*VALUES)
    except FAILURES:
        quick = answer
    assert quick == answer, f"{expression}: fast says {quick}, partial {answer}"
    return answer if isinstance(answer, bool) else "error"


@pytest.mark.parametrize("section", CASES)
def test_assay_says_what_the_server_said(section: str) -> None:
    wanted = CASES[section] | {
        expression: DIFFERENT[expression]
        for expression in CASES[section]
        if expression in DIFFERENT
    }
    assert {expression: verdict(expression) for expression in wanted} == wanted


def test_there_are_enough_cases() -> None:
    every = [expression for cases in CASES.values() for expression in cases]
    assert len(every) == len(set(every)) >= 300
    assert set(DIFFERENT) <= set(every)
    seen = {str(verdict).lower() for cases in CASES.values() for verdict in cases.values()}
    assert seen == {"true", "false", "error", "refused"}


@pytest.mark.apiserver
def test_the_recording_is_true(apiserver: Cluster) -> None:
    wanted = {expression: said for cases in CASES.values() for expression, said in cases.items()}
    answers = ask(apiserver, list(wanted), RECORDED["object"], RECORDED["params"])
    words = {"true": True, "false": False}
    found = {
        expression: words.get(answer.verdict, answer.verdict)
        for expression, answer in zip(wanted, answers, strict=True)
    }
    assert found == wanted

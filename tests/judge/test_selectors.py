"""Label selectors over labels and terms that are not all known: never a guess, never a crash."""

from __future__ import annotations

from typing import Any

import pytest

from assay.engine.judge.selectors import matches
from assay.engine.model import Unknown

ANY = Unknown("variable", "var.any")
LABELS = {"app": "web", "tier": "front"}


def term(operator: Any, key: Any = "app", *values: Any) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": None}, True),
        ({"matchLabels": ANY}, ANY),
        ({"matchLabels": {"app": ANY}}, ANY),
        ({"matchLabels": {"app": ANY, "tier": "back"}}, False),
        ({"matchExpressions": ANY}, ANY),
        ({"matchExpressions": ANY, "matchLabels": {"app": "other"}}, False),
        ({"matchExpressions": [ANY]}, ANY),
        (term(ANY, "app", "web"), ANY),
        (term("In", ANY, "web"), ANY),
        (term("Exists", ANY), ANY),
        (term("In", "app", ANY), ANY),
        (term("In", "app", "web", ANY), True),
        (term("In", "none", ANY), False),
        (term("NotIn", "app", ANY), ANY),
        (term("NotIn", "app", "web", ANY), False),
        (term("NotIn", "none", ANY), True),
    ],
)
def test_what_is_not_known_of_a_selector(selector: Any, expected: bool | Unknown) -> None:
    assert matches(selector, LABELS) is expected

"""What expressions say of partly known data: no guess, and no unknown that does not matter."""

from __future__ import annotations

from typing import Any

import pytest

from assay.engine.cel import FAILURES, Environment, compile_expression
from assay.engine.errors import Text
from assay.engine.model import Incomplete, Unknown

ANY = Unknown("variable", "var.any")
ARN = Unknown(
    "apply",
    "aws_s3_bucket.a.arn",
    identity="aws_s3_bucket.a.arn",
    not_null=True,
    type="string",
    prefix="arn:aws:s3:::",
    least=13,
)
OTHER = Unknown("apply", "x", type="string", not_null=True, prefix="arn:aws:sns:")
ZONE_A = Unknown("data", "zones[0]", identity="zones[0]", family="zones", not_null=True)
ZONE_B = Unknown("data", "zones[1]", identity="zones[1]", family="zones", not_null=True)
MORE = Unknown("relation", "subnets")
FAILED = "error"
VALUES: dict[str, Any] = {
    "any": ANY,
    "arn": ARN,
    "other": OTHER,
    "a": ZONE_A,
    "b": ZONE_B,
    "some": Incomplete([1, 2], MORE),
    "mixed": [1, ANY],
    "thing": {"name": "x", "arn": ARN, "any": ANY},
    "one": 1,
}


def answer(expression: str) -> Any:
    """The answer of the partial program; that of the fast one may not differ where it has one."""
    program = compile_expression(Text("e", expression), Environment(dict.fromkeys(VALUES)))
    values = tuple(VALUES.values())
    try:
        found = program.partial(*values)
    except FAILURES:
        found = FAILED
    return found


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("any || true", True),
        ("true || any", True),
        ("any || false", ANY),
        ("any && false", False),
        ("false && any", False),
        ("any && true", ANY),
        ("any || 1 / 0 == 0", ANY),
        ("1 / 0 == 0 || any", ANY),
        ("(1 / 0 == 0) && any == 1", ANY),
        ("!any", ANY),
        ("any ? 1 : 1", ANY),
        ("true ? 1 : any", 1),
        ("any + 1", ANY),
        ("any == any", ANY),
        ("any == 1", ANY),
        ("arn == arn", True),
        ("arn != arn", False),
        ("arn == other", False),
        ("a == b", False),
        ("a != b", True),
        ("a == a", True),
        ("a in [b]", False),
        ("a in [b, a]", True),
        ("arn == 'arn:aws:sqs:x'", False),
        ("arn == 'arn:aws:s3:::x'", ARN),
        ("arn == 'short'", False),
        ("arn == dyn(null)", False),
        ("any == dyn(null)", ANY),
        ("arn == dyn(1)", False),
        ("arn.startsWith('arn:aws:')", True),
        ("arn.startsWith('arn:aws:s3:::log')", ARN),
        ("arn.startsWith('x')", False),
        ("arn.contains('aws:s3')", True),
        ("arn.contains('logs')", ARN),
        ("arn.endsWith('x')", ARN),
        ("has(thing.arn)", True),
        ("has(thing.any)", ANY),
        ("has(thing.name)", True),
        ("has(thing.none)", False),
        ("has(any.x)", ANY),
        ("any.x.y", ANY),
        ("any[0]", ANY),
        ("thing.none == 1", FAILED),
        ("thing.none == 1 || any", ANY),
        ("size(some) >= 2", True),
        ("size(some) > 2", MORE),
        ("size(some) < 2", False),
        ("size(some) == 1", False),
        ("some.exists(x, x == 2)", True),
        ("some.exists(x, x == 3)", MORE),
        ("some.all(x, x > 0)", MORE),
        ("some.all(x, x > 1)", False),
        ("2 in some", True),
        ("3 in some", MORE),
        ("mixed.exists(x, x == 1)", True),
        ("mixed.exists(x, x == 2)", ANY),
        ("mixed.all(x, x == 2)", False),
        ("mixed.all(x, x == 1)", ANY),
        ("mixed.map(x, 1)", [1, 1]),
        ("mixed.size() == 2", True),
        ("[dyn(1), any] == [2, 3]", False),
        ("[dyn(1), any] == [1, 3]", ANY),
        ("quantity(any) == quantity('1')", ANY),
        ("any.matches('x')", ANY),
        ("thing.?none.orValue(one) == 1", True),
        ("thing.?any.orValue(1)", ANY),
        ("any.?x.hasValue()", ANY),
        ("thing[?any]", ANY),
        ("some[?any].orValue(1)", ANY),
        ("thing[?any].orValue('x') == 'x'", ANY),
    ],
)
def test_answers_over_unknown_data(expression: str, wanted: Any) -> None:
    found = answer(expression)
    if isinstance(wanted, Unknown):
        assert isinstance(found, Unknown), f"a guess: {found!r}"
        assert found.origin == wanted.origin
    else:
        assert type(found) is type(wanted)
        assert found == wanted


def test_a_filter_over_what_is_not_known_is_incomplete() -> None:
    found = answer("mixed.filter(x, x == 1)")
    assert isinstance(found, Incomplete)
    assert list(found) == [1]
    assert found.rest is ANY

"""What is not known decides only what depends on it, and says what it was."""

from __future__ import annotations

from typing import Any

import pytest

from assay.engine.catalogue.load import RuleFile, build
from assay.engine.model import Incomplete, Loaded, Path, Place, Resource, Unknown
from assay.engine.scan import ScanOptions, scan

ID = Unknown("apply", "aws_kms_key.k.arn", identity="aws_kms_key.k.arn", not_null=True)
VARIABLE = Unknown("variable", "var.encrypted")
NAME = Unknown("apply", "random_id.r.hex", not_null=True, type="string", prefix="public-")
MODULE = Unknown("module", "module.zones.names")
ZONES = [
    Unknown(
        "data", f"zones.names[{n}]", identity=f"zones.names[{n}]", family="zones", not_null=True
    )
    for n in range(3)
]


def verdict(assertion: str, values: dict[str, Any], when: str = "true") -> tuple[str, str | None]:
    control = f"""
id: network-test
title: A test
severity: high
why: Because.
checks:
  - for: aws_x
    when: {when!r}
    assert: {assertion!r}
    fix: Write it.
"""
    resource = Resource("terraform", "aws_x", "aws_x.a", values, Place("a.tf"), complete=False)
    catalogue = build([RuleFile("rules/network/a.yaml", "network", control)])
    (found,) = scan(catalogue, [Loaded([resource], [], [])], ScanOptions()).findings()
    return found.status, found.cause


@pytest.mark.parametrize(
    ("assertion", "values", "expected"),
    [
        ("has(resource.key)", {"key": ID}, ("pass", None)),
        ("has(resource.key)", {"key": VARIABLE}, ("unknown", "variable")),
        ("has(resource.key)", {}, ("fail", None)),
        ("resource.on == true", {"on": VARIABLE}, ("unknown", "variable")),
        (
            "resource.on == true || resource.off == true",
            {"on": VARIABLE, "off": True},
            ("pass", None),
        ),
        (
            "resource.on == true && resource.off == true",
            {"on": VARIABLE, "off": False},
            ("fail", None),
        ),
        ("resource.on == true && resource.none == 1", {"on": VARIABLE}, ("unknown", "variable")),
        ("resource.key == resource.key", {"key": ID}, ("pass", None)),
        ("resource.on == resource.on", {"on": VARIABLE}, ("unknown", "variable")),
        ('resource.name.startsWith("public-")', {"name": NAME}, ("pass", None)),
        ('resource.name.startsWith("private-")', {"name": NAME}, ("fail", None)),
        ('resource.name == "private-a"', {"name": NAME}, ("fail", None)),
        ('resource.name == "public-a"', {"name": NAME}, ("unknown", "apply")),
        ("size(resource.zones) >= 2", {"zones": Incomplete([ID, ID], MODULE)}, ("pass", None)),
        (
            "size(resource.zones) >= 3",
            {"zones": Incomplete([ID, ID], MODULE)},
            ("unknown", "module"),
        ),
        ("resource.l.exists(x, x == 1)", {"l": Incomplete([1], MODULE)}, ("pass", None)),
        ("resource.l.exists(x, x == 2)", {"l": Incomplete([1], MODULE)}, ("unknown", "module")),
        ("resource.l.all(x, x == 1)", {"l": Incomplete([1], MODULE)}, ("unknown", "module")),
        ("resource.l.all(x, x == 2)", {"l": Incomplete([1], MODULE)}, ("fail", None)),
        ("resource.l.all(x, x == 2)", {"l": MODULE}, ("unknown", "module")),
        ("resource.z[0] != resource.z[1]", {"z": ZONES}, ("pass", None)),
        ("resource.z[0] in resource.z", {"z": ZONES}, ("pass", None)),
    ],
)
def test_three_valued(
    assertion: str, values: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    assert verdict(assertion, values) == expected


def test_an_unknown_condition_is_unknown_and_a_known_one_decides() -> None:
    assert verdict("false", {"on": VARIABLE}, "resource.on") == ("unknown", "variable")
    assert verdict("resource.on", {"on": VARIABLE}, "false") == ("not_applicable", None)


def test_an_incomplete_relation_satisfies_exists_and_never_all() -> None:
    control = """
id: network-test
title: A test
severity: high
why: Because.
checks:
  - for: aws_b
    id: some
    related: {x: {kind: aws_x, refers: b}}
    assert: related.x.exists(each, each.on == true)
    fix: Write it.
  - for: aws_b
    id: every
    related: {x: {kind: aws_x, refers: b}}
    assert: related.x.all(each, each.on == true)
    fix: Write it.
"""
    refs: dict[Path, tuple[str, ...]] = {("b",): ("aws_b.a",)}
    place = Place("a.tf")
    resources = [
        Resource("terraform", "aws_b", "aws_b.a", {}, place),
        Resource("terraform", "aws_b", "aws_b.b", {}, place),
        Resource(
            "terraform", "aws_x", "aws_x.a", {"b": ID, "on": True}, place, refs=refs, complete=False
        ),
        Resource(
            "terraform", "aws_x", "aws_x.b", {"b": VARIABLE, "on": True}, place, complete=False
        ),
    ]
    catalogue = build([RuleFile("rules/network/a.yaml", "network", control)])
    found = scan(catalogue, [Loaded(resources, [], [])], ScanOptions()).findings()
    assert [(f.check, f.resource.address, f.status, f.cause) for f in found] == [
        ("some", "aws_b.a", "pass", None),
        ("some", "aws_b.b", "unknown", "relation"),
        ("every", "aws_b.a", "unknown", "relation"),
        ("every", "aws_b.b", "unknown", "relation"),
    ]

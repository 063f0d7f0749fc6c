"""The loop: controls × resources → findings, whole, with every status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from assay.engine.catalogue.load import RuleFile, build
from assay.engine.errors import InputError
from assay.engine.model import Loaded, Path, Place, Resource, SourceError, Unknown
from assay.engine.scan import ScanOptions, scan

HEAD = """
id: network-test
title: A test
severity: high
why: Because.
checks:
"""


def judged(
    checks: str, resources: Iterable[Resource], views: str = "", **options: Any
) -> list[tuple[str, str, list[str], str]]:
    files = [RuleFile("rules/network/test.yaml", "network", HEAD + checks)]
    if views:
        files.append(RuleFile("rules/views/v.yaml", "views", views))
    result = scan(build(files), [Loaded(list(resources), [], [])], ScanOptions(**options))
    return [
        (f.resource.address, f.status, [v.path for v in f.violations], f.message)
        for f in result.findings()
    ]


def bucket(
    address: str, refs: dict[Path, tuple[str, ...]] | None = None, **values: Any
) -> Resource:
    complete = not any(isinstance(value, Unknown) for value in values.values())
    return Resource(
        "terraform",
        address.split(".")[0],
        address,
        values,
        Place("main.tf", 1),
        refs=refs,
        complete=complete,
    )


def deployment(name: str, containers: list[Any], **spec: Any) -> Resource:
    values = {
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": containers, **spec}}},
    }
    kind = "apps/v1/Deployment"
    return Resource(
        "manifest", kind, f"apps/Deployment/x/{name}", values, Place("a.yaml"), namespace="x"
    )


PLAIN = """
- for: aws_s3_bucket
  when: '!has(resource.skip)'
  assert: has(resource.acl) && resource.acl == "private"
  message: '{address} has {resource.?acl.orValue("no acl")}'
  fix: Write it.
"""


def test_pass_fail_not_applicable_and_error_with_path_and_message() -> None:
    found = judged(
        PLAIN + "- for: aws_sqs_queue\n  assert: resource.x > 1\n  fix: Write it.\n",
        [
            bucket("aws_s3_bucket.a", acl="private"),
            bucket("aws_s3_bucket.b", acl="public"),
            bucket("aws_s3_bucket.c"),
            bucket("aws_s3_bucket.d", skip=True),
            bucket("aws_sqs_queue.q", x="text"),
            bucket("aws_sns_topic.t"),
        ],
    )
    assert found[:4] == [
        ("aws_s3_bucket.a", "pass", [], ""),
        ("aws_s3_bucket.b", "fail", ["acl"], "aws_s3_bucket.b has public"),
        ("aws_s3_bucket.c", "fail", ["acl"], "aws_s3_bucket.c has no acl"),
        ("aws_s3_bucket.d", "not_applicable", [], ""),
    ]
    assert [(address, status) for address, status, _, _ in found[4:]] == [
        ("aws_sqs_queue.q", "error")
    ]


def test_the_conjunct_that_fails_names_the_path() -> None:
    checks = (
        "- for: aws_s3_bucket\n  assert: resource.a == 1 && resource.b == 1\n  fix: Write it.\n"
    )
    found = judged(
        checks, [bucket("aws_s3_bucket.x", a=1, b=2), bucket("aws_s3_bucket.y", a=2, b=1)]
    )
    assert [paths for _, _, paths, _ in found] == [["b"], ["a"]]


def test_each_points_at_every_element_that_fails() -> None:
    checks = """
- for: workload
  each: 'containers[].ports[]'
  assert: item.containerPort != 22
  message: 'port {item.containerPort} is open'
  fix: Write it.
"""
    ports = [{"containerPort": 22}, {"containerPort": 80}]
    found = judged(
        checks,
        [
            deployment("a", [{"ports": ports}, {"ports": ports}]),
            deployment("b", [{}], initContainers=[{"ports": ports}]),
            deployment("c", [{}]),
        ],
    )
    spec = "spec.template.spec"
    at = [f"{spec}.containers[0].ports[0]", f"{spec}.containers[1].ports[0]"]
    assert found == [
        ("apps/Deployment/x/a", "fail", at, "port 22 is open"),
        ("apps/Deployment/x/b", "fail", [f"{spec}.initContainers[0].ports[0]"], "port 22 is open"),
        ("apps/Deployment/x/c", "pass", [], ""),
    ]


VIEW = """
view: aws/rule
of:
  aws_security_group:
    each: 'ingress[]'
    item: {port: item.port}
  aws_security_group_rule:
    when: resource.type == "ingress"
    item: {port: resource.from_port}
"""


def test_a_view_gives_kinds_one_shape_and_keeps_paths() -> None:
    checks = """
- for: aws/rule
  assert: item.port != 22
  message: '{address}: {item.port}'
  fix: Write it.
"""
    rule = "aws_security_group_rule"
    found = judged(
        checks,
        [
            bucket("aws_security_group.g", ingress=[{"port": 80}, {"port": 22}]),
            bucket(f"{rule}.in", type="ingress", from_port=22),
            bucket(f"{rule}.out", type="egress", from_port=22),
            bucket("aws_security_group.none"),
        ],
        VIEW,
    )
    assert found == [
        ("aws_security_group.g", "fail", ["ingress[1]"], "aws_security_group.g: 22"),
        (f"{rule}.in", "fail", ["from_port"], f"{rule}.in: 22"),
        (f"{rule}.out", "not_applicable", [], ""),
        ("aws_security_group.none", "pass", [], ""),
    ]


def test_variables_params_and_relations() -> None:
    checks = """
- for: aws_s3_bucket
  variables: {count: 'size(related.blocks)', enough: variables.count >= params.least}
  related: {blocks: {kind: aws_block, refers: bucket}}
  assert: variables.enough
  message: '{variables.count} of {params.least}'
  fix: Write it.
"""
    block = bucket("aws_block.b", {("bucket",): ("aws_s3_bucket.a",)}, bucket="x")
    resources = [bucket("aws_s3_bucket.a"), bucket("aws_s3_bucket.b"), block]
    head = HEAD.replace("checks:", "params: {least: {type: int, default: 1}}\nchecks:")
    catalogue = build([RuleFile("rules/network/t.yaml", "network", head + checks)])
    outcomes = []
    for least in (1, 2):
        options = ScanOptions(params={"network-test": {"least": least}})
        result = scan(catalogue, [Loaded(resources, [], [])], options)
        outcomes.append([(f.status, f.message) for f in result.findings()])
    assert outcomes == [
        [("pass", ""), ("fail", "0 of 1")],
        [("fail", "1 of 2"), ("fail", "0 of 2")],
    ]


def test_what_is_expected_is_judged_only_when_the_user_expects_it() -> None:
    checks = """
- for: estate
  expects: cloudtrail
  related: {trails: {kind: aws_cloudtrail, within: scan}}
  assert: size(related.trails) > 0
  message: no trail
  fix: Write it.
"""
    assert [found[1] for found in judged(checks, [])] == ["not_applicable"]
    expects = frozenset({"cloudtrail"})
    assert judged(checks, [], expects=expects) == [("estate", "fail", [""], "no trail")]
    trail = [bucket("aws_cloudtrail.t")]
    assert [found[1] for found in judged(checks, trail, expects=expects)] == ["pass"]


def test_sensitive_values_never_reach_a_message() -> None:
    checks = """
- for: aws_db_instance
  assert: has(resource.password) && size(resource.password) > 20
  message: 'the password {resource.password} of {resource.name} is short'
  fix: Write it.
"""
    resource = bucket("aws_db_instance.a", password="hunter2", name="main")
    resource.sensitive = frozenset({("password",)})
    assert judged(checks, [resource]) == [
        (
            "aws_db_instance.a",
            "fail",
            ["password"],
            "the password (sensitive) of main is short",
        )
    ]


def test_sources_that_were_not_read_are_error_findings_at_the_end() -> None:
    catalogue = build([RuleFile("rules/network/t.yaml", "network", HEAD + PLAIN)])
    place = Place("b.yaml", 3, 4)
    error = SourceError("manifest", ".", "default", "b.yaml", "yaml-syntax", "no YAML", place)
    loaded = [Loaded([], [error], []), Loaded([bucket("aws_s3_bucket.a", acl="private")], [], [])]
    result = scan(catalogue, loaded, ScanOptions())
    found = [(f.control, f.check, f.status, f.violations) for f in result.findings()]
    assert found[0][:3] == ("network-test", "aws_s3_bucket", "pass")
    assert found[1][:3] == ("assay-source", "yaml-syntax", "error")
    assert found[1][3][0].place == place
    assert result.counts == {
        "pass": 1,
        "fail": 0,
        "not_applicable": 0,
        "unknown": 0,
        "error": 1,
        "manual": 0,
    }


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"network-none": {}}, "no-control"),
        ({"network-test": {"x": 1}}, "no-parameter"),
    ],
)
def test_parameters_that_do_not_exist_are_refused(params: Any, code: str) -> None:
    catalogue = build([RuleFile("rules/network/t.yaml", "network", HEAD + PLAIN)])
    with pytest.raises(InputError) as caught:
        scan(catalogue, [], ScanOptions(params=params))
    assert [problem.code for problem in caught.value.problems] == [code]

"""Assay's own functions, on known and on partly unknown values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.engine.cel.extensions.aws import statements
from assay.engine.cel.extensions.labels import selects
from assay.engine.cel.extensions.network import covers, overlap
from assay.engine.cel.extensions.parse import parse_json, parse_yaml
from assay.engine.cel.extensions.secrets import kind
from assay.engine.model import Incomplete, Unknown

BUCKET = Unknown("apply", "aws_s3_bucket.logs.arn", type="string", not_null=True)
MAYBE = Unknown("variable", "var.any")
EMPTY = {
    "sid": "",
    "effect": "Allow",
    "principals": [],
    "not_principals": [],
    "actions": [],
    "not_actions": [],
    "resources": [],
    "not_resources": [],
    "conditions": [],
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 1.5, null, true, "x"]}', {"a": [1, 1.5, None, True, "x"]}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ("9223372036854775808", 9223372036854775808.0),
        ("1e2", 100.0),
        ('"\\ud83d\\ude00"', "😀"),
    ],
)
def test_json(text: str, value: Any) -> None:
    assert repr(parse_json(text)) == repr(value)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", "[" * 200_000, "1" * 5000 + "x"])
def test_bad_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [x, 2.5, null, yes, 'yes']", {"a": 1, "b": ["x", 2.5, None, True, "yes"]}),
        (
            "d: 2020-01-01\np: 8080:80\no: 0o17\nh: 0x1f",
            {"d": "2020-01-01", "p": "8080:80", "o": "0o17", "h": 31},
        ),
        (
            "base: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}",
            {"base": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}},
        ),
        ("1: a\ntrue: b", {"1": "a", "true": "b"}),
        ("", None),
        ("[.inf, -.inf, 1_000]", [float("inf"), float("-inf"), 1000]),
    ],
)
def test_yaml(text: str, value: Any) -> None:
    assert parse_yaml(text) == value


BOMB = "a: &a [x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "text", ["a: [", "a: 1\n---\nb: 2", "{" * 5000, BOMB, "? [a]\n: 1", "<<: 1", "&a [*a]"]
)
def test_bad_yaml_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_yaml(text)


def test_text_with_known_structure_is_read_and_other_text_is_not() -> None:
    known = Unknown("apply", "local.policy", structure=("json", {"a": BUCKET}))
    assert parse_json(known) == {"a": BUCKET}
    found = parse_json(Unknown("apply", "x.y", identity="x.y", refs=("x.y",)))
    assert (found.cause, found.origin, found.identity, found.refs) == (
        "apply",
        "x.y",
        "parse.json(x.y)",
        ("x.y",),
    )
    with pytest.raises(TypeError):
        parse_json(1)


DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": {
        "Sid": "One",
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::1:root", "2"], "Service": "ec2.amazonaws.com"},
        "Action": "S3:GetObject",
        "NotResource": ["arn:aws:s3:::A"],
        "Condition": {
            "Bool": {"AWS:SecureTransport": False},
            "NumericLessThan": {"s3:max-keys": [10]},
        },
    },
}
NORMAL = EMPTY | {
    "sid": "One",
    "principals": ["AWS:arn:aws:iam::1:root", "AWS:2", "Service:ec2.amazonaws.com"],
    "actions": ["s3:getobject"],
    "not_resources": ["arn:aws:s3:::A"],
    "conditions": [
        {"operator": "Bool", "key": "aws:securetransport", "values": ["false"]},
        {"operator": "NumericLessThan", "key": "s3:max-keys", "values": ["10"]},
    ],
}
BLOCKS = {
    "statement": [
        {
            "sid": "One",
            "effect": "Allow",
            "actions": ["s3:GetObject"],
            "not_resources": ["arn:aws:s3:::A"],
            "principals": [
                {"type": "AWS", "identifiers": ["arn:aws:iam::1:root", "2"]},
                {"type": "Service", "identifiers": ["ec2.amazonaws.com"]},
            ],
            "condition": [
                {"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]},
                {"test": "NumericLessThan", "variable": "s3:max-keys", "values": ["10"]},
            ],
        }
    ]
}


@pytest.mark.parametrize(
    "document", [DOCUMENT, json.dumps(DOCUMENT), [DOCUMENT["Statement"]], BLOCKS]
)
def test_every_way_to_write_a_policy_has_one_normal_form(document: Any) -> None:
    assert statements(document) == [NORMAL]


def test_a_star_is_everybody() -> None:
    written = {"Statement": [{"Effect": "Allow", "Principal": "*", "NotAction": ["iam:*"]}]}
    assert statements(written) == [EMPTY | {"principals": ["AWS:*"], "not_actions": ["iam:*"]}]
    assert statements({"Version": "2012-10-17"}) == []


def test_what_is_known_of_a_policy_is_kept() -> None:
    found = statements(
        Unknown(
            "apply",
            "aws_iam_policy.a.policy",
            structure=(
                "json",
                {
                    "Statement": Incomplete(
                        [{"Effect": "Allow", "Action": "s3:*", "Resource": [BUCKET, "*"]}, MAYBE],
                        MAYBE,
                    )
                },
            ),
        )
    )
    assert found == [EMPTY | {"actions": ["s3:*"], "resources": [BUCKET, "*"]}, MAYBE]
    assert isinstance(found, Incomplete)
    assert found.rest is MAYBE
    one = statements({"Statement": [{"Effect": "Allow", "Action": MAYBE, "Resource": BUCKET}]})
    assert one == [EMPTY | {"actions": MAYBE, "resources": [BUCKET]}]
    assert statements(MAYBE) is MAYBE


def test_an_unknown_principal_keeps_its_type() -> None:
    role = Unknown("apply", "r.arn", identity="r.arn", prefix="arn:aws:iam::", suffix="/r")
    (found,) = statements({"Statement": {"Effect": "Allow", "Principal": {"AWS": role}}})
    (principal,) = found["principals"]
    assert (principal.identity, principal.prefix, principal.suffix) == (
        "AWS:r.arn",
        "AWS:arn:aws:iam::",
        "/r",
    )


@pytest.mark.parametrize("document", ["{", 1, {"Statement": [1]}, {"Statement": "x"}])
def test_what_is_no_policy_is_an_error(document: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        statements(document)


@pytest.mark.parametrize(
    ("ranges", "wanted", "answer"),
    [
        (["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0/0", True),
        (["0.0.0.0/1", "128.0.0.0/2"], "0.0.0.0/0", False),
        (["::/1", "8000::/1"], "::/0", True),
        (["0.0.0.0/0"], "::/0", False),
        (["10.0.0.0/8"], "10.255.255.255", True),
        (["10.0.0.5/8"], "10.0.0.0/8", True),
        (["10.0.0.1", "10.0.0.0"], "10.0.0.0/31", True),
        ([], "10.0.0.0/8", False),
        (["10.0.0.0/8", MAYBE], "10.0.0.0/16", True),
        (["10.0.0.0/8", MAYBE], "11.0.0.0/16", MAYBE),
        (Incomplete(["10.0.0.0/8"], MAYBE), "10.0.0.0/16", True),
        (Incomplete(["10.0.0.0/8"], MAYBE), "0.0.0.0/0", MAYBE),
        (MAYBE, "0.0.0.0/0", MAYBE),
        (["10.0.0.0/8"], MAYBE, MAYBE),
        ([], MAYBE, False),
    ],
)
def test_ranges_cover_as_one(ranges: Any, wanted: Any, answer: Any) -> None:
    assert covers(ranges, wanted) is answer


@pytest.mark.parametrize(
    ("ranges", "wanted"), [(["x"], "::/0"), ([], "10.0.0.0/33"), ([1], "::/0")]
)
def test_what_is_no_range_is_an_error(ranges: Any, wanted: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        covers(ranges, wanted)


@pytest.mark.parametrize(
    ("low", "high", "ports", "answer"),
    [
        (22, 22, [22], True),
        (0, 65535, [3389], True),
        (23, 80, [22, 81], False),
        (0, 0, [22], True),
        (-1, -1, [22], True),
        (None, None, [22], True),
        (8, 0, [22], False),
        (8000, 8100, ["7000-8000"], True),
        (22, 22, [], False),
        (22, 22, [MAYBE, 22], True),
        (22, 22, [MAYBE, 80], MAYBE),
        (MAYBE, 21, [22], False),
        (MAYBE, 22, [22], MAYBE),
        (23, MAYBE, [22], False),
        (20, MAYBE, [22], MAYBE),
        (22, 22, MAYBE, MAYBE),
        (22, 22, Incomplete([80], MAYBE), MAYBE),
    ],
)
def test_ports_overlap(low: Any, high: Any, ports: Any, answer: Any) -> None:
    assert overlap(low, high, ports) is answer


@pytest.mark.parametrize(
    ("selector", "labels", "answer"),
    [
        ({}, {"a": "1"}, True),
        ({}, None, True),
        (None, {"a": "1"}, False),
        ({"a": "1"}, {"a": "1", "b": "2"}, True),
        ({"a": "1"}, {"a": "2"}, False),
        ({"a": "1"}, None, False),
        ({"matchLabels": {"a": "1"}}, {"a": "1"}, True),
        ({"matchLabels": {}}, {}, True),
        ({"matchLabels": "x"}, {"matchLabels": "x"}, True),
        (
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]},
            {"a": "2"},
            True,
        ),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        (
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]},
            {"a": "1"},
            False,
        ),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        (
            {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]},
            {"a": "1"},
            False,
        ),
        (MAYBE, {"a": "1"}, MAYBE),
        ({"a": "1"}, MAYBE, MAYBE),
        ({"a": MAYBE}, {"a": "1"}, MAYBE),
        ({"a": MAYBE, "b": "2"}, {"a": "1", "b": "3"}, False),
        ({"matchLabels": MAYBE}, {"a": "1"}, MAYBE),
        ({"a": "web"}, {"a": Unknown("apply", "x", prefix="db-")}, False),
        ({"matchExpressions": Incomplete([], MAYBE)}, {}, MAYBE),
    ],
)
def test_labels_are_selected(selector: Any, labels: Any, answer: Any) -> None:
    assert selects(selector, labels) is answer


def test_an_operator_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="Like"):
        selects({"matchExpressions": [{"key": "a", "operator": "Like"}]}, {})


# Made up, and put together here so that no scanner takes this file for a leak.
SECRETS = [
    ("", "AKIA" + "Q3EGRXVH4TIU2ABC", "aws-access-key"),
    ("", "AIza" + "SyD9tSrke72PouQMnMXa7eZSW0jkFMBWY38"[:35], "google-api-key"),
    ("", "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2, "github-token"),
    ("", "glpat-" + "x9Kf2mPqR7tVw3Yz5AbC", "gitlab-token"),
    ("", "xoxb-" + "2048103948-AbCdEfGhIjKl", "slack-token"),
    (
        "",
        "https://hooks.slack.com/services/" + "T02ABCDEF/B03XYZ/q8Wz7rTyU1iOpAsD",
        "slack-webhook",
    ),
    ("", "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc", "stripe-key"),
    ("", "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7Zq1\n", "private-key"),
    ("", "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJhYmMifQ.SflKxwRJSMeKKF2QT4fwpM", "jwt"),
    ("", "postgres://app:" + "hunter22@db:5432/x", "connection-string"),
    ("", "Server=db;User Id=sa;" + "Password=Gh7!kd9Qz;", "connection-password"),
    ("DB_PASSWORD", "Tr0ub4dor&3xQ", "named"),
    ("rootPassword", "hunter2hunter2", "named"),
    ("API_KEY", "9f8e7d6c5b4a39281706f5e4d3c2b1a0", "named"),
    ("env[3].AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ91kdLo2p", "named"),
    ("client_secret", "8Q~7~Zk4DEF.ghiJKL-mno_PQRstu", "named"),
    ("anything", "(secret: jwt)", "jwt"),
]
ORDINARY = [
    ("DB_PASSWORD", "changeme123"),
    ("DB_PASSWORD", "$(DB_PASSWORD)"),
    ("DB_PASSWORD", "${var.password}"),
    ("DB_PASSWORD", "{{ .Values.password }}"),
    ("DB_PASSWORD", "<your password>"),
    ("DB_PASSWORD", "vault:secret/data/db#password"),
    ("DB_PASSWORD", ""),
    ("password", "password"),
    ("PASSWORD_FILE", "/run/secrets/password"),
    ("password", "/run/secrets/password"),
    ("existingSecret", "my-database-credentials-7f"),
    ("secretName", "k3s9-x8f2-tls-wildcard"),
    ("imagePullSecret", "registry-k3s9x8f2q7"),
    ("tokenUrl", "https://login.example.com/oauth2/token"),
    ("api_key", "my-api-key-name"),
    ("token", "sha256:" + "ab" * 32),
    ("key", "9f8e7d6c5b4a39281706f5e4d3c2b1a0"),
    ("image", "registry.example.com/app@sha256:" + "0f" * 32),
    ("a", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("url", "postgres://app:${PASSWORD}@db/x"),
    ("url", "https://example.com:8080/a@b"),
    ("url", "redis://:password@redis:6379"),
    ("publicKey", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq8Wz7rTyU1iOpAsD me"),
    ("t", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOC\n"),
]


@pytest.mark.parametrize(("name", "text", "found"), SECRETS)
def test_secrets_are_found(name: str, text: str, found: str) -> None:
    assert kind(name, text) == found


@pytest.mark.parametrize(("name", "text"), ORDINARY)
def test_other_texts_are_left_alone(name: str, text: str) -> None:
    assert kind(name, text) == ""


def test_a_text_that_is_in_part_unknown_is_judged_by_its_known_ends() -> None:
    url = Unknown("apply", "aws_db_instance.a.endpoint", prefix="postgres://app:hunter22@db.")
    assert kind("url", url) == "connection-string"
    assert kind("DB_PASSWORD", MAYBE) is MAYBE

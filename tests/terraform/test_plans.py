"""Plans and states: the same shape as configurations, unknown and sensitive by their marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.engine.commands.resources import document
from assay.engine.errors import InputError
from assay.engine.terraform.context import Options
from assay.engine.terraform.recorded import load

PLAN: dict[str, Any] = {
    "format_version": "1.2",
    "resource_changes": [
        {
            "address": "module.a.aws_db_instance.a[0]",
            "mode": "managed",
            "type": "aws_db_instance",
            "change": {
                "actions": ["create"],
                "after": {
                    "multi_az": True,
                    "password": "not-a-real-one",
                    "kms_key_id": None,
                    "port": 5432.0,
                    "timeouts": None,
                    "restore": [{"x": None, "y": 1}],
                },
                "after_unknown": {"id": True, "arn": True, "restore": [{"z": True}]},
                "after_sensitive": {"restore": [{"y": True}]},
            },
        },
        {
            "address": "aws_s3_bucket.replaced",
            "mode": "managed",
            "type": "aws_s3_bucket",
            "change": {
                "actions": ["delete", "create"],
                "after": {"bucket": "b"},
                "after_unknown": {},
                "after_sensitive": False,
            },
        },
        {
            "address": "aws_s3_bucket.gone",
            "mode": "managed",
            "type": "aws_s3_bucket",
            "change": {"actions": ["delete"], "after": None},
        },
    ],
}
RAW: dict[str, Any] = {
    "version": 4,
    "terraform_version": "1.11.4",
    "resources": [
        {
            "module": "module.a",
            "mode": "managed",
            "type": "aws_s3_bucket",
            "name": "b",
            "instances": [
                {"index_key": "x", "attributes": {"bucket": "one", "acl": None}},
                {"index_key": "y", "attributes": {"bucket": "two"}},
            ],
        },
        {
            "mode": "data",
            "type": "aws_region",
            "name": "r",
            "instances": [{"attributes": {"name": "eu"}}],
        },
    ],
}
STATE: dict[str, Any] = {
    "format_version": "1.0",
    "values": {
        "root_module": {
            "resources": [
                {
                    "address": "aws_vpc.v",
                    "mode": "managed",
                    "type": "aws_vpc",
                    "values": {"id": "v"},
                }
            ],
            "child_modules": [
                {
                    "resources": [
                        {
                            "address": "module.m.aws_vpc.v",
                            "mode": "managed",
                            "type": "aws_vpc",
                            "values": {"id": "w"},
                            "sensitive_values": {"id": True},
                        }
                    ]
                }
            ],
        }
    },
}


def loaded(tmp_path: Path, text: str, what: str) -> list[tuple[Any, ...]]:
    file = tmp_path / f"{what}.json"
    file.write_text(text)
    options = Options(plans=(str(file),)) if what == "plan" else Options(states=(str(file),))
    shown = [document(resource, True) for resource in load(options, []).resources]
    return [
        (
            each["source"],
            each["kind"],
            each["address"],
            each["values"],
            each["unknown"],
            each["sensitive"],
        )
        for each in shown
    ]


def test_a_plan_keeps_what_is_unknown_and_sensitive_and_leaves_out_what_goes(
    tmp_path: Path,
) -> None:
    values = {
        "multi_az": True,
        "password": "not-a-real-one",
        "port": 5432,
        "restore": [{"y": 1}],
    }
    assert loaded(tmp_path, json.dumps(PLAN), "plan") == [
        (
            "plan",
            "aws_db_instance",
            "module.a.aws_db_instance.a[0]",
            values,
            ["restore[0].z", "id", "arn"],
            ["password", "restore[0].y"],
        ),
        ("plan", "aws_s3_bucket", "aws_s3_bucket.replaced", {"bucket": "b"}, [], []),
    ]


def test_states_as_shown_and_as_stored(tmp_path: Path) -> None:
    assert loaded(tmp_path, json.dumps(STATE), "state") == [
        ("state", "aws_vpc", "aws_vpc.v", {"id": "v"}, [], []),
        ("state", "aws_vpc", "module.m.aws_vpc.v", {"id": "w"}, [], ["id"]),
    ]
    assert loaded(tmp_path, json.dumps(RAW), "state") == [
        ("state", "aws_s3_bucket", 'module.a.aws_s3_bucket.b["x"]', {"bucket": "one"}, [], []),
        ("state", "aws_s3_bucket", 'module.a.aws_s3_bucket.b["y"]', {"bucket": "two"}, [], []),
        ("state", "data.aws_region", "data.aws_region.r", {"name": "eu"}, [], []),
    ]


@pytest.mark.parametrize(
    ("text", "what", "code"),
    [
        ("PK\x03\x04 binary", "plan", "plan-binary"),
        ("{", "plan", "plan-json"),
        ("[]", "plan", "plan-json"),
        ("{}", "plan", "plan-shape"),
        ('{"format_version": "2.0", "resource_changes": []}', "plan", "plan-shape"),
        ('{"format_version": "1.2"}', "plan", "plan-shape"),
        (json.dumps({**PLAN, "errored": True}), "plan", "plan-errored"),
        ('{"format_version": "1.2"}', "state", "state-shape"),
        ("[" * 100_000, "state", "state-json"),
    ],
)
def test_what_is_no_whole_plan_or_state_is_refused(
    tmp_path: Path, text: str, what: str, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, text, what)
    assert [problem.code for problem in caught.value.problems] == [code]

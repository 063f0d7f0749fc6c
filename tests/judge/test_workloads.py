"""Where pods come from: every kind with a template, custom ones too."""

from __future__ import annotations

from typing import Any

import pytest

from assay.engine.judge.redaction import redact
from assay.engine.judge.workloads import containers_of, template_of
from assay.engine.model import Path, Place, Resource

SPEC: dict[str, Any] = {"containers": [{"name": "a"}], "initContainers": [{"name": "i"}]}


def resource(kind: str, values: dict[str, Any]) -> Resource:
    return Resource("manifest", kind, "x", values, Place("a.yaml"))


@pytest.mark.parametrize(
    ("kind", "values", "path"),
    [
        ("Pod", {"spec": SPEC}, ()),
        ("apps/v1/Deployment", {"spec": {"template": {"spec": SPEC}}}, ("spec", "template")),
        (
            "batch/v1/CronJob",
            {"spec": {"jobTemplate": {"spec": {"template": {"spec": SPEC}}}}},
            ("spec", "jobTemplate", "spec", "template"),
        ),
        (
            "argoproj.io/v1alpha1/Rollout",
            {"spec": {"template": {"spec": SPEC}}},
            ("spec", "template"),
        ),
        ("cert-manager.io/v1/Certificate", {"spec": {"template": {"spec": {}}}}, None),
        ("apps/v1/Deployment", {"spec": {}}, None),
        ("Service", {"spec": {"selector": {}}}, None),
        ("aws_instance", {"spec": {"template": {"spec": SPEC}}}, None),
    ],
)
def test_template_of(kind: str, values: dict[str, Any], path: Path | None) -> None:
    found = template_of(resource(kind, values))
    assert (found and found[0]) == path


def test_containers_of_all_three_lists_with_their_paths() -> None:
    found = containers_of((), {"spec": {**SPEC, "ephemeralContainers": [{"name": "e"}]}})
    assert found == (
        [{"name": "i"}, {"name": "a"}, {"name": "e"}],
        [
            ("spec", "initContainers", 0),
            ("spec", "containers", 0),
            ("spec", "ephemeralContainers", 0),
        ],
    )


def test_redact_replaces_values_and_whole_branches_and_copies() -> None:
    values = {"a": {"b": "s3cret", "c": 1}, "list": [{"k": "x"}, {"k": "y"}], "free": "text"}
    hidden = redact(values, frozenset({("a", "b"), ("list", 1)}))
    assert hidden == {
        "a": {"b": "(sensitive)", "c": 1},
        "list": [{"k": "x"}, "(sensitive)"],
        "free": "text",
    }
    assert values["a"] == {"b": "s3cret", "c": 1}

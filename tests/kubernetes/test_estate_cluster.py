"""The estate's recorded clusters: the weak one fails, what the hardened one declares holds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from assay.engine import cli

ESTATE = Path(__file__).parents[2] / "fixtures" / "estate"
# Namespaces that the estate does not declare.
OTHERS = ("Namespace/-/default", "Namespace/-/istio-system")


def failing(variant, capsys):
    file = ESTATE / variant / "cluster" / "production.jsonl.gz"
    code = cli.main(["scan", "--snapshot", str(file), "-f", "json"])
    report = json.loads(capsys.readouterr().out)
    assert {each["status"] for each in report["findings"]} <= {
        *("pass", "fail", "not_applicable", "manual")
    }
    assert not [gap for gap in report["coverage"] if gap.get("blocks")]
    return code, {
        (each["control"], each["resource"]["address"])
        for each in report["findings"]
        if each["status"] == "fail"
        if not any(other in each["resource"]["address"] for other in OTHERS)
    }


def test_nothing_that_the_hardened_estate_declares_fails_in_its_cluster(capsys):
    assert failing("hardened", capsys)[1] == set()


def test_the_weak_cluster_fails_where_its_manifests_and_charts_do(capsys):
    code, found = failing("weak", capsys)
    assert code == 1
    assert found >= {
        ("secret-no-literals", "apps/Deployment/services/checkout"),
        ("secret-no-literals", "apps/Deployment/services/pricing"),
        ("network-services-inside", "Service/services/stock"),
    }
    assert len({control for control, _ in found}) > 100


@pytest.mark.parametrize("variant", ["weak", "hardened"])
def test_no_secret_is_in_what_was_recorded(variant):
    text = gzip.decompress((ESTATE / variant / "cluster" / "production.jsonl.gz").read_bytes())
    assert b"hunter2" not in text
    assert b"last-applied-configuration" not in text
    kinds = {json.loads(line).get("kind") for line in text.splitlines()}
    assert {"Deployment", "Secret", "NetworkPolicy", "CronJob"} <= kinds

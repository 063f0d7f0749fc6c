"""The OSCAL documents: valid by NIST's schema, read by trestle, the same bytes, whole."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from assay.engine import cli
from assay.engine.model import Finding, Gap, Place, Resource, Scan
from assay.reports import oscal_ap, oscal_ar, oscal_poam

ROOT = Path(__file__).parents[2]
TOOLS = Path(
    os.environ.get("ASSAY_TOOLS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay-tools"
)
NAMES = ("oscal-ar", "oscal-ap", "oscal-poam")
EXCEPTION = """
id: EX-1
controls: [multi-az-database]
resources: [{address: module.database.aws_db_instance.orders}]
reason: The orders are rebuilt each night.
compensating: The source is copied elsewhere.
requester: ann@example.com
approver: bob@example.com
approved: 2026-01-01
expires: 2026-12-01
"""
TRESTLE = """
import sys
from pathlib import Path
from trestle.oscal.assessment_plan import AssessmentPlan
from trestle.oscal.assessment_results import AssessmentResults
from trestle.oscal.poam import PlanOfActionAndMilestones
for file, kind in zip(sys.argv[1:], (AssessmentResults, AssessmentPlan, PlanOfActionAndMilestones)):
    assert kind.oscal_read(Path(file)) is not None
"""


@pytest.fixture(scope="module", params=["weak", "hardened"])
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("oscal")
    (folder / "exceptions").mkdir()
    (folder / "exceptions" / "a.yaml").write_text(EXCEPTION)
    files = {name: folder / f"{name}.json" for name in (*NAMES, "json")}
    words = [word for name, file in files.items() for word in ("-f", f"{name}={file}")]
    estate = str(ROOT / "fixtures" / "estate" / request.param)
    more = ["--exceptions", str(folder / "exceptions"), "--at", "2026-03-01T02:00:00Z"]
    cli.main(["scan", estate, *words, *more])
    return files


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Draft7Validator:
    file = TOOLS / "oscal-1.1.3.json"
    if not file.is_file():
        pytest.skip("NIST's schema is not in the cache (.ci/run fetches it)")
    return jsonschema_rs.Draft7Validator(json.loads(file.read_text()), validate_formats=True)


@pytest.mark.parametrize("name", NAMES)
def test_documents_are_valid_by_the_published_schema(
    written: dict[str, Path], schema: jsonschema_rs.Draft7Validator, name: str
) -> None:
    schema.validate(json.loads(written[name].read_text()))


def test_trestle_reads_them(written: dict[str, Path]) -> None:
    python = TOOLS / "trestle" / "bin" / "python"
    if not python.is_file():
        pytest.skip("trestle is not in the cache (.ci/run fetches it)")
    files = [str(written[name]) for name in NAMES]
    subprocess.run([str(python), "-c", TRESTLE, *files], check=True)


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


@pytest.mark.parametrize("name", NAMES)
def test_every_id_is_one_and_every_reference_leads_somewhere(
    written: dict[str, Path], name: str
) -> None:
    found = list(walk(json.loads(written[name].read_text())))
    ids = [value for key, value in found if key == "uuid"]
    assert len(ids) == len(set(ids))
    assert {value for key, value in found if key.endswith("-uuid")} <= set(ids)


def props(row: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in row.get("props", ())}


def test_results_hold_every_test_and_every_resource(written: dict[str, Path]) -> None:
    scan = json.loads(written["json"].read_text())
    (result,) = json.loads(written["oscal-ar"].read_text())["assessment-results"]["results"]
    tests = Counter[str]()
    for each in result["observations"]:
        if "tests" in props(each):
            tests[props(each)["status"]] += int(props(each)["tests"])
    assert tests == {status: number for status, number in scan["counts"].items() if number}
    failing = {each["control"] for each in scan["findings"] if each["status"] == "fail"}
    told = {
        each["target"]["target-id"]
        for each in result.get("findings", ())
        if each["target"]["status"] == {"state": "not-satisfied", "reason": "fail"}
    }
    assert told == failing
    addresses = {props(item)["address"] for item in result["local-definitions"]["inventory-items"]}
    assert addresses >= {each["resource"]["address"] for each in scan["findings"]}


def test_an_accepted_fail_is_an_approved_deviation_with_its_end(written: dict[str, Path]) -> None:
    scan = json.loads(written["json"].read_text())
    plan = json.loads(written["oscal-poam"].read_text())["plan-of-action-and-milestones"]
    expected = Counter(
        (each["control"], each["excepted_by"])
        for each in scan["findings"]
        if each["status"] == "fail"
    )
    held = Counter(
        {
            (props(item)["control"], props(item).get("excepted-by")): len(
                item["related-observations"]
            )
            for item in plan["poam-items"]
            if "props" in item
        }
    )
    assert held == expected
    for risk in plan.get("risks", ()):
        if risk["status"] == "deviation-approved":
            assert risk["deadline"] == "2026-12-01T00:00:00Z"
            assert props(risk)["approver"] == "bob@example.com"


@pytest.mark.parametrize("module", [oscal_ar, oscal_ap, oscal_poam])
def test_hostile_and_empty_scans_are_still_valid(
    schema: jsonschema_rs.Draft7Validator, module: Any
) -> None:
    place = Place("a\n.yaml", 1, 1)
    twins = [Resource("manifest", "Pod", " \x1b[31m\nPod ", {}, place) for _ in range(2)]
    findings = [
        Finding("assay-source", "x", "error", "high", each, None, "a\tb\n") for each in twins
    ]
    gap = Gap("file", "\n", "not_parsed", " why \n", place)
    counts = {"error": 2}
    empty = Scan("", "", (), lambda: iter(()), {}, (), (), (), (), {}, ())
    hostile = empty._replace(
        findings=lambda: iter(findings), counts=counts, resources=twins, gaps=(gap,)
    )
    for scan in (empty, hostile):
        document = json.loads("".join(module.render(scan)))
        schema.validate(document)
        ids = [value for key, value in walk(document) if key == "uuid"]
        assert len(ids) == len(set(ids))
        assert "no times" in json.dumps(document)  # no --at was given, and it says so

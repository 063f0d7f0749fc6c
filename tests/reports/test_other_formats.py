"""OpenMetrics, OCSF, HDF and PDF: whole, the same bytes each time, read by readers of others."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from assay.engine import cli
from assay.engine.model import (
    Fault,
    Finding,
    Gap,
    Notice,
    Place,
    Resource,
    Scan,
    Violation,
)
from assay.reports import hdf, ocsf, openmetrics, pdf

ROOT = Path(__file__).parents[2]
WEAK = ROOT / "fixtures/estate/weak"
AT = "2026-01-31T02:00:00Z"
TOOLS = Path(
    os.environ.get("ASSAY_TOOLS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay-tools"
)
# Words that would be markup, or an end of a text, somewhere.
HOSTILE = '"\\ #panic("x") *a* $b$ `c` @d <e> // \u202e \x1b[31m \ud800 = f\n- g {h} # EOF'
FORMATS = ("json", "openmetrics", "ocsf", "hdf", "pdf")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    words = [word for name in FORMATS for word in ("-f", f"{name}={folder / name}")]
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        assert cli.main(["scan", "fixtures/estate/weak", "--at", AT, *words]) == 1
    finally:
        os.chdir(before)
    return {name: (folder / name).read_bytes() for name in FORMATS}


@pytest.fixture(scope="module")
def whole(written):
    return json.loads(written["json"])


def hostile():
    """A scan whose every text is hostile."""
    place = Place(HOSTILE, 3)
    held = Resource("manifest", HOSTILE, HOSTILE, {}, place, root=HOSTILE, environment=HOSTILE)
    violation = Violation(HOSTILE, HOSTILE, place)
    found = [
        Finding(
            HOSTILE, HOSTILE, status, "high", held, HOSTILE, HOSTILE, (violation,), HOSTILE, HOSTILE
        )
        for status in ("fail", "error", "unknown")
    ]
    return Scan(
        version=HOSTILE,
        catalogue_digest=HOSTILE,
        controls=(),
        findings=lambda: iter(found),
        counts=dict.fromkeys(("pass", "not_applicable", "manual"), 0)
        | dict.fromkeys(("fail", "error", "unknown"), 1),
        resources=[held],
        coverage=(),
        gaps=[Gap("file", HOSTILE, "not_parsed", HOSTILE, place)],
        faults=[Fault("fault", HOSTILE)],
        parameters={},
        inputs=[HOSTILE],
        notices=[Notice("exception-unused", HOSTILE, HOSTILE, place)],
    )


def families(text):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    return {each.name: each for each in text_string_to_metric_families(text)}


def test_openmetrics_is_read_by_prometheus_and_adds_up(written, whole):
    found = families(written["openmetrics"].decode())
    totals = {each.labels["status"]: each.value for each in found["assay_evaluations"].samples}
    assert totals == whole["counts"]
    counted = Counter((each["control"], each["status"]) for each in whole["findings"])
    samples = {
        (each.labels["control"], each.labels["status"]): each.value
        for each in found["assay_findings"].samples
    }
    assert samples == counted
    gaps = Counter((each["kind"], str(each["blocks"]).lower()) for each in whole["gaps"])
    told = Counter()
    for each in found["assay_gaps"].samples:
        told[each.labels["kind"], each.labels["blocks"]] += each.value
    assert told == gaps
    assert found["assay_scan_time_seconds"].samples[0].value == 1769824800
    assert found["assay_scan"].samples[0].labels["catalogue"] == whole["catalogue"]
    assert "fixtures" not in written["openmetrics"].decode()


def declared(model, value, path=""):
    """Keys of an OCSF object that its model does not have; it would take them in silence."""
    from pydantic import BaseModel

    if isinstance(value, list):
        return [key for each in value for key in declared(model, each, path)]
    if not isinstance(value, dict):
        return []
    unknown = []
    for key, inner in value.items():
        field = model.model_fields.get(key)
        if field is None:
            unknown.append(f"{path}{key}")
            continue
        inside = [
            each
            for each in _classes(field.annotation)
            if isinstance(each, type) and issubclass(each, BaseModel)
        ]
        if inside:
            unknown += declared(inside[0], inner, f"{path}{key}.")
    return unknown


def _classes(annotation):
    inner = getattr(annotation, "__args__", ())
    return [annotation, *(held for each in inner for held in _classes(each))]


def test_ocsf_is_valid_by_a_published_model_and_holds_the_population(written, whole):
    from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

    events = json.loads(written["ocsf"])
    unknown = set()
    for event in events:
        ComplianceFinding.model_validate(event)
        unknown.update(declared(ComplianceFinding, event))
    # Of schema 1.4; this model is of another.
    assert unknown <= {"compliance.status", "compliance.status_code", "compliance.status_detail"}
    judged = [each for each in events if each["compliance"]["control"] != "assay-coverage"]
    found = [
        (
            each["compliance"]["control"],
            each["resources"][0]["uid"],
            each["compliance"]["status_code"],
        )
        for each in judged
    ]
    expected = [
        (
            each["control"],
            each["resource"]["address"],
            each["status"] + (f":{each['cause']}" if each["cause"] else ""),
        )
        for each in whole["findings"]
    ]
    assert found == expected
    rest = len(whole["gaps"]) + len(whole["notices"]) + len(whole["errors"])
    assert len(events) - len(judged) == rest
    assert {each["time"] for each in events} == {1769824800000}
    assert len({each["finding_info"]["uid"] for each in judged}) > 0.99 * len(judged)
    numbers = Counter(each["compliance"]["status_id"] for each in judged)
    assert numbers[1] == whole["counts"]["pass"]
    assert numbers[3] == whole["counts"]["fail"]


def by_mitre(document):
    """The document as MITRE's own reader takes it; it throws at what its schema does not have."""
    reader, node = TOOLS / "hdf-exec-json.js", shutil.which("node")
    if node is None or not reader.is_file():
        pytest.skip("no node, or MITRE's reader of HDF is not in the cache (.ci/run fetches it)")
    code = (
        f"const {{Convert}} = require({json.dumps(str(reader))});"
        "const text = require('fs').readFileSync(0, 'utf8');"
        "process.stdout.write(Convert.execJSONToJson(Convert.toExecJSON(text)))"
    )
    ran = subprocess.run([node, "-e", code], input=document, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr.decode()[-500:]
    return json.loads(ran.stdout)


def test_hdf_is_read_by_mitres_reader(written):
    assert by_mitre(written["hdf"]) == json.loads(written["hdf"])


def test_hdf_holds_every_evaluation_and_what_was_not_evaluated(written, whole):
    document = json.loads(written["hdf"])
    controls = {each["id"]: each for each in document["profiles"][0]["controls"]}
    counted = Counter()
    for each in whole["findings"]:
        status = {"pass": "passed", "fail": "failed", "error": "error"}.get(
            each["status"], "skipped"
        )
        counted[each["control"], status] += 1
    found = Counter(
        (id, result["status"])
        for id, each in controls.items()
        for result in each["results"]
        if id != hdf.COVERAGE
    )
    assert found == counted
    told = Counter(each["status"] for each in controls[hdf.COVERAGE]["results"])
    blocking = sum(each["blocks"] for each in whole["gaps"])
    assert told["error"] == blocking + len(whole["errors"])
    totals = document["statistics"]["controls"]
    assert totals["total"] == len(controls)
    assert sum(totals[each]["total"] for each in ("passed", "failed", "skipped")) == len(controls)
    tagged = [each for each in controls.values() if each["tags"].get("nist")]
    assert len(tagged) > 300


def test_pdf_holds_the_sums_and_every_deviation(written, whole):
    import pypdf

    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(written["pdf"])).pages]
    text = "\n".join(pages).replace("\u200b", "")
    for status, number in whole["counts"].items():
        assert f"Evaluations: {status.replace('_', ' ')} {number}" in text
    flat = "".join(text.split())
    addresses = {
        each["resource"]["address"] for each in whole["findings"] if each["status"] == "fail"
    }
    missing = {each for each in addresses if "".join(each.split()) not in flat}
    assert len(missing) < 0.05 * len(addresses)  # a name may be torn by the end of a page


def test_the_same_scan_gives_the_same_bytes(written, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = [word for name in FORMATS for word in ("-f", f"{name}={tmp_path / name}")]
    assert cli.main(["scan", "fixtures/estate/weak", "--at", AT, *words]) == 1
    assert {name: (tmp_path / name).read_bytes() for name in FORMATS} == written


def test_hostile_words_stay_words():
    scan = hostile()
    found = families("".join(openmetrics.render(scan)).encode("utf-8", "replace").decode())
    assert found["assay_findings"].samples[0].labels["control"].startswith('"\\ #panic')
    events = json.loads("".join(ocsf.render(scan)))
    assert len(events) == 6
    assert all(each["message"].count("#panic") for each in events)
    document = json.loads("".join(hdf.render(scan)))
    assert [each["id"] for each in document["profiles"][0]["controls"]] == [HOSTILE, hdf.COVERAGE]
    (made,) = pdf.render(scan)
    assert made.startswith(b"%PDF-")


def test_pdf_says_which_extra_it_needs(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(pdf, "find_spec", lambda _: None)
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert cli.main(["scan", str(tmp_path), "-f", f"pdf={tmp_path / 'x.pdf'}"]) == 2
    assert "assay-policy[pdf]" in capsys.readouterr().err
    assert not (tmp_path / "x.pdf").exists()

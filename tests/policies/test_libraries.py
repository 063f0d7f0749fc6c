"""Published policies with their publishers' own cases: every verdict must be theirs.

Kubescape's cel-admission-library (60 policies, 628 cases) and the CEL templates of Gatekeeper's
library (131 cases), from checkouts beside the repository.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.engine.catalogue.controls import Catalogue
from assay.engine.files import discover
from assay.engine.kubernetes import loader
from assay.engine.model import Finding
from assay.engine.policies import documents
from assay.engine.policies.apply import apply
from assay.engine.scan import ScanOptions, scan

pytestmark = pytest.mark.corpora
ROOT = Path(__file__).parents[2]
NONE = Catalogue((), {}, "")


def corpus(name: str) -> Path:
    base = Path(os.environ.get("ASSAY_CORPORA") or ROOT.parent / "shared" / "corpora")
    if not (base / name).is_dir():
        pytest.skip(f"no checkout of {name} in {base}")
    return base / name


def findings(policies: documents.Documents, object: Path) -> list[Finding]:
    options = loader.Options(namespace="default")
    loaded = loader.load(discover([str(object)]), options)
    return list(apply(scan(NONE, [loaded], ScanOptions()), policies).findings())


def denied(found: list[Finding]) -> bool:
    return any(finding.status in ("fail", "error") for finding in found)


def test_gatekeepers_library() -> None:
    library = corpus("gatekeeper-library") / "library"
    wrong, cases = [], 0
    for file in sorted(library.rglob("suite.yaml")):
        for test in yaml.safe_load(file.read_text("utf-8"))["tests"]:
            template = file.parent / test["template"]
            if "K8sNativeValidation" not in template.read_text("utf-8"):
                continue
            held = [str(template), str(file.parent / test["constraint"])]
            policies = documents.read(held)
            for case in test["cases"]:
                cases += 1
                violations = case["assertions"][0].get("violations", "yes")
                found = findings(policies, file.parent / case["object"])
                if denied(found) != (violations not in ("no", False, 0)):
                    wrong.append(f"{file.parent.name}: {case['name']}")
    assert cases >= 131
    assert wrong == []


def set_field(data: Any, change: str) -> None:
    """`a.b.[0].c=value`, where value may be JSON."""
    path, _, text = change.partition("=")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    steps: list[Any] = [
        int(step[1:-1]) if step.startswith("[") else step for step in path.split(".")
    ]
    for step, after in itertools.pairwise(steps):
        empty: Any = [] if isinstance(after, int) else {}
        if isinstance(step, int):
            data += [None] * (step + 1 - len(data))
            data[step] = empty if data[step] is None else data[step]
        elif data.get(step) is None:
            data[step] = empty
        data = data[step]
    if isinstance(steps[-1], int):
        data += [None] * (steps[-1] + 1 - len(data))
    data[steps[-1]] = value


def changed(source: Path, target: Path, changes: list[str]) -> None:
    data = yaml.safe_load(source.read_text("utf-8"))
    for change in changes:
        set_field(data, change)
    target.write_text(yaml.safe_dump(data), "utf-8")


def test_kubescapes_library(tmp_path: Path) -> None:
    library = corpus("cel-admission-library")
    resources = library / "test-resources"
    wrong, cases = [], 0
    for folder in sorted((library / "controls").iterdir()):
        if not (folder / "tests.json").exists():
            continue
        name = yaml.safe_load((folder / "policy.yaml").read_text("utf-8"))["metadata"]["name"]
        for case in json.loads((folder / "tests.json").read_text("utf-8")):
            cases += 1
            files = [tmp_path / file for file in ("policy.yaml", "binding.yaml", "params.yaml")]
            files[0].write_text((folder / "policy.yaml").read_text("utf-8"), "utf-8")
            bound = case.get("binding_template", "policy-binding.yaml")
            given = case.get("param_template", "default-control-configuration.yaml")
            changes = [f"spec.policyName={name}", "metadata.name=b", "spec.paramRef.name=p"]
            changed(resources / bound, files[1], changes)
            changed(resources / given, files[2], ["metadata.name=p"])
            target = tmp_path / "object.yaml"
            changed(resources / case["template"], target, case.get("field_change_list", []))
            found = findings(documents.read([str(file) for file in files]), target)
            if denied(found) != (case["expected"] in ("fail", "warn")):
                wrong.append(f"{folder.name}: {case['name']}")
    assert cases >= 628
    assert wrong == []

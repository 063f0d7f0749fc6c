"""Write docs/admission-controls.md: which checks are exported, and which are not and why.

python tests/tools/admission_docs.py
"""

from __future__ import annotations

from pathlib import Path

from assay.engine.admission import rego
from assay.engine.admission.collect import collect
from assay.engine.catalogue import load
from assay.reports.gatekeeper import library

FILE = Path(__file__).parents[2] / "docs" / "admission-controls.md"
HEAD = """# What is exported for admission, and what is not

Written by `python tests/tools/admission_docs.py`; a test keeps it true.
[admission.md](admission.md) says how.

| policy | control | check | as ValidatingAdmissionPolicy | for Gatekeeper |
|---|---|---|---|---|
"""


def text() -> str:
    """The page for the catalogue as it is."""
    catalogue = load.load()
    policies = collect(catalogue)
    templates = collect(catalogue, subject=library.SUBJECT, relational=rego.convert)
    rows = [
        f"| `{each.name}` | {each.control.id} | {each.check.id} | yes | yes |\n"
        for each in policies.policies
    ]
    rows += [
        f"| `{each.name}` | {each.control.id} | {each.check.id} | no | in the audit |\n"
        for each in templates.relations
    ]
    refused = [
        f"| {each.control} | {each.check} | {each.reason} |\n" for each in templates.refusals
    ]
    table = "\n## Not exported\n\n| control | check | reason |\n|---|---|---|\n"
    return HEAD + "".join(sorted(rows)) + table + "".join(sorted(refused))


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")

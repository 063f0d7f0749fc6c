"""The shipped controls, held to their own examples and to what every control must have."""

from __future__ import annotations

import re
from functools import cache

import pytest

from assay.engine import examples
from assay.engine.catalogue.controls import Catalogue, Control
from assay.engine.catalogue.load import RuleFile, build, read_files
from assay.engine.model import DOMAINS

FILES = read_files()
CONTROLS = [file for file in FILES if file.folder in DOMAINS]
# The forms of the ids that other tools give to their checks.
TOOLS = {
    "checkov": re.compile(r"CKV2?_(AWS|AZURE|GCP|K8S|GIT|GHA|GITLABCI|ARGO)_[0-9]+"),
    "trivy": re.compile(r"(AVD-[A-Z]+-[0-9]{4}|KSV-?[0-9]{3,4})"),
    "kubescape": re.compile(r"C-0[0-9]{3}"),
}


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue, built once for all tests of this file."""
    return build(FILES)


def control_of(file: RuleFile) -> Control:
    return next(control for control in catalogue().controls if control.file == file.name)


@pytest.mark.parametrize("file", CONTROLS, ids=lambda file: file.name.removeprefix("rules/"))
def test_every_example_comes_out_as_it_says(file: RuleFile) -> None:
    results = list(examples.run([file], catalogue()))
    assert results or control_of(file).manual, "a control without examples proves nothing"
    wrong = {
        f"{result.example.check}, line {result.example.line}: {result.example.name}": list(
            result.differences
        )
        for result in results
        if result.differences
    }
    assert wrong == {}


@pytest.mark.parametrize("file", CONTROLS, ids=lambda file: file.name.removeprefix("rules/"))
def test_every_check_has_an_example_that_passes_and_one_that_fails_at_a_place(
    file: RuleFile,
) -> None:
    control = control_of(file)
    written = examples.read(file, control)
    lacking = []
    for check in control.checks:
        mine = [example for example in written if example.check == check.id]
        said = {example.status for example in mine}.union(
            *(example.expect.values() for example in mine)
        )
        # What must not exist at all has no example that passes.
        wanted = {"fail"} if _never(file, check.id) else {"pass", "fail"}
        placed = any(example.at for example in mine if example.status == "fail")
        if not wanted <= said or not placed:
            lacking.append((check.id, sorted(wanted - said), placed))
    assert lacking == []


def _never(file: RuleFile, check: str) -> bool:
    return f"id: {check}\n    assert: 'false'\n" in file.text


def test_a_false_promise_is_noticed() -> None:
    file = next(file for file in CONTROLS if file.name == "rules/multi-az/database.yaml")
    turned = file.text.replace("status: pass", "status: fail", 1)
    assert turned != file.text
    lying = [file._replace(text=turned)]
    rest = [other for other in FILES if other.name != file.name]
    wrong = [
        (result.example.name, result.differences)
        for result in examples.run(lying, build([*rest, *lying]))
        if result.differences
    ]
    assert wrong == [("a standby in another zone", ("aws_db_instance.a is pass, not fail",))]


def test_texts_are_in_one_voice() -> None:
    odd = []
    for control in catalogue().controls:
        texts = [(check.message.source, check.fix) for check in control.checks]
        for message, fix in texts:
            if not fix.endswith(".") or message.endswith("."):
                odd.append((control.id, message, fix))
            if "{address}" not in message and "{item.name}" not in message:
                odd.append((control.id, "names nothing", message))
    assert odd == []


def test_reasons_are_our_own_words_on_one_line() -> None:
    long = [
        (control.id, mapping.requirement)
        for control in catalogue().controls
        for mapping in control.frameworks
        if not 10 <= len(mapping.because) <= 100 or "\n" in mapping.because
    ]
    assert long == []


def test_equivalents_are_ids_of_the_tools() -> None:
    odd = [
        (control.id, tool, id)
        for control in catalogue().controls
        for tool, ids in control.equivalents.items()
        for id in ids
        if tool not in TOOLS or not TOOLS[tool].fullmatch(id)
    ]
    assert odd == []


def test_files_are_named_by_their_controls() -> None:
    names = {f"rules/{control.id}.yaml" for control in catalogue().controls}
    domain = re.compile("|".join(f"(?<=rules/){domain}/" for domain in DOMAINS))
    files = {domain.sub(lambda found: found[0][:-1] + "-", file.name) for file in CONTROLS}
    assert files == names


def test_the_five_domains_have_their_depth_and_scripts_their_ids() -> None:
    controls = catalogue().controls
    count = dict.fromkeys(DOMAINS, 0)
    for control in controls:
        count[control.domain] += 1
    five = ("network", "secret", "identity", "backup", "multi-az")
    assert all(count[domain] >= 6 for domain in five), count
    assert len(controls) >= 30
    assert sum(len(control.checks) for control in controls) >= 45
    assert {"multi-az-database", "network-no-open-admin-ports"} <= {c.id for c in controls}

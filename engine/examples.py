"""The examples inside control files, run as tests: text → resources → verdicts → what differs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from assay.engine.catalogue.controls import Catalogue, Check, Control
from assay.engine.catalogue.document import Node, parse
from assay.engine.catalogue.load import RuleFile
from assay.engine.catalogue.reader import Reader
from assay.engine.errors import InputError
from assay.engine.files import discover
from assay.engine.model import STATUSES, Finding, Loaded
from assay.engine.scan import ScanOptions, scan

KEYS = (
    "name",
    "status",
    "at",
    "address",
    "expect",
    "params",
    "expects",
    "terraform",
    "manifest",
    "pipeline",
    "atlantis",
    "repos",
    "realm",
    "values",
)
FILES = {
    "terraform": "main.tf",
    "manifest": "manifest.yaml",
    "pipeline": ".gitlab-ci.yml",
    "atlantis": "atlantis.yaml",
    "repos": "repos.yaml",
    "realm": "realm.json",
    "values": "values.yaml",
}


class Example(NamedTuple):
    """One example of one check: its input and the outcome that it promises.

    `expect` maps addresses to statuses; with none, every finding has `status`. `at` are the paths
    of all violations, None where the example does not say them.
    """

    control: str
    check: str
    name: str
    status: str
    at: tuple[str, ...] | None
    address: str
    expect: Mapping[str, str]
    params: Mapping[str, Any]
    expects: frozenset[str]
    inputs: Mapping[str, str]
    file: str
    line: int


class Result(NamedTuple):
    """An example with what went otherwise than promised: nothing, if it holds."""

    example: Example
    differences: tuple[str, ...]


def read(file: RuleFile, control: Control) -> list[Example]:
    """The examples in a control's file. Raises InputError with every problem in them."""
    root = parse(file.name, file.text)
    reader = Reader(file.name, file.text)
    found: list[Example] = []
    nodes = root.value["checks"].value if "checks" in root.value else []
    for node, check in zip(nodes, control.checks, strict=True):
        entries = node.value.get("examples")
        listed = entries.value if entries is not None else ()
        found += [_example(entry, control, check, reader) for entry in listed]
    reader.done()
    return found


def _example(node: Node, control: Control, check: Check, reader: Reader) -> Example:
    entries = reader.mapping(node, KEYS, "an example")
    inputs = {key: str(entries[key].value) for key in FILES if key in entries}
    if not inputs:
        help = f"give one of: {', '.join(FILES)}"
        reader.fail("example-input", "the example has no input", node, help)
    expect = {
        address: reader.one_of(entries["expect"].value, address, node, STATUSES)
        for address in (entries["expect"].value if "expect" in entries else ())
    }
    at = None
    if "at" in entries:
        listed = entries["at"].value
        at = tuple(str(item.value) for item in listed) if isinstance(listed, list) else ()
    return Example(
        control=control.id,
        check=check.id,
        name=reader.text(entries, "name", node),
        status="" if expect else reader.one_of(entries, "status", node, STATUSES),
        at=at,
        address=reader.text(entries, "address", node, ""),
        expect=expect,
        params=entries["params"].plain() if "params" in entries else {},
        expects=frozenset(reader.texts(entries.get("expects"), "`expects`")),
        inputs=inputs,
        file=reader.file,
        line=node.line,
    )


def run(files: Sequence[RuleFile], catalogue: Catalogue) -> Iterator[Result]:
    """Every example of every control in the files, in order."""
    by_file = {control.file: control for control in catalogue.controls}
    for file in files:
        control = by_file.get(file.name)
        if control is None:
            continue
        checks = {check.id: check for check in control.checks}
        for example in read(file, control):
            yield Result(example, tuple(differences(example, checks, catalogue)))


def differences(
    example: Example, checks: Mapping[str, Check], catalogue: Catalogue
) -> Iterator[str]:
    """How the findings of an example differ from what it promises."""
    control = catalogue.control(example.control)
    assert control is not None
    only = control._replace(checks=(checks[example.check],), manual="")
    options = ScanOptions(params={example.control: example.params}, expects=example.expects)
    with load(example.inputs) as loaded:
        for each in loaded:
            yield from (f"not read: {error.message}" for error in each.errors)
        try:
            result = scan(catalogue._replace(controls=(only,)), loaded, options)
        except InputError as error:
            yield error.render()
            return
        found = [finding for finding in result.findings() if finding.control == example.control]
    if example.address:
        found = [finding for finding in found if finding.resource.address == example.address]
    yield from _compare(example, found)


def _compare(example: Example, found: Sequence[Finding]) -> Iterator[str]:
    if not found:
        addresses = example.address or ", ".join(example.expect)
        yield f"the check looked at nothing{f' at {addresses}' if addresses else ''}"
        return
    statuses = {finding.resource.address: finding.status for finding in found}
    wanted = example.expect or dict.fromkeys(statuses, example.status)
    for address in sorted(wanted.keys() | statuses.keys()):
        expected, actual = wanted.get(address, "nothing"), statuses.get(address, "nothing")
        if expected != actual:
            said = next((f.message for f in found if f.resource.address == address), "")
            yield f"{address} is {actual}, not {expected}{f' ({said})' if said else ''}"
    if example.at is not None:
        places = sorted({v.path for finding in found for v in finding.violations})
        if places != sorted(example.at):
            yield f"violations at {places}, not at {sorted(example.at)}"


@contextmanager
def load(inputs: Mapping[str, str]) -> Iterator[list[Loaded]]:
    """The resources of an example's texts, as a scan of a folder with them would load them.

    A context, since places are read from the files when a verdict needs them.
    """
    with tempfile.TemporaryDirectory() as folder:
        for key, text in inputs.items():
            Path(folder, FILES[key]).write_text(text, "utf-8")
        tree = discover([folder])
        loaded: list[Loaded] = []
        if "terraform" in inputs:
            from assay.engine.terraform import loader as terraform

            loaded.append(terraform.load(tree, terraform.Options()))
        if "manifest" in inputs:
            from assay.engine.kubernetes import loader as kubernetes

            loaded.append(kubernetes.load(tree, kubernetes.Options()))
        if inputs.keys() - {"terraform", "manifest"}:
            from assay.engine.pipelines import loader as pipelines

            loaded.append(pipelines.load(tree, pipelines.Options()))
        yield loaded

"""The examples of the controls as cases of `gator verify`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assay.engine.admission.convert import Policy
from assay.engine.admission.rego import Audit
from assay.engine.kubernetes import kinds, objects, yamltext
from assay.reports.gatekeeper import documents, templates
from assay.reports.gatekeeper.settings import Settings

Found = Policy | Audit


class Case(NamedTuple):
    """One object of an example: whether it violates, and the objects beside it."""

    name: str
    object: dict[str, Any]
    beside: tuple[dict[str, Any], ...]
    violates: bool
    params: Mapping[str, Any]


def cases(found: Found, examples: Sequence[Mapping[str, Any]]) -> Iterator[Case]:
    """The objects of a check's examples, as the control file has them, with what they promise."""
    wanted = {(each.group, each.version, each.name) for each in found.targets}
    for example in examples:
        if "manifest" not in example:
            continue
        held = [
            objects.dropped(each.value)
            for each in yamltext.documents(str(example["manifest"]))
            if isinstance(each.value, dict) and "kind" in each.value
        ]
        for number, each in enumerate(held):
            status = _status(example, each)
            if _kind(each) not in wanted or not status:
                continue
            beside = tuple(other for other in held if other is not each)
            name = f"{example['name']} ({number + 1})" if len(held) > 1 else str(example["name"])
            yield Case(name, each, beside, status == "fail", dict(example.get("params", {})))


def _kind(object: Mapping[str, Any]) -> tuple[str, str, str]:
    group, _, version = str(object["apiVersion"]).rpartition("/")
    return group, version, str(object["kind"])


def _status(example: Mapping[str, Any], object: Mapping[str, Any]) -> str:
    """What an example says of one of its objects; "" for nothing."""
    metadata = object.get("metadata") or {}
    group, _, kind = _kind(object)
    namespace = metadata.get("namespace")
    if kinds.namespaced(group, kind, {}) is False:
        namespace = ""
    address = kinds.address(group, kind, namespace, str(metadata.get("name", "?")))
    if "expect" in example:
        return str(example["expect"].get(address, ""))
    if example.get("address", address) != address:
        return ""
    return str(example["status"])


def render(
    given: Sequence[tuple[Found, Sequence[Case]]], settings: Settings
) -> tuple[str, dict[str, str]]:
    """The text of `suite.yaml`, and the files of objects and constraints that it names."""
    files: dict[str, str] = {}
    tests: list[dict[str, Any]] = []
    for found, listed in given:
        by_params: dict[str, list[tuple[int, Case]]] = {}
        for number, case in enumerate(listed):
            by_params.setdefault(repr(sorted(case.params.items())), []).append((number, case))
        for group, numbered in enumerate(by_params.values()):
            params = numbered[0][1].params
            constraint = f"constraints/{found.name}.yaml"
            if params:
                constraint = f"examples/{found.name}/constraint-{group}.yaml"
                values = {**settings.params[found.control.id], **params}
                held = templates.constraint(found, settings, values)
                files[constraint] = documents.dump(held)
            tests.append(
                {
                    "name": found.name if not group else f"{found.name}, other parameters {group}",
                    "template": f"templates/{found.name}.yaml",
                    "constraint": constraint,
                    "cases": [_case(found, n, case, settings, files) for n, case in numbered],
                }
            )
    suite = {
        "apiVersion": "test.gatekeeper.sh/v1alpha1",
        "kind": "Suite",
        "metadata": {"name": "assay"},
        "tests": tests,
    }
    return documents.dump(suite), files


def _case(
    found: Found, number: int, case: Case, settings: Settings, files: dict[str, str]
) -> dict[str, Any]:
    folder = f"examples/{found.name}"
    file = f"{folder}/{number}.yaml"
    files[file] = documents.dump(_named(case.object))
    entry: dict[str, Any] = {"name": case.name, "object": file}
    if case.beside and isinstance(found, Audit):
        entry["inventory"] = []
        for place, other in enumerate(case.beside):
            beside = f"{folder}/{number}-beside-{place}.yaml"
            files[beside] = documents.dump(_named(other))
            entry["inventory"].append(beside)
    namespace = (case.object.get("metadata") or {}).get("namespace")
    spared = namespace in settings.excluded_namespaces
    violates = case.violates and not spared
    entry["assertions"] = [{"violations": "yes" if violates else "no"}]
    return entry


def _named(object: dict[str, Any]) -> dict[str, Any]:
    """Gator takes no object without a name."""
    metadata = {"name": "example", **(object.get("metadata") or {})}
    return {**object, "metadata": metadata}

"""Plans and states in JSON → resources of the same shape as those of a configuration.

Source: Terraform's JSON output format, versions 1.x (`terraform show -json`), and raw state
version 4. A plan's unknowns and sensitive marks are kept; what is deleted is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assay.engine.errors import InputError, Problem, printable, usage
from assay.engine.model import (
    Gap,
    Loaded,
    Locator,
    Place,
    Resource,
    SourceError,
    Unknown,
)
from assay.engine.model import Path as Steps
from assay.engine.terraform.context import Options
from assay.engine.terraform.instance import escaped
from assay.engine.terraform.schema import SENSITIVE, Block, table

MAX_FILE = 512 * 1024 * 1024  # bytes
MAX_DEPTH = 100


def load(options: Options, configured: Sequence[Resource]) -> Loaded:
    """The resources of the plans and states that the options name.

    Places are those of the configuration where it was scanned too. Raises InputError for a file
    that is no plan or state, or only a part of one.
    """
    by_address: dict[str, list[Resource]] = {}
    for resource in configured:
        by_address.setdefault(resource.address, []).append(resource)
    found: list[Resource] = []
    for name in options.plans:
        found += _plan(name, _document(name, "plan"), options, by_address)
    for name in options.states:
        found += _state(name, _document(name, "state"), options, by_address)
    return Loaded(found, list[SourceError](), list[Gap]())


def _document(name: str, what: str) -> dict[str, Any]:
    path = Path(name)
    try:
        if path.stat().st_size > MAX_FILE:
            raise usage(f"{printable(name)} is too large", code=f"{what}-size")
        data = path.read_bytes()
    except OSError as error:
        message = f"the {what} cannot be read: {printable(str(error))}"
        raise usage(message, code="path-not-found") from None
    if data[:2] == b"PK":
        help = f"make the JSON with `terraform show -json {printable(name)} > {what}.json`"
        raise usage(f"{printable(name)} is a binary {what}", help, f"{what}-binary")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        problem = Problem(f"{what}-json", f"no JSON: {printable(str(error))}", name)
        raise InputError(problem) from None
    if not isinstance(document, dict):
        raise InputError(Problem(f"{what}-json", f"no {what}: it holds no object", name))
    return document


def _plan(
    name: str, document: dict[str, Any], options: Options, places: dict[str, list[Resource]]
) -> Iterator[Resource]:
    _version(name, document, "plan", "resource_changes")
    if document.get("errored"):
        message = "the plan stopped with an error, so it holds only a part"
        raise InputError(Problem("plan-errored", message, name, help="plan again without errors"))
    for change in document.get("resource_changes") or []:
        if not isinstance(change, dict) or not isinstance(change.get("change"), dict):
            continue
        actions = change["change"].get("actions") or []
        after = change["change"].get("after")
        if not actions or actions[-1] in ("delete", "forget") or not isinstance(after, dict):
            continue
        yield _resource(
            "plan",
            name,
            change,
            after,
            change["change"].get("after_unknown"),
            change["change"].get("after_sensitive"),
            options,
            places,
        )


def _state(
    name: str, document: dict[str, Any], options: Options, places: dict[str, list[Resource]]
) -> Iterator[Resource]:
    if document.get("version") == 4 and "resources" in document:
        yield from _raw_state(name, document, options, places)
        return
    _version(name, document, "state", "values")
    values = document.get("values")
    if not isinstance(values, dict):
        return
    pending = [values.get("root_module")]
    while pending:
        module = pending.pop(0)
        if not isinstance(module, dict):
            continue
        pending = [*(module.get("child_modules") or []), *pending]
        for each in module.get("resources") or []:
            if isinstance(each, dict) and isinstance(each.get("values"), dict):
                sensitive = each.get("sensitive_values")
                yield _resource(
                    "state", name, each, each["values"], None, sensitive, options, places
                )


def _raw_state(
    name: str, document: dict[str, Any], options: Options, places: dict[str, list[Resource]]
) -> Iterator[Resource]:
    """A state file itself, version 4: instances with their index keys."""
    for each in document["resources"]:
        if not isinstance(each, dict):
            continue
        data = "data." if each.get("mode") == "data" else ""
        base = f"{data}{each.get('type')}.{each.get('name')}"
        if each.get("module"):
            base = f"{each['module']}.{base}"
        for instance in each.get("instances") or []:
            values = instance.get("attributes") if isinstance(instance, dict) else None
            if not isinstance(values, dict):
                continue
            key = instance.get("index_key")
            suffix = "" if key is None else f"[{key}]"
            if isinstance(key, str):
                suffix = f'["{escaped(key)}"]'
            marks: Any = {}
            for path in instance.get("sensitive_attributes") or []:
                steps = [step.get("value") for step in path if isinstance(step, dict)]
                if steps and isinstance(steps[0], str):
                    marks[steps[0]] = True
            shown = {"mode": each.get("mode"), "type": each.get("type"), "address": base + suffix}
            yield _resource("state", name, shown, values, None, marks, options, places)


def _version(name: str, document: dict[str, Any], what: str, needed: str) -> None:
    version = str(document.get("format_version", ""))
    if version.partition(".")[0] not in ("0", "1") or not version:
        help = f"make it with `terraform show -json FILE > {what}.json`"
        message = f"no {what} in Terraform's JSON format"
        raise InputError(Problem(f"{what}-shape", message, name, help=help))
    if needed not in document and "values" not in document and "planned_values" not in document:
        message = f"it has no `{needed}`: is it a {what}?"
        raise InputError(Problem(f"{what}-shape", message, name))


def _resource(
    source: str,
    name: str,
    given: dict[str, Any],
    values: dict[str, Any],
    unknown: Any,
    sensitive: Any,
    options: Options,
    places: dict[str, list[Resource]],
) -> Resource:
    kind = str(given.get("type", ""))
    if given.get("mode") == "data":
        kind = f"data.{kind}"
    address = str(given.get("address", ""))
    marks: set[Steps] = set()
    _marks(sensitive, (), marks, 0)
    schema = table().resource(kind)
    if schema is not None:
        for path in _by_schema(schema):
            if path[0] in values:
                marks.add(path)
    unknowns: list[Steps] = []
    built = _value(values, unknown, (), address, unknowns, 0)
    declared = places.get(address) or []
    return Resource(
        source,
        kind,
        address,
        built if isinstance(built, dict) else {},
        declared[0].place if declared else Place(name),
        root=declared[0].root if declared else name,
        environment=options.environment,
        locate=declared[0].locate if declared else _at(name),
        sensitive=frozenset(marks),
        refs=declared[0].refs if declared else {},
        complete=not unknowns,
        calls=declared[0].calls if declared else (),
    )


def _at(name: str) -> Locator:
    place = Place(name)

    def locate(_: Steps) -> Place:
        return place

    return locate


def _by_schema(schema: Block) -> Iterator[Steps]:
    for name, argument in schema.attributes.items():
        if argument.flags & SENSITIVE:
            yield (name,)


def _marks(marked: Any, path: Steps, found: set[Steps], depth: int) -> None:
    """The paths that a tree of marks says are sensitive."""
    if depth > MAX_DEPTH:
        return
    if marked is True:
        found.add(path)
    elif isinstance(marked, dict):
        for key, inner in marked.items():
            _marks(inner, (*path, key), found, depth + 1)
    elif isinstance(marked, list):
        for number, inner in enumerate(marked):
            _marks(inner, (*path, number), found, depth + 1)


def _value(
    value: Any, unknown: Any, path: Steps, address: str, found: list[Steps], depth: int
) -> Any:
    """A value with Unknowns where the plan says so; null is dropped, as everywhere."""
    if unknown is True:
        found.append(path)
        origin = ".".join((address, *(str(step) for step in path)))
        certain = path[-1:] in (("id",), ("arn",))
        return Unknown("apply", origin, identity=origin, not_null=certain)
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, dict) or isinstance(unknown, dict):
        return _map(value, unknown, path, address, found, depth)
    if isinstance(value, list):
        marks = unknown if isinstance(unknown, list) else []
        return [
            _value(
                inner,
                marks[number] if number < len(marks) else None,
                (*path, number),
                address,
                found,
                depth + 1,
            )
            for number, inner in enumerate(value)
        ]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def _map(
    value: Any, unknown: Any, path: Steps, address: str, found: list[Steps], depth: int
) -> dict[str, Any]:
    known = value if isinstance(value, dict) else {}
    marks = unknown if isinstance(unknown, dict) else {}
    built: dict[str, Any] = {}
    for key in dict.fromkeys((*known, *marks)):
        mark = marks.get(key)
        if key not in known and mark is not True:
            continue
        inner = _value(known.get(key), mark, (*path, key), address, found, depth + 1)
        if inner is not None:
            built[key] = inner
    return built

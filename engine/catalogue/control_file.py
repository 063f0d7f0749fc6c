"""A control file → a Control, with every problem in the file named at its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay.engine.catalogue.checks import Builder
from assay.engine.catalogue.controls import (
    PARAM_TYPES,
    Check,
    Control,
    Framework,
    Param,
    fits,
)
from assay.engine.catalogue.document import Node, parse
from assay.engine.catalogue.reader import Reader
from assay.engine.model import DOMAINS, SEVERITIES

KEYS = (
    "id",
    "title",
    "severity",
    "why",
    "frameworks",
    "equivalents",
    "params",
    "fix",
    "manual",
    "checks",
)
RELATIONS = ("satisfies", "supports", "partial")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def read(
    file: str,
    text: str,
    builder: Builder,
    folder: str | None,
    frameworks: Mapping[str, frozenset[str]],
) -> Control:
    """The control in a file; `folder` is the domain that its id must begin with, None for any.

    `frameworks` maps a framework's id to the requirements that exist; one that is not in it is
    refused. Raises InputError with every problem.
    """
    root = parse(file, text)
    reader = Reader(file, text)
    entries = reader.mapping(root, KEYS, "a control")
    id = reader.text(entries, "id", root)
    domain = _domain(id, folder, entries, reader)
    title = reader.text(entries, "title", root)
    if title.endswith("."):
        reader.fail("control-title", "a title is no sentence: drop the full stop", entries["title"])
    params = _params(entries.get("params"), reader)
    fix = reader.text(entries, "fix", root, "")
    manual = reader.text(entries, "manual", root, "")
    control = Control(
        id=id,
        title=title,
        severity=reader.one_of(entries, "severity", root, SEVERITIES),
        domain=domain,
        why=" ".join(reader.text(entries, "why", root).split()),
        frameworks=_frameworks(entries.get("frameworks"), frameworks, params, reader),
        equivalents={
            tool: reader.texts(node, f"`{tool}`")
            for tool, node in reader.mapping(
                entries.get("equivalents"), (), "`equivalents`"
            ).items()
        },
        params=params,
        checks=_checks(entries.get("checks"), id, params, builder, reader, fix),
        file=file,
        line=root.line,
        manual=manual,
    )
    if "checks" not in entries and not manual:
        reader.fail("control-missing", "`checks` is missing (or `manual`, for a person)", root)
    reader.done()
    return control


def _domain(id: str, folder: str | None, entries: Mapping[str, Node], reader: Reader) -> str:
    if id and not _ID.fullmatch(id):
        help = "lower-case words and digits with single dashes: `network-no-open-admin-ports`"
        reader.fail("control-id", f"`{id}` is no control id", entries["id"], help)
    domain = next((name for name in DOMAINS if id.startswith(f"{name}-")), "")
    if id and not domain:
        help = f"domains: {', '.join(DOMAINS)}"
        reader.fail("control-id", f"`{id}` must begin with its domain", entries["id"], help)
    if domain and folder in DOMAINS and folder != domain:
        message = f"`{id}` lies in the folder `{folder}` and begins with `{domain}`"
        reader.fail("control-id", message, entries["id"])
    return domain


def _params(node: Node | None, reader: Reader) -> tuple[Param, ...]:
    found = []
    for name, entry in reader.mapping(node, (), "`params`").items():
        fields = reader.mapping(entry, ("type", "default", "about"), "a parameter")
        kind = reader.one_of(fields, "type", entry, PARAM_TYPES)
        default: Any = None
        if "default" not in fields:
            reader.fail("control-missing", "`default` is missing", entry)
        else:
            default = fields["default"].plain()
            if kind in PARAM_TYPES and not fits(kind, default):
                reader.fail("control-value", f"the default is no {kind}", fields["default"])
        about = reader.text(fields, "about", entry, "")
        found.append(Param(name, kind, float(default) if kind == "double" else default, about))
    return tuple(found)


def _frameworks(
    node: Node | None,
    known: Mapping[str, frozenset[str]],
    params: tuple[Param, ...],
    reader: Reader,
) -> tuple[Framework, ...]:
    found = []
    for framework, requirements in reader.mapping(node, (), "`frameworks`").items():
        if known and framework not in known:
            help = f"frameworks: {', '.join(sorted(known))}"
            reader.fail("control-framework", f"no framework `{framework}`", requirements, help)
            continue
        for requirement, entry in reader.mapping(requirements, (), f"`{framework}`").items():
            at = requirements.keys[requirement]
            if known and requirement not in known[framework]:
                message = f"`{framework}` has no requirement `{requirement}`"
                reader.fail_at("control-framework", message, at)
            keys = ("relation", "because", "asks")
            fields = reader.mapping(entry, keys, "a mapping to a requirement")
            relation = reader.one_of(fields, "relation", entry, RELATIONS)
            because = reader.text(fields, "because", entry)
            asks = _asks(fields.get("asks"), params, reader)
            found.append(Framework(framework, requirement, relation, because, asks))
    return tuple(found)


def _asks(
    node: Node | None, params: tuple[Param, ...], reader: Reader
) -> tuple[tuple[str, str, float], ...]:
    """`{days: {min: 365}}`: the bounds that a requirement sets to the control's parameters."""
    found = []
    numbers = {param.name for param in params if param.type in ("int", "double")}
    for name, entry in reader.mapping(node, (), "`asks`").items():
        if node is not None and name not in numbers:
            message = f"`{name}` is no number among the control's parameters"
            reader.fail_at("control-framework", message, node.keys[name])
        for bound, value in reader.mapping(entry, ("min", "max"), "what is asked").items():
            if isinstance(value.value, bool) or not isinstance(value.value, (int, float)):
                reader.fail("control-type", f"`{bound}` must be a number", value)
            else:
                found.append((name, bound, value.value))
    return tuple(found)


def _checks(
    node: Node | None,
    id: str,
    params: tuple[Param, ...],
    builder: Builder,
    reader: Reader,
    fix: str,
) -> tuple[Check, ...]:
    if node is None:
        return ()
    if not isinstance(node.value, list) or not node.value:
        reader.fail("control-type", "`checks` must be a list with at least one check", node)
        return ()
    found: list[Check] = []
    seen: dict[str, int] = {}
    for entry in node.value:
        check = builder.build(entry, id, params, reader, fix)
        if check is None:
            continue
        seen[check.id] = seen.get(check.id, 0) + 1
        if seen[check.id] > 1:
            check.id = f"{check.id}#{seen[check.id]}"
        found.append(check)
    return tuple(found)

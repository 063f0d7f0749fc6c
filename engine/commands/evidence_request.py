"""What a scan was judged by, apart from its catalogue ↔ the JSON that a bundle keeps of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.engine.baseline import Baseline
from assay.engine.catalogue import load
from assay.engine.catalogue.load import RuleFile
from assay.engine.commands import configuring
from assay.engine.commands.scan import Request
from assay.engine.errors import InputError, Problem
from assay.engine.evidence import archive, bundle, inputs
from assay.engine.exceptions import Acceptance, Selector
from assay.engine.model import Loaded, Place, Resource, Scan
from assay.engine.scan import ScanOptions

if TYPE_CHECKING:
    from assay.engine.policies.documents import Documents

Adjust = Callable[[Resource], Mapping[str, Any] | str]


def rule_folders(args: argparse.Namespace) -> list[Path]:
    """The folders of controls that the command line and the configuration add."""
    config = configuring.of(args)
    own = [config.folder / name for name in config.rule_folders] if config is not None else []
    return [*map(Path, args.rules), *own]


def policies(request: Request) -> list[Loaded]:
    """The user's own admission policies, as the inputs that they are."""
    held = request.policies
    if held is None:
        return []
    groups = (held.policies, held.bindings, held.templates, held.constraints, held.mutating)
    resources = [each for group in (*groups, held.others) for each in group]
    return [Loaded(resources, held.errors, held.gaps)]


def documents(files: Mapping[str, bytes]) -> Documents | None:
    """The policies again, from the files that `policies` became; None where there were none."""
    from assay.engine.policies import documents

    for name, data in files.items():
        loaded = inputs.unpack(data, name)
        found = documents.sorted_out(loaded.resources)
        return found._replace(errors=loaded.errors, gaps=loaded.gaps)
    return None


def document(request: Request, result: Scan) -> dict[str, Any]:
    """What the sources were judged by. Of a configuration its effects are kept, not its words."""
    given = request.options
    held = request.held
    accepted = None
    if request.accepted is not None:
        accepted = [_accepted(each) for each in request.accepted]
    return {
        "controls": sorted(given.controls),
        "params": given.params,
        "expects": sorted(given.expects),
        "inputs": list(given.inputs),
        "version": given.version,
        "today": request.today.isoformat(),
        "exceptions": accepted,
        "severities": {each.id: each.severity for each in request.catalogue.controls},
        "owners": _owners(result),
        "adjusted": _adjusted(request, result),
        "references": [[id, list(place)] for id, place in request.references],
        "baseline": None
        if held is None
        else {
            "name": held.name,
            "expires": str(held.expires or ""),
            "entries": sorted(map(list, held.entries)),
        },
    }


def _accepted(each: Acceptance) -> dict[str, Any]:
    return {
        **each._asdict(),
        "controls": sorted(each.controls),
        "selectors": [dict(selector.fields) for selector in each.selectors],
        "approved": str(each.approved or ""),
        "expires": str(each.expires or ""),
        "place": list(each.place),
    }


def _day(words: str) -> date | None:
    return date.fromisoformat(words) if words else None


def read(opened: bundle.Opened) -> tuple[Request, list[Loaded]]:
    """What a bundle was judged by, and what was judged. Raises InputError."""
    files, manifest = opened.files, opened.manifest
    try:
        rules = [
            RuleFile(row["name"], row["folder"], files[row["file"]].decode())
            for row in manifest["catalogue"]["files"]
        ]
        asked = json.loads(files[manifest["request"]])
        held, accepted = asked["baseline"], asked["exceptions"]
        options = ScanOptions(
            frozenset(asked["controls"]),
            asked["params"],
            frozenset(asked["expects"]),
            _adjust(asked["adjusted"]),
            _owned(asked["owners"]),
            manifest["at"],
            asked["inputs"],
            asked["version"],
        )
        waived = None
        if accepted is not None:
            waived = [_acceptance(each) for each in accepted]
        known = None
        if held is not None:
            entries = frozenset(tuple(row) for row in held["entries"])
            known = Baseline(entries, _day(held["expires"]), held["name"])
        loaded = [inputs.unpack(files[row["file"]], row["file"]) for row in manifest["inputs"]]
        own = documents({row["file"]: files[row["file"]] for row in manifest["policies"]})
        today = date.fromisoformat(asked["today"])
        references = [(id, Place(*place)) for id, place in asked["references"]]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        message = f"the bundle lacks what a replay needs: {type(error).__name__}"
        raise InputError(Problem("evidence-inputs", message)) from None
    catalogue = load.from_files(rules)
    if catalogue.digest != manifest["catalogue"]["digest"]:
        raise archive.tampered("the catalogue is not the one that the manifest names")
    controls = tuple(
        each._replace(severity=asked["severities"].get(each.id, each.severity))
        for each in catalogue.controls
    )
    catalogue = catalogue._replace(controls=controls)
    return Request(catalogue, options, waived, known, today, (), references, own), loaded


def _acceptance(row: Mapping[str, Any]) -> Acceptance:
    words = {
        **row,
        "controls": frozenset(row["controls"]),
        "selectors": tuple(Selector(fields) for fields in row["selectors"]),
        "approved": _day(row["approved"]),
        "expires": _day(row["expires"]),
        "place": Place(*row["place"]),
    }
    return Acceptance(**words)


def _owners(result: Scan) -> dict[str, list[str]] | None:
    if result.owners is None:
        return None
    files = {finding.resource.place.file for finding in result.findings()}
    return {file: list(result.owners(file)) for file in sorted(files)}


def _owned(held: Mapping[str, Sequence[str]] | None) -> Callable[[str], Sequence[str]] | None:
    return None if held is None else lambda file: held.get(file, ())


def _adjusted(request: Request, result: Scan) -> dict[str, Any] | None:
    """For each control that is not judged alike everywhere: its parameters, or why it is off, by
    environment, root and file; that is all that a configuration looks at."""
    if request.options.adjust is None:
        return None
    found: dict[str, Any] = {}
    for control in result.controls:
        adjust = request.options.adjust(control.id, result.parameters[control.id])
        if adjust is not None:
            rows = {_key(resource): adjust(resource) for resource in result.resources}
            found[control.id] = [[*key, rows[key]] for key in sorted(rows)]
    return found


def _adjust(
    held: Mapping[str, Any] | None,
) -> Callable[[str, Mapping[str, Any]], Adjust | None] | None:
    if held is None:
        return None

    def of_control(control: str, defaults: Mapping[str, Any]) -> Adjust | None:
        if control not in held:
            return None
        rows = {tuple(row[:3]): row[3] for row in held[control]}
        return lambda resource: rows.get(_key(resource), defaults)

    return of_control


def _key(resource: Resource) -> tuple[str, str, str]:
    return resource.environment, resource.root, resource.place.file

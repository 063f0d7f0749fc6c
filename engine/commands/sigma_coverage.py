"""assay sigma coverage: can the indexes answer what the rules ask?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.engine.commands import sigma_deploy
from assay.engine.commands.sigma_input import convert_given, refusals, rules
from assay.engine.errors import InputError, Problem, printable, usage

Mappings = Mapping[str, Any]


def options(parser: argparse.ArgumentParser) -> None:
    """The words of `assay sigma coverage`."""
    rules(parser, nargs="*")
    parser.add_argument("--mapping", metavar="FILE", help="answer of `GET INDEX/_mapping`")
    parser.add_argument(
        "--server", metavar="URL", help="ask this cluster for the mappings of its indexes"
    )
    sigma_deploy.sign_in(parser)
    parser.add_argument("--layer", metavar="FILE", help="write an ATT&CK Navigator layer")


def run(args: argparse.Namespace) -> int:
    """0; 1 where a rule is refused or a field cannot be asked."""
    from assay.engine.siem import coverage
    from assay.engine.siem.alerting import ServerError

    if args.mapping and args.server:
        raise usage("--mapping or --server, not both")
    done = convert_given(args)
    patterns = sorted({one.source.pattern for one in done.searches()})
    try:
        given = _live(args, patterns) if args.server else _file(args.mapping, patterns)
    except ServerError as error:
        return sigma_deploy.failed(args, error)
    found = coverage.lacks(done.converted, given)
    for lack in found:
        dead = ", so the rule can never fire" if lack.dead else ""
        place = f"{lack.file}: {lack.rule}: {lack.field}"
        print(printable(f"{place} {lack.reason} ({lack.where}){dead}"))
    absent = [name for name in patterns if given is not None and not given[name]]
    for name in absent:
        print(printable(f"no index is called {name}: none of its rules can fire"))
    if args.layer:
        _write(args.layer, coverage.layer(done.converted))
    return 1 if refusals(done.refused) or found or absent else 0


def _live(args: argparse.Namespace, patterns: list[str]) -> dict[str, dict[str, Mappings]]:
    """Pattern → index → its mappings, as the cluster has them now. Raises ServerError."""
    from assay.engine.siem.alerting import ServerError

    client = sigma_deploy.cluster(args)
    try:
        made: dict[str, dict[str, Mappings]] = {}
        for name in patterns:
            answer = client.ask("GET", f"/{name}/_mapping", ignore_unavailable="true")
            try:
                made[name] = {index: _mappings(one) for index, one in sorted(answer.items())}
            except (KeyError, TypeError, AttributeError):
                reason = "its answer to a _mapping request is none"
                raise ServerError(200, reason) from None
        return made
    finally:
        client.close()


def _file(name: str | None, patterns: list[str]) -> dict[str, dict[str, Mappings]] | None:
    """The indexes of the answer of `GET INDEX/_mapping`, for all rules. Raises InputError."""
    if name is None:
        return None
    try:
        data = json.loads(Path(name).read_bytes())
        found = (
            {"the mapping": _mappings(data)}
            if "mappings" in data
            else {index: _mappings(one) for index, one in sorted(data.items())}
        )
        if not found:
            raise KeyError("mappings")
    except OSError as error:
        problem = Problem("path-not-found", f"cannot read {name}: {error.strerror}")
        raise InputError(problem) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = Problem("siem-mapping", "not the answer of a _mapping request", file=name)
        raise InputError(problem) from error
    return dict.fromkeys(patterns, found)


def _mappings(answer: Any) -> Mappings:
    """The mappings of one index. What an index does not list yet, it cannot answer yet."""
    mappings = answer["mappings"]
    properties = mappings.get("properties", {})
    if not isinstance(properties, dict):
        raise TypeError("properties")
    return {**mappings, "dynamic": False, "properties": properties}


def _write(name: str, layer: Any) -> None:
    try:
        Path(name).write_text(json.dumps(layer, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise usage(f"cannot write {name}: {error.strerror}") from error

"""assay evidence bundle: a scan → a signed archive."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.engine import gate
from assay.engine.catalogue import load
from assay.engine.commands import (
    evidence_history,
    evidence_request,
    evidence_verify,
    scan,
    sources,
    writing,
)
from assay.engine.errors import printable, usage
from assay.engine.evidence import bundle, contents, inputs, keys
from assay.engine.evidence.conceal import Concealed
from assay.engine.files import Tree, display_name
from assay.engine.history import record
from assay.engine.model import Scan
from assay.reports import formats

# What is not in a bundle's reports: the findings are there as they are, the text is for terminals,
# and a PDF needs a program that the signer may not have.
LEFT_OUT = ("json", "text", "pdf")
ACTORS = ("ASSAY_ACTOR", "GITLAB_USER_LOGIN", "GITHUB_ACTOR")
FILES = ("plan", "state", "var_file", "values", "snapshot")  # options that name further inputs


def options(parser: argparse.ArgumentParser) -> None:
    """What scan takes, and how it is signed."""
    scan.options(parser)
    sign = parser.add_argument_group("evidence")
    sign.add_argument("-o", "--output", required=True, metavar="BUNDLE", help=".tar or .tar.gz")
    sign.add_argument("--key", metavar="FILE", help=f"private key, PEM; else {keys.KEY_VARIABLE}")
    sign.add_argument("--sign-command", metavar="COMMAND", help="message on stdin, signature out")
    sign.add_argument("--public-key", metavar="FILE", help="checks what the command signs")
    sign.add_argument("--allow-incomplete", action="store_true", help="sign, and say so inside")
    sign.add_argument("--actor", metavar="NAME", help=f"who runs this; else {', '.join(ACTORS)}")
    sign.add_argument("--previous", metavar="BUNDLE", help="the bundle before this one")


def run(args: argparse.Namespace) -> int:
    """0 once the bundle is written, whatever the findings; 1 where coverage is incomplete."""
    at = scan.time_of(args.at)
    signer = keys.signer(args.key, args.sign_command, args.public_key, os.environ)
    if args.changed_since is not None:
        raise usage("--changed-since is for the gate: evidence is of all that there is")
    target = Path(args.output)
    if not target.absolute().parent.is_dir():
        raise usage(f"no such folder: {target.parent}", code="path-not-found")
    wanted = [word for word in args.format if "=" in word or word not in formats.FORMATS]
    if wanted:
        raise usage(f"-f names a report inside the bundle, such as sarif, not `{wanted[0]}`")
    previous = bundle.open_(evidence_verify.read(args.previous)).digest if args.previous else None
    decided = scan.decided(args)
    tree = sources.discovered(args)
    now = at or datetime.now(UTC)
    request = scan.requested(args, now, tree)
    rules = load.read_files(evidence_request.rule_folders(args))
    if load.digest(rules) != request.catalogue.digest:
        raise usage("the controls were changed while they were read", "try again")
    loaded = scan.loaded(request, args, tree)
    result = scan.judged(request, loaded)
    open_reasons = [each for each in gate.blocks(result, decided) if each.reason != "fail"]
    if open_reasons and not args.allow_incomplete:
        return _refuse(open_reasons)
    left, allowed = gate.not_evaluated(result, decided)
    concealed = Concealed()
    kept = contents.kept_inputs(loaded, result, concealed)
    own = contents.kept_inputs(evidence_request.policies(request), result, concealed)
    rule_files = contents.kept_catalogue(rules)
    again = scan.judged(
        request._replace(policies=evidence_request.documents(own.files)),
        [inputs.unpack(kept.files[row["file"]], row["file"]) for row in kept.rows],
    )
    asked = bundle.document(evidence_request.document(request, result))
    seen = record.observed(result, not left)
    fails = sum(each.reason == "fail" for each in gate.blocks(result, decided))
    manifest: dict[str, Any] = {
        "schema": bundle.SCHEMA,
        "clock": "given" if at else "system",
        "actor": _actor(args.actor),
        "tool": {"name": "assay", "version": result.version},
        "key": signer.key,
        "catalogue": {"digest": result.catalogue_digest, "files": rule_files.rows},
        "parameters": {each.id: result.parameters.get(each.id, {}) for each in result.controls},
        "scope": {
            "inputs": list(result.inputs),
            "controls": [each.id for each in result.controls],
            "environment": args.environment,
        },
        "gate": {"fail_on": args.fail_on, "allow": list(args.allow), "strict": args.strict},
        "counts": dict(result.counts),
        "reconciliation": contents.reconciliation(result),
        "complete": not left,
        "incomplete": [each._asdict() for each in left],
        "allowed": [each._asdict() for each in allowed],
        "inputs": kept.rows,
        "policies": own.rows,
        "not_replayed": contents.differences(result, again),
        "request": f"inputs/{hashlib.sha256(asked).hexdigest()}.json",
        "run": record.as_document(seen),
    }
    with evidence_history.locked(args, at) as (history, when):
        result = result._replace(at=stamp(when))
        manifest |= {"at": stamp(when), "previous": previous or history.previous}
        manifest["times"] = {"started": stamp(now), "signed": stamp(when)}
        files = {**kept.files, **own.files, **rule_files.files, manifest["request"]: asked}
        files["sources.json"] = bundle.document(_sources(args, tree, concealed))
        files[bundle.FINDINGS] = "".join(formats.pieces("json", result, {}, False, False)).encode()
        files[bundle.POPULATION] = contents.population(result)
        files |= _reports(args.format, result)
        outcome = "FAILED" if fails else "PASSED" if not left else "WARNED"
        claim = contents.predicate(result, outcome, not left)
        packed = target.name.endswith(("gz", ".tgz"))
        data = bundle.build(files, manifest, claim, signer, packed)
        history.record(seen, when, hashlib.sha256(bundle.document(manifest)).hexdigest())
        writing.whole(target, data)
    if not args.quiet:
        whole = "complete" if not left else f"incomplete ({len(left)} reasons)"
        print(f"{len(files)} files, {len(data)} bytes, {whole}, {fails} fails that block")
    return 0


def _refuse(reasons: Sequence[gate.Block]) -> int:
    print(f"not signed: {len(reasons)} things were not evaluated", file=sys.stderr)
    for each in reasons[:20]:
        said = f"  {each.reason}: {printable(each.subject)}: {printable(each.message)}"
        print(said, file=sys.stderr)
    if len(reasons) > 20:
        print(f"  and {len(reasons) - 20} more", file=sys.stderr)
    help = "mend them, allow each with --allow KIND:PATTERN, or sign with --allow-incomplete"
    print(f"  = help: {help}: the bundle then says so", file=sys.stderr)
    return 1


def _reports(chosen: Sequence[str], result: Scan) -> dict[str, bytes]:
    names = chosen or [name for name in formats.FORMATS if name not in LEFT_OUT]
    found: dict[str, bytes] = {}
    for name in names:
        pieces: Iterable[str | bytes] = formats.pieces(name, result, {}, False, False)
        whole = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
        found[f"reports/{name}"] = b"".join(whole)
    return found


def _actor(given: str | None) -> dict[str, str]:
    """Who ran it, and how that is known; nothing here proves it."""
    if given:
        return {"name": given, "from": "--actor"}
    for variable in ACTORS:
        if os.environ.get(variable):
            return {"name": os.environ[variable], "from": variable}
    return {"name": "", "from": "not stated"}


def _sources(args: argparse.Namespace, tree: Tree, concealed: Concealed) -> list[dict[str, Any]]:
    """Every file that was found, with its digest; none for a file that holds a secret.

    A digest of a file with a short secret, all else of it known, would let the secret be guessed.
    """
    named = [word for option in FILES for word in getattr(args, option)]
    named += [args.config] if args.config else []
    found = {file.name: file.path for file in tree.files}
    found |= {display_name(word, alone=False): Path(word) for word in named}
    rows: list[dict[str, Any]] = []
    for name in sorted(found):
        row: dict[str, Any] = {"name": name}
        try:
            data = found[name].read_bytes()
        except OSError as error:
            rows.append({**row, "unread": error.strerror})
            continue
        row["size"] = len(data)
        if concealed.holds(data):
            rows.append({**row, "withheld": "it holds a secret"})
        else:
            rows.append({**row, "sha256": hashlib.sha256(data).hexdigest()})
    return rows


def stamp(at: datetime) -> str:
    """A time as documents have it: RFC 3339, UTC."""
    return at.isoformat().replace("+00:00", "Z")

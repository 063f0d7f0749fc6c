"""assay scan: load, judge, report, decide."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.engine import gate, terminal
from assay.engine.cli import version
from assay.engine.commands import configuring, sources
from assay.engine.errors import usage
from assay.engine.files import Tree
from assay.engine.judge import cores
from assay.engine.model import SEVERITIES, Loaded, Place, Scan, SourceError
from assay.engine.scan import ScanOptions, scan
from assay.reports import formats

if TYPE_CHECKING:
    from assay.engine.baseline import Baseline
    from assay.engine.catalogue.controls import Catalogue
    from assay.engine.exceptions import Acceptance
    from assay.engine.policies.documents import Documents


def options(parser: argparse.ArgumentParser) -> None:
    """The options of design section 4."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders to judge")
    report = parser.add_argument_group("report")
    report.add_argument(
        "-f",
        "--format",
        action="append",
        default=[],
        metavar="FORMAT[=FILE]",
        help=f"one of {', '.join(formats.FORMATS)}; several with a file each (default text)",
    )
    report.add_argument("--quiet", action="store_true", help="say only what blocks")
    report.add_argument("--at", metavar="TIME", help="the time of the scan (RFC 3339)")
    decide = parser.add_argument_group("gate")
    decide.add_argument("--fail-on", choices=SEVERITIES, default="low", metavar="SEVERITY")
    decide.add_argument("--allow", action="append", default=[], metavar="KIND:PATTERN")
    decide.add_argument("--strict", action="store_true", help="every unknown blocks")
    decide.add_argument("--require-coverage", type=float, default=1.0, metavar="SHARE")
    decide.add_argument("--exceptions", metavar="DIR", help="approved, expiring acceptances")
    decide.add_argument("--baseline", metavar="FILE", help="fails that are known")
    decide.add_argument(
        "--exceptions-at",
        metavar="REV",
        help="read both as they are in this commit; a change to them is a finding",
    )
    decide.add_argument(
        "--changed-since",
        metavar="REV",
        help="only what changed since this commit blocks; what judges is read there",
    )
    decide.add_argument("--history", metavar="FILE", help="record the run in this history")
    decide.add_argument("--every", metavar="1d", help="how often runs are expected")
    parser.add_argument(
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="processes that judge (default: as many as pay; the report is the same)",
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="use nothing that earlier runs have kept"
    )
    what = parser.add_argument_group("controls")
    what.add_argument("--control", action="append", default=[], metavar="ID")
    what.add_argument(
        "--framework",
        "--profile",
        action="append",
        default=[],
        metavar="F",
        help="only controls of a framework or level, such as pod-security-restricted",
    )
    what.add_argument("--rules", action="append", default=[], metavar="DIR")
    what.add_argument("--params", metavar="FILE", help="parameters of controls, YAML")
    what.add_argument(
        "--policies",
        action="append",
        default=[],
        metavar="DIR",
        help="your own ValidatingAdmissionPolicies and Gatekeeper templates in CEL",
    )
    sources.options(parser)


def run(args: argparse.Namespace) -> int:
    """The exit code: 0 nothing blocks, 1 something does."""
    outputs = formats.parse(args.format or ["text"])
    chosen = decided(args)
    at = time_of(args.at)
    if args.changed_since is not None:
        from assay.engine.commands import changed

        result, tree, chosen = changed.judge(args, at, chosen)
    else:
        tree = sources.discovered(args)
        result = judge(args, at, tree)
    reasons = {each.reason for each in gate.blocking(result, chosen)}
    paths = {file.name: file.path for file in tree.files}
    formats.write(outputs, result, paths, quiet=args.quiet)
    if args.history:
        from assay.engine.commands import evidence_history

        evidence_history.record_scan(args, result, reasons <= {"fail"}, at)
    return 1 if reasons else 0


def decided(args: argparse.Namespace) -> gate.GateOptions:
    """What the arguments say of the gate. Raises InputError."""
    allow = gate.parse_allow(args.allow)
    if not 0 <= args.require_coverage <= 1:
        raise usage("--require-coverage takes a share from 0 to 1")
    return gate.GateOptions(args.fail_on, allow, args.strict, args.require_coverage)


class Request(NamedTuple):
    """What a scan is judged by: everything but the sources."""

    catalogue: Catalogue
    options: ScanOptions
    accepted: Sequence[Acceptance] | None
    held: Baseline | None
    today: date
    changes: Sequence[SourceError] = ()
    references: Sequence[tuple[str, Place]] = ()
    policies: Documents | None = None  # the user's own, judged beside the controls
    quiet: bool = False


def judge(args: argparse.Namespace, at: datetime | None, tree: Tree) -> Scan:
    """The scan that the arguments ask for, exceptions and baseline applied."""
    request = requested(args, at, tree)
    return judged(request, loaded(request, args, tree))


def loaded(request: Request, args: argparse.Namespace, tree: Tree) -> list[Loaded]:
    """What every loader sees, with the changes to what judges it."""
    found = sources.load(args, tree)
    return [*found, Loaded([], list(request.changes), [])] if request.changes else found


def requested(
    args: argparse.Namespace, at: datetime | None, tree: Tree, accepting: bool = True
) -> Request:
    """The catalogue, parameters, exceptions and baseline that the arguments name.

    Without `accepting` nothing is excepted: what a commit held is compared as it was.
    """
    catalogue, config = configuring.catalogue_and_config(args, args.rules)
    values: dict[str, dict[str, Any]] = {}
    expects = frozenset[str]()
    if args.params:
        from assay.engine import parameters

        values, expects = parameters.read(args.params, catalogue)
    chosen = frozenset(args.control)
    if args.framework:
        from assay.engine.catalogue import selection

        chosen |= selection.by_frameworks(catalogue.controls, args.framework)
        for id, more in selection.raised(catalogue.controls, args.framework, values).items():
            values.setdefault(id, {}).update(more)
    adjust = None
    if config is not None:
        from assay.engine.project import overrides

        rules = overrides.Overrides(config, tree, values)
        values, expects, adjust = rules.everywhere(), expects | config.expects, rules.adjust
    for_version(args.kube_version, catalogue, values)
    given = ScanOptions(
        controls=chosen,
        params=values,
        expects=expects,
        adjust=adjust,
        owners=configuring.owners(config, tree),
        at=at.isoformat().replace("+00:00", "Z") if at else None,
        inputs=[base.name for base in tree.bases],
        version=version(),
        jobs=jobs(args),
    )
    unknown = sorted(given.controls - {control.id for control in catalogue.controls})
    if unknown:
        from difflib import get_close_matches

        near = get_close_matches(unknown[0], [c.id for c in catalogue.controls], 1)
        help = f"did you mean `{near[0]}`?" if near else "`assay controls list` prints them all"
        raise usage(f"no control `{unknown[0]}`", help, "no-control")
    ids = frozenset(control.id for control in catalogue.controls)
    policies = None
    if getattr(args, "policies", ()):
        from assay.engine.policies import documents

        policies = documents.read(args.policies)
        ids |= policies.names()
    folder = configuring.default(args, config, "exceptions") if accepting else None
    file = configuring.default(args, config, "baseline") if accepting else None
    accepted, held, changes = _accepted(folder, file, args, ids)
    today = (at or datetime.now(UTC)).date()
    references: list[tuple[str, Place]] = []
    if accepted is not None:
        from assay.engine import exceptions

        references = exceptions.references(tree.files)
    quiet = bool(getattr(args, "quiet", False))
    return Request(catalogue, given, accepted, held, today, changes, references, policies, quiet)


def jobs(args: argparse.Namespace) -> int:
    """The number of `--jobs`. Raises InputError."""
    number = int(getattr(args, "jobs", 0))
    if number < 0 or number > cores.MOST:
        raise usage(f"--jobs takes a number from 1 to {cores.MOST}, or 0 for as many as pay")
    return number


def _accepted(
    folder: str | None, file: str | None, args: argparse.Namespace, ids: frozenset[str]
) -> tuple[Sequence[Acceptance] | None, Baseline | None, list[SourceError]]:
    """Exceptions and baseline: those of `--exceptions-at`, with how the tree's differ, if given."""
    revision = getattr(args, "exceptions_at", None)
    changes: list[SourceError] = []
    texts: dict[str, dict[str, bytes]] = {}
    if revision:
        from assay.engine import reviewed

        if not (folder or file or getattr(args, "reviewed", None) is not None):
            raise usage("--exceptions-at needs --exceptions or --baseline")
        for path in filter(None, (folder, file)):
            texts[path] = reviewed.texts(revision, path)
            changes += reviewed.changes(revision, path, texts[path], (".yaml", ".yml"))
    accepted = None
    if folder:
        from assay.engine import exceptions

        accepted = exceptions.read(folder, ids, texts.get(folder))
    held = None
    if file and (not revision or "" in texts[file]):
        from assay.engine import baseline

        held = baseline.read(file, texts.get(file, {}).get(""))
    return accepted, held, changes


def for_version(version: str, catalogue: Catalogue, values: dict[str, dict[str, Any]]) -> None:
    """Set the parameter `minor` of controls that depend on the version of Kubernetes."""
    found = re.match(r"v?1\.(\d{1,3})(?!\d)", version)
    if found is None:
        return
    for control in catalogue.controls:
        if any(param.name == "minor" for param in control.params):
            values.setdefault(control.id, {}).setdefault("minor", int(found[1]))


def judged(request: Request, loaded: Iterable[Loaded]) -> Scan:
    """The scan of what the loaders saw."""
    shown = terminal.progress("judging", request.quiet)
    result = scan(request.catalogue, loaded, request.options._replace(progress=shown))
    if shown is not None:
        shown.end()
    if request.policies is not None:
        from assay.engine.policies.apply import apply

        result = apply(result, request.policies)
    if request.accepted is not None:
        from assay.engine import exceptions

        result = exceptions.apply(result, request.accepted, request.today)
        result = exceptions.referred(result, request.references, request.accepted, request.today)
    if request.held is not None:
        from assay.engine import baseline

        result = baseline.apply(result, request.held, request.today)
    return result


def time_of(text: str | None) -> datetime | None:
    """The time of `--at`, else of SOURCE_DATE_EPOCH, else None. Raises InputError."""
    if text is None:
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        if not epoch:
            return None
        try:
            return datetime.fromtimestamp(int(epoch), UTC)
        except (ValueError, OverflowError, OSError):
            raise usage("SOURCE_DATE_EPOCH must be a number of seconds") from None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise usage(f"--at takes a time such as 2026-01-31T02:00:00Z, not `{text}`") from None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)

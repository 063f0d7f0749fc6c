"""assay sigma plan, apply, drift, prune: monitors on a cluster, as declared.

Exit codes. 0: as declared, or done. 2 (plan, drift): something differs. 1: something is refused,
failed, or the server did not answer; a second apply mends what a first left.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from assay.engine.commands.sigma_input import convert_given, refusals, rules
from assay.engine.errors import InputError, printable, usage

ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
ACTIONS = {
    "plan": "what apply would change on the cluster; changes nothing",
    "apply": "create and update monitors as declared",
    "drift": "what on the cluster is not as declared",
    "prune": "remove monitors of ours that are no longer declared",
}


def options(parser: argparse.ArgumentParser, action: str) -> None:
    """The words of one of the actions."""
    declared(parser)
    server(parser)
    if action in ("apply", "prune"):
        parser.add_argument(
            "--dry-run", action="store_true", help="run or list what would be done, write nothing"
        )
    if action == "prune":
        parser.add_argument("--all", action="store_true", help="even where no rule is declared")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")


def declared(parser: argparse.ArgumentParser) -> None:
    """The rules, how they run, and where their alerts go."""
    rules(parser, nargs="*")
    parser.add_argument("--environment", default="default", metavar="NAME")
    parser.add_argument("--routes", metavar="FILE", help="YAML: destinations of alerts")
    parser.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="ID",
        help="deploy this rule though its status is experimental, deprecated or unsupported",
    )
    parser.add_argument("--interval", type=int, default=5, metavar="MINUTES")
    parser.add_argument(
        "--lag", type=int, default=1, metavar="MINUTES", help="how late events may come (default 1)"
    )
    parser.add_argument(
        "--overlap",
        type=int,
        default=1,
        metavar="MINUTES",
        help="how late a run may start without a gap (default 1)",
    )
    parser.add_argument(
        "--skip-refused", action="store_true", help="deploy the others when a rule is refused"
    )


def server(parser: argparse.ArgumentParser) -> None:
    """The cluster and how to sign in."""
    parser.add_argument(
        "--server", "--url", metavar="URL", help="the cluster; else ASSAY_OPENSEARCH_URL"
    )
    sign_in(parser)


def sign_in(parser: argparse.ArgumentParser) -> None:
    """How to sign in, and how long to wait."""
    parser.add_argument(
        "--credentials",
        metavar="FILE",
        help="YAML: user, password, ca, certificate, key; "
        "else ASSAY_OPENSEARCH_USER, _PASSWORD, _CA, _CERTIFICATE, _KEY",
    )
    parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS")


def run(args: argparse.Namespace) -> int:
    """The exit code."""
    from assay.engine.siem.alerting import ServerError

    try:
        return _run(args)
    except ServerError as error:
        return failed(args, error)
    except InputError as error:
        # 2 would say that something differs.
        print(error.render(), file=sys.stderr)
        return 1


def failed(args: argparse.Namespace, error: Any) -> int:
    """Says that the server failed: 1."""
    from assay.engine.siem.server import shown

    status = f"HTTP {error.status}: " if error.status else ""
    url = shown(args.server or os.environ.get("ASSAY_OPENSEARCH_URL", ""))
    print(printable(f"error[siem-server]: {url}: {status}{error.reason}"), file=sys.stderr)
    return 1


def cluster(args: argparse.Namespace) -> Any:
    """The client of the cluster that is named. Raises InputError."""
    from assay.engine.siem.alerting import Cluster
    from assay.engine.siem.server import login_file

    url = args.server or os.environ.get("ASSAY_OPENSEARCH_URL", "")
    if not url:
        raise usage("no server: give --server URL, or set ASSAY_OPENSEARCH_URL")
    if not 0 < args.timeout <= 600:
        raise usage("--timeout is more than 0 and at most 600 seconds")
    login = login_file(args.credentials) if args.credentials else None
    return Cluster(url, login, args.timeout)


def settings(args: argparse.Namespace) -> Any:
    """How the monitors run. Raises InputError."""
    from assay.engine.siem.monitors import Settings
    from assay.engine.siem.routes import read

    if not ENVIRONMENT.fullmatch(args.environment):
        raise usage("--environment is lower-case letters, digits and -")
    for word, least, most in (("interval", 1, 1440), ("lag", 0, 1440), ("overlap", 0, 1440)):
        if not least <= getattr(args, word) <= most:
            raise usage(f"--{word} is a number of minutes of {least} to {most}")
    return Settings(
        args.environment,
        args.interval,
        args.lag,
        args.overlap,
        read(args.routes) if args.routes else (),
        include=frozenset(args.include),
    )


def monitors(args: argparse.Namespace, chosen: Any) -> Any:
    """What is declared. Raises InputError where `--include` names no rule."""
    from assay.engine.siem.monitors import build

    done = convert_given(args, args.environment)
    known = {one.rule.id for one in done.searches()}
    known |= {str(one.rule.document.get("name")) for one in done.searches()}
    for name in args.include:
        if name not in known:
            raise usage(f"--include {printable(name)}: no such rule was given")
    return build(done, chosen)


def _run(args: argparse.Namespace) -> int:
    from assay.engine.siem import deploy, limits

    chosen = settings(args)
    client = cluster(args)
    try:
        allowed = limits.ask(client)
        made = monitors(args, chosen._replace(max_query=allowed.query))
        if refusals(made.refused) and not args.skip_refused:
            print("nothing is done: --skip-refused leaves refused rules out", file=sys.stderr)
            return 1
        plan = deploy.plan(made.bodies, client.monitors(), args.environment)
        excess = limits.exceeded(allowed, len(made.bodies), plan.others)
        for reason in excess:
            print(printable(f"error[siem-limit]: {reason}"), file=sys.stderr)
        if excess and args.action != "prune":
            return 1
        if args.action in ("plan", "drift"):
            _show(args, plan.steps, plan, made)
            return 2 if plan.steps else 0
        return _write(args, client, plan, made)
    finally:
        client.close()


def _write(args: argparse.Namespace, client: Any, plan: Any, made: Any) -> int:
    from assay.engine.siem import deploy

    if args.action == "prune":
        if not made.bodies and plan.removals() and not args.all:
            raise usage("no rule is declared, so all monitors would go: --all says that they shall")
        steps = plan.removals()
    else:
        steps = plan.writes()
    if args.dry_run and args.action == "prune":
        _show(args, steps, plan, made)
        return 0
    work = deploy.dry_run if args.dry_run else deploy.carry_out
    done: list[Any] = []
    lost: list[Any] = []
    for one in work(client, steps):
        (lost if isinstance(one, deploy.Failed) else done).append(one)
    _show(args, done, plan, made, lost, left=len(steps) - len(done) - len(lost))
    return 1 if lost else 0


def _show(
    args: argparse.Namespace,
    steps: Sequence[Any],
    plan: Any,
    made: Any,
    lost: Sequence[Any] = (),
    left: int = 0,
) -> None:
    if args.format == "json":
        print(json.dumps(_json(steps, plan, made, lost), indent=1, ensure_ascii=False))
    else:
        for step in steps:
            print(printable(f"{step.kind} {step.name}: {step.why}"))
    for one in lost:
        status = f"HTTP {one.status}: " if one.status else ""
        line = f"failed: {one.step.kind} {one.step.name}: {status}{one.reason}"
        print(printable(line), file=sys.stderr)
    if left:
        print(f"{left} steps were not tried; a second apply goes on from here", file=sys.stderr)
    if args.format == "text":
        counts = f"{len(steps)} {'would change' if _previews(args) else 'changed'}"
        kept = f"{len(plan.same)} as declared, {len(made.left_out)} rules left out by status"
        print(f"{counts}, {kept}, {plan.others} monitors of others")


def _previews(args: argparse.Namespace) -> bool:
    return args.action in ("plan", "drift") or args.dry_run


def _json(steps: Sequence[Any], plan: Any, made: Any, lost: Sequence[Any]) -> dict[str, Any]:
    return {
        "schema": "assay/siem-plan/1",
        "steps": [{"kind": one.kind, "name": one.name, "why": one.why} for one in steps],
        "failed": [
            {"kind": one.step.kind, "name": one.step.name, "status": one.status,
             "reason": one.reason}
            for one in lost
        ],
        "same": plan.same,
        "left_out": [{"rule": rule, "status": status} for rule, status in made.left_out],
        "others": plan.others,
    }  # fmt: skip

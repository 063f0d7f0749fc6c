"""assay sigma lint and backtest: rules before they are deployed."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from assay.engine.commands import sigma_deploy
from assay.engine.commands.sigma_input import convert_given, placeholders, refusals, rules
from assay.engine.errors import printable


def lint_options(parser: argparse.ArgumentParser) -> None:
    """The words of `assay sigma lint`."""
    rules(parser, nargs="*")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--strict", action="store_true", help="warnings too are a reason for exit code 1"
    )


def lint(args: argparse.Namespace) -> int:
    """0; 1 where a rule has an error, or with --strict a warning."""
    from assay.engine.siem.lint import lint as judge
    from assay.engine.siem.sources import FOLDER

    given = args.rules or [str(FOLDER / "detections")]
    found = judge([*given, *args.filters], placeholders(args.placeholders))
    if args.format == "json":
        print(json.dumps([one._asdict() for one in found], indent=1, ensure_ascii=False))
    else:
        for one in found:
            place = f"{one.file}:{one.line}" if one.line else one.file
            print(printable(f"{place}: {one.severity}[{one.code}]: {one.message}"))
    errors = sum(one.severity == "error" for one in found)
    print(f"{errors} errors, {len(found) - errors} warnings", file=sys.stderr)
    return 1 if errors or (args.strict and found) else 0


def backtest_options(parser: argparse.ArgumentParser) -> None:
    """The words of `assay sigma backtest`."""
    rules(parser, nargs="*")
    sigma_deploy.server(parser)
    parser.add_argument("--environment", default="default", metavar="NAME")
    parser.add_argument("--from", dest="first", required=True, metavar="DAY", help="YYYY-MM-DD")
    parser.add_argument("--to", dest="last", required=True, metavar="DAY", help="that day too")
    parser.add_argument(
        "--at-most", type=int, metavar="N", help="exit 1 where a rule has more hits on one day"
    )
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text")


def backtest(args: argparse.Namespace) -> int:
    """0; 1 where a rule is refused, the server fails, or a rule is louder than --at-most."""
    from assay.engine.siem import backtest as past
    from assay.engine.siem.alerting import ServerError

    days = past.span(past.day(args.first, "from"), past.day(args.last, "to"))
    done = convert_given(args, args.environment)
    client = sigma_deploy.cluster(args)
    try:
        found = past.run(client, done, days)
    except ServerError as error:
        return sigma_deploy.failed(args, error)
    finally:
        client.close()
    _show(args, found)
    loud = [
        one for one in found if args.at_most is not None and max(one.counts.values()) > args.at_most
    ]
    for one in loud:
        line = f"louder than {args.at_most} a day: {one.rule} {one.title}"
        print(printable(line), file=sys.stderr)
    return 1 if refusals(done.refused) or loud else 0


def _show(args: argparse.Namespace, found: list[Any]) -> None:
    if args.format == "json":
        rules_found = [
            {"rule": one.rule, "title": one.title, "level": one.level,
             "total": sum(one.counts.values()), "days": one.counts}
            for one in found
        ]  # fmt: skip
        made = {"schema": "assay/siem-backtest/1", "from": args.first, "to": args.last}
        print(json.dumps({**made, "rules": rules_found}, indent=1, ensure_ascii=False))
        return
    fired = [one for one in found if any(one.counts.values())]
    for one in sorted(fired, key=lambda one: (-sum(one.counts.values()), one.rule)):
        days = ", ".join(f"{day} {count}" for day, count in sorted(one.counts.items()) if count)
        print(printable(f"{sum(one.counts.values()):8} {one.level:13} {one.rule} {one.title}"))
        print(f"         {days}")
    print(f"{len(fired)} of {len(found)} rules would have fired")

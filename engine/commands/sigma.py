"""`assay sigma`: Sigma rules as OpenSearch searches, and what they find."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assay.engine.commands import sigma_coverage, sigma_deploy, sigma_more
from assay.engine.commands.sigma_input import convert_given, convert_texts, refusals, rules
from assay.engine.errors import InputError, Problem, printable, usage


def options(parser: argparse.ArgumentParser) -> None:
    """The words of `assay sigma`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    convert = actions.add_parser("convert", help="one JSON search a rule, named by the rule's id")
    rules(convert)
    convert.add_argument("-o", "--output", metavar="DIR", help="folder to write into")
    match = actions.add_parser("match", help="which rule finds which event, as JSON lines")
    rules(match)
    match.add_argument(
        "--events", required=True, metavar="FILE", help="JSON array, JSON lines, or - for stdin"
    )
    match.add_argument(
        "--by",
        default="sigma,dsl",
        metavar="WAYS",
        help="by the rules' meaning (sigma), by the emitted searches under the shipped template "
        "(dsl), on an OpenSearch (its URL); several with commas (default: %(default)s)",
    )
    test = actions.add_parser("test", help="rules on their own events, by meaning and by search")
    rules(test, nargs="*")
    test.add_argument("--by", default="sigma,dsl", metavar="WAYS", help="as for match")
    coverage = actions.add_parser(
        "coverage", help="fields that an index cannot answer, and rules that can never fire"
    )
    sigma_coverage.options(coverage)
    templates = actions.add_parser("templates", help="index templates, one file a log source")
    templates.add_argument("-o", "--output", required=True, metavar="DIR")
    lint = actions.add_parser("lint", help="faults of rules with their places, offline")
    sigma_more.lint_options(lint)
    backtest = actions.add_parser(
        "backtest", help="how often rules would have fired over past days, counted by a server"
    )
    sigma_more.backtest_options(backtest)
    for name, summary in sigma_deploy.ACTIONS.items():
        sigma_deploy.options(actions.add_parser(name, help=summary), name)


def run(args: argparse.Namespace) -> int:
    """Runs the action; the exit code."""
    return ACTIONS[args.action](args)


def _convert(args: argparse.Namespace) -> int:
    done = convert_texts(args)
    if args.output is None:
        for one in done.searches:
            line = {"rule": one.rule, "index": one.pattern, **json.loads(one.text)}
            print(json.dumps(line, ensure_ascii=False))
    else:
        _write(Path(args.output), {one.rule: one.text for one in done.searches})
    return refusals(done.refused)


def _templates(args: argparse.Namespace) -> int:
    from assay.engine.siem.sources import shipped, template

    texts = {
        f"assay-{name}": json.dumps(template(one), ensure_ascii=False, separators=(",", ":"))
        for name, one in shipped().items()
    }
    _write(Path(args.output), texts)
    return 0


def _write(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            # Thousands of files: this way each costs half of what Path's way does.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            descriptor = os.open(f"{folder}/{name}.json", flags, 0o666)
            with os.fdopen(descriptor, "wb", buffering=0) as stream:
                stream.write(f"{text}\n".encode())
    except OSError as error:
        raise usage(f"cannot write into {folder}: {error.strerror}") from error


def _match(args: argparse.Namespace) -> int:
    from assay.engine.siem import match, server

    ways = _ways(args.by)
    events = _events(args.events)
    done = convert_given(args)
    lost: list[str] = []
    for way in ways:
        hits: Iterator[match.Hit]
        if way == "sigma":
            hits = match.by_meaning(done.converted, events)
        elif way == "dsl":
            hits = match.by_query(done.converted, events)
        else:
            hits = match.by_server(way, done.converted, events, lost)
        name = way if way in ("sigma", "dsl") else server.shown(way)
        for hit in hits:
            print(json.dumps({"event": hit.event, "rule": hit.rule, "by": name}))
    for reason in lost:
        print(printable(f"not indexed: {reason}"), file=sys.stderr)
    return 1 if refusals(done.refused) or lost else 0


def _ways(text: str) -> list[str]:
    ways = [way.strip() for way in text.split(",") if way.strip()]
    for way in ways:
        if way not in ("sigma", "dsl") and not way.startswith(("http://", "https://")):
            raise usage(f"--by {printable(way)}: not sigma, dsl or the URL of a server")
    return ways


def _test(args: argparse.Namespace) -> int:
    from assay.engine.siem import examples

    ways = _ways(args.by)
    done = convert_given(args)
    tested = examples.judge(done, ways)
    for failure in tested.failures:
        print(printable(f"failed: {failure.file}: {failure.rule} {failure.what}"), file=sys.stderr)
    refused = refusals(done.refused)
    counts = f"{tested.rules} rules, {tested.events} events, {len(tested.failures)} failures"
    print(counts)
    return 1 if refused or tested.failures else 0


def _events(name: str) -> list[dict[str, Any]]:
    from assay.engine.siem.event import read_events

    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        problem = Problem("path-not-found", f"cannot read {name}: {error.strerror}")
        raise InputError(problem) from error
    return read_events(data, name)


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "backtest": sigma_more.backtest,
    "convert": _convert,
    "coverage": sigma_coverage.run,
    "lint": sigma_more.lint,
    "match": _match,
    "templates": _templates,
    "test": _test,
    **dict.fromkeys(sigma_deploy.ACTIONS, sigma_deploy.run),
}

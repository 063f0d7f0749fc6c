"""assay controls new: a control to begin with, whose examples hold from the first minute."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NamedTuple

from assay.engine.catalogue.controls import is_kubernetes
from assay.engine.commands import writing
from assay.engine.errors import printable, usage
from assay.engine.model import DOMAINS

ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+")
KIND = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
FOLDER = "policies"
PREFERRED = ("tags", "labels", "description", "name")


class Start(NamedTuple):
    """What the first version of the control asks: an expression, its path, and two examples."""

    expression: str
    path: str
    fix: str
    source: str
    good: str
    bad: str


def options(parser: argparse.ArgumentParser) -> None:
    """The id, what it is for, and where it is written."""
    parser.add_argument("id", metavar="ID", help="its domain first: network-no-open-proxies")
    parser.add_argument(
        "--for",
        dest="kind",
        default="apps/v1/Deployment",
        metavar="KIND",
        help="a Terraform type, or group/version/Kind (default apps/v1/Deployment)",
    )
    parser.add_argument("--dir", default=FOLDER, metavar="DIR", help=f"default: {FOLDER}")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def run(args: argparse.Namespace) -> int:
    """0 once the file is written; its path and the next commands are on stdout."""
    domain, name = _named(args.id)
    if not KIND.fullmatch(args.kind):
        raise usage(f"`{printable(args.kind)}` is no kind", "for example aws_s3_bucket or v1/Pod")
    start = _kubernetes(args.kind) if is_kubernetes(args.kind) else _terraform(args.kind)
    target = Path(args.dir) / domain / f"{name}.yaml"
    if target.exists() and not args.force:
        raise usage(f"{printable(str(target))} is there already", "--force replaces it", "exists")
    text = _text(args.id, args.kind, start)
    _check(str(target), text)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{printable(str(target.parent))} cannot be made: {error.strerror}"
        raise usage(message, code="report-write") from None
    writing.whole(target, text.encode())
    shown = printable(str(target))
    folder = printable(args.dir)
    print(f"{shown} is written: say in it what you require, and of what\n")
    print(f"assay controls test {folder}")
    print(f"assay scan . --rules {folder} --control {args.id}")
    return 0


def _named(id: str) -> tuple[str, str]:
    """The domain and the rest of an id. Raises InputError."""
    domain = next((each for each in DOMAINS if id.startswith(f"{each}-")), "")
    if not ID.fullmatch(id) or not domain:
        help = f"words with dashes, the domain first: {', '.join(DOMAINS)}"
        raise usage(f"`{printable(id)}` is no id of a control", help)
    return domain, id.removeprefix(f"{domain}-")


def _check(file: str, text: str) -> None:
    """Refuse an id that is taken, and what the catalogue would refuse."""
    from assay.engine.catalogue import load

    domain = Path(file).parent.name
    shipped = load.read_files()
    load.build([*shipped, load.RuleFile(file, domain, text)])


def _kubernetes(kind: str) -> Start:
    group, _, name = kind.rpartition("/")
    head = f"apiVersion: {group or 'v1'}\nkind: {name}\n"
    return Start(
        expression='object.metadata.?labels.?owner.orValue("") != ""',
        path="metadata.labels.owner",
        fix="Set the label `owner` to the team that answers for it.",
        source="manifest",
        good=f"{head}metadata: {{name: a, namespace: b, labels: {{owner: payments}}}}",
        bad=f"{head}metadata: {{name: a, namespace: b}}",
    )


def _terraform(kind: str) -> Start:
    argument, required = _argument(kind)
    value = '{ owner = "payments" }' if argument in ("tags", "labels") else '"something"'
    expression, path = f"has(resource.{argument})", argument
    if argument in ("tags", "labels"):
        expression, path = f'resource.?{argument}.?owner.orValue("") != ""', f"{argument}.owner"
    lines = "".join(f"\n  {each}" for each in required)
    end = "\n}" if lines else "}"
    return Start(
        expression=expression,
        path=path,
        fix=f"Set `{path}`.",
        source="terraform",
        good=f'resource "{kind}" "a" {{{lines}\n  {argument} = {value}\n}}',
        bad=f'resource "{kind}" "a" {{{lines}{end}',
    )


def _argument(kind: str) -> tuple[str, list[str]]:
    """An argument that may be left out, and those that may not be, as they are written."""
    from assay.engine.terraform.schema import OPTIONAL, REQUIRED, table
    from assay.engine.terraform.types import STRING

    block = table().resource(kind)
    if block is None:
        return "name", []
    attributes = block.attributes
    free = [name for name, each in attributes.items() if each.flags & OPTIONAL]
    texts = [name for name in free if attributes[name].type is STRING and name != "id"]
    found = next((name for name in PREFERRED if name in free), None) or next(iter(texts), "name")
    required = [
        f'{name} = "something"'
        for name, each in attributes.items()
        if each.flags & REQUIRED and each.type is STRING
    ]
    return found, required


def _text(id: str, kind: str, start: Start) -> str:
    def block(text: str) -> str:
        return text.replace("\n", "\n          ")

    return f"""\
# Every key is described in docs/writing-controls.md; `assay controls test` runs the examples.
id: {id}
title: Everything has an owner   # what is required, as a sentence without a full stop
severity: medium                 # low, medium, high or critical
why: >
  What nobody answers for is mended by nobody.
checks:
  - for: {kind}
    assert: {start.expression}
    at: {start.path}
    message: '{{address}} has no owner'
    fix: {start.fix}
    examples:                    # what must pass, what must fail, and what is easily forgotten
      - name: an owner
        status: pass
        {start.source}: |
          {block(start.good)}
      - name: left out
        status: fail
        {start.source}: |
          {block(start.bad)}
"""

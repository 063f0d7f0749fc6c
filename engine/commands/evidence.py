"""assay evidence: signed bundles for auditors, and what a period of runs held."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from assay.engine.terminal import Parser

ACTIONS = {
    "bundle": "scan, and sign what was found",
    "verify": "exit 0 only if nothing was changed",
    "replay": "judge the inputs in a bundle again, and compare",
    "period": "what was tested between two days",
    "sample": "a sample that anybody can draw again",
    "history": "rebuild, prune or check one",
    "send": "findings into OpenSearch",
}


class _Action(Parser):
    """The words of one action: its module is imported when they are read, and no other is."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """As always, once the options are known."""
        action = self.prog.rpartition(" ")[2]
        if action in ACTIONS and not hasattr(self, "known"):
            self.known = True
            _module(action).options(self)
        return super().parse_known_args(args, namespace)


def options(parser: argparse.ArgumentParser) -> None:
    """The actions; each knows its options."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=_Action
    )
    for name, help in ACTIONS.items():
        actions.add_parser(name, help=help)


def run(args: argparse.Namespace) -> int:
    """0; 1 where a bundle was changed, is incomplete, or gives other findings."""
    code: int = _module(args.action).run(args)
    return code


def _module(action: str) -> Any:
    return import_module(f"assay.engine.commands.evidence_{action}")

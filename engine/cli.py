"""The command line: reads the first word, loads the one command it names, runs it.

`assay --help` prints a stored text (help.txt, kept current by a test): it must not pay for the
twenty commands, nor for argparse.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

# command → module with `options(parser)` and `run(args) -> exit code`, and its one-line summary.
COMMANDS = {
    "scan": ("assay.engine.commands.scan", "judge Terraform, Kubernetes and pipelines: the gate"),
    "resources": ("assay.engine.commands.resources", "print what the loaders see"),
    "controls": ("assay.engine.commands.controls", "list, show and test the controls"),
    "explain": ("assay.engine.commands.explain", "why a control says what it says"),
    "cel": ("assay.engine.commands.cel", "evaluate an expression, for authors of controls"),
    "baseline": ("assay.engine.commands.baseline", "accept today's fails for a while"),
    "snapshot": ("assay.engine.commands.snapshot", "keep a redacted copy of a cluster"),
    "drift": ("assay.engine.commands.drift", "compare what is declared with what runs"),
    "compare": ("assay.engine.commands.compare", "beside checkov, and other tools' skips"),
    "export": ("assay.engine.commands.export", "controls as files that clusters enforce"),
    "evidence": ("assay.engine.commands.evidence", "signed evidence, and what a period held"),
    "sigma": ("assay.engine.commands.sigma", "Sigma rules as OpenSearch searches"),
    "init": ("assay.engine.commands.init", "write assay.yaml and a CI file for what is here"),
    "doctor": ("assay.engine.commands.doctor", "what is installed, reachable and permitted"),
    "completion": ("assay.engine.commands.completion", "for bash, zsh and fish"),
}
USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code is that of design section 4."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader went away (`assay scan | head`): nothing is left to say, and nobody to say it.
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USAGE


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(help_text())
        return 0 if words else USAGE
    if words[0] in ("-V", "--version"):
        print(f"assay {version()}")
        return 0
    if words[0] not in COMMANDS:
        return _unknown(words[0])
    from importlib import import_module

    from assay.engine.errors import AssayError
    from assay.engine.terminal import Parser, show_error

    # What a scan builds is kept to its end: looking for garbage as often as usual costs a third.
    gc.set_threshold(50_000, 20, 100)
    command = import_module(COMMANDS[words[0]][0])
    parser = Parser(prog=f"assay {words[0]}", description=COMMANDS[words[0]][1])
    try:
        command.options(parser)
        code: int = command.run(parser.parse_args(words[1:]))
        sys.stdout.flush()
    except AssayError as error:
        show_error(error)
        return USAGE
    return code


def help_text() -> str:
    """The stored text of `assay --help`; read beside this file, for importlib.resources is slow."""
    with open(f"{__file__.removesuffix('cli.py')}help.txt", encoding="utf-8") as stream:  # noqa: PTH123
        return stream.read()


def version() -> str:
    """The version, from the file that the distribution takes it from: metadata is slow to ask."""
    with open(f"{__file__.removesuffix('cli.py')}version.txt", encoding="ascii") as stream:  # noqa: PTH123
        return stream.read().strip()


def _unknown(word: str) -> int:
    from difflib import get_close_matches

    from assay.engine.errors import usage
    from assay.engine.terminal import show_error

    near = get_close_matches(word, COMMANDS, 1)
    help = f"did you mean `{near[0]}`?" if near else f"commands: {', '.join(COMMANDS)}"
    show_error(usage(f"no command `{word}`", help, "no-command"))
    return USAGE

"""assay completion: what may come next on a command line, for bash, zsh and fish.

The shells ask Assay itself each time: one place knows the commands, and it is never out of date.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from importlib import import_module

from assay.engine.errors import usage

BASH = """\
# Completion of assay for bash: eval "$(assay completion bash)"
_assay() {
  local IFS=$'\\n'
  COMPREPLY=($(assay completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _assay assay
"""
ZSH = """\
#compdef assay
# Completion of assay for zsh: source <(assay completion zsh)
_assay() {
  local -a found
  found=("${(@f)$(assay completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _assay assay
"""
FISH = """\
# Completion of assay for fish: assay completion fish | source
function __assay_words
  set -l given (commandline -opc) (commandline -ct)
  assay completion words -- $given[2..-1] 2>/dev/null
end
complete -c assay -a '(__assay_words)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
# Words of options whose values only Assay knows.
FORMATS, CONTROLS, FRAMEWORKS = ("format",), ("control",), ("framework",)


def options(parser: argparse.ArgumentParser) -> None:
    """`completion SHELL` prints the script; the script asks `completion words`."""
    parser.add_argument("shell", metavar="SHELL", help=f"{', '.join(SCRIPTS)}")
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """0: the script, or the words, are on stdout."""
    if args.shell == "words":
        found = candidates(args.words)
        print("\n".join(found), end="\n" if found else "")
        return 0
    if args.shell not in SCRIPTS or args.words:
        raise usage(f"no completion for `{args.shell}`", f"shells: {', '.join(SCRIPTS)}")
    print(SCRIPTS[args.shell], end="")
    return 0


def candidates(words: Sequence[str]) -> list[str]:
    """What the last word may become; nothing where it is a file's name, or anything at all."""
    from assay.engine.cli import COMMANDS

    *before, last = words or [""]
    if not before:
        return _starting([*COMMANDS, "--help", "--version"], last)
    if before[0] not in COMMANDS:
        return []
    parser = argparse.ArgumentParser(prog="assay", add_help=True)
    import_module(COMMANDS[before[0]][0]).options(parser)
    parser, rest = _descend(parser, before[1:])
    pending = _option(parser, rest[-1]) if rest else None
    if pending is not None and pending.nargs != 0:
        return _starting(_values(pending), last)
    if last.startswith("-"):
        return _starting([name for each in parser._actions for name in each.option_strings], last)
    return _starting(_next(parser, rest), last)


def _descend(
    parser: argparse.ArgumentParser, words: Sequence[str]
) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of the innermost action named, and the words after its name."""
    rest = list(words)
    for number, word in enumerate(words):
        for each in parser._actions:
            if isinstance(each, argparse._SubParsersAction) and word in each.choices:
                return _descend(each.choices[word], words[number + 1 :])
    return parser, rest


def _option(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    return next((each for each in parser._actions if word in each.option_strings), None)


def _next(parser: argparse.ArgumentParser, words: Sequence[str]) -> Iterable[str]:
    """What the next word without a dash may be."""
    given = 0
    skip = False
    for word in words:
        option = _option(parser, word) if word.startswith("-") else None
        given += not skip and not word.startswith("-")
        skip = option is not None and option.nargs != 0
    open_ones = [each for each in parser._actions if not each.option_strings]
    if given < len(open_ones):
        return _values(open_ones[given])
    return _values(open_ones[-1]) if open_ones and open_ones[-1].nargs in ("*", "+") else []


def _values(action: argparse.Action) -> Iterable[str]:
    if action.choices is not None:
        return [str(each) for each in action.choices]
    if action.dest in FORMATS:
        from assay.reports import formats

        return list(formats.FORMATS)
    if action.dest in FRAMEWORKS or action.dest in CONTROLS or action.metavar == "CONTROL":
        return _catalogue(action.dest in FRAMEWORKS)
    if action.dest == "id":
        return _catalogue(False)
    return SCRIPTS if action.dest == "shell" else []


def _catalogue(frameworks: bool) -> Iterable[str]:
    from assay.engine.catalogue.load import load

    controls = load().controls
    if frameworks:
        return sorted({each.framework for control in controls for each in control.frameworks})
    return [control.id for control in controls]


def _starting(words: Iterable[str], begin: str) -> list[str]:
    return [word for word in words if word.startswith(begin)]

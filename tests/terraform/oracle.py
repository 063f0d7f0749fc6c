"""Asks the real terraform what expressions are worth: value as JSON, type, knownness, marks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

TERRAFORM = shutil.which("terraform")
PREAMBLE = """
terraform {
  required_providers {
    terraform = { source = "terraform.io/builtin/terraform" }
  }
}
resource "terraform_data" "u" {
  input = "x"
}
variable "secret" {
  default   = "s3cret"
  sensitive = true
}
"""
FAILED = "!failed"
UNKNOWN = "!unknown"


class Answer(NamedTuple):
    """value: JSON text of `[expression]`, UNKNOWN or FAILED; type: as `type()` prints it."""

    value: str
    type: str
    sensitive: str


def ask(
    expressions: Sequence[str],
    folder: Path,
    batch: int = 150,
    alone: Callable[[str], bool] = lambda text: False,
) -> list[Answer]:
    """What terraform makes of each expression; the folder is used for the configuration.

    One that is no HCL spoils its whole batch, so those that the engine fails on are asked alone.
    """
    found: dict[str, Answer] = {}
    sound: list[str] = []
    for text in dict.fromkeys(expressions):
        if alone(text):
            found[text] = _ask([text], folder)[0]
        else:
            sound.append(text)
    for start in range(0, len(sound), batch):
        part = sound[start : start + batch]
        found |= zip(part, _ask(part, folder), strict=True)
    return [found[text] for text in expressions]


def _ask(expressions: Sequence[str], folder: Path) -> list[Answer]:
    lines = [PREAMBLE, "locals {"]
    for at, text in enumerate(expressions):
        lines.append(f'v{at} = try(nonsensitive(jsonencode([\n{text}\n])), "{FAILED}")')
        lines.append(f'm{at} = try(issensitive(jsonencode([\n{text}\n])), "{FAILED}")')
    (folder / "main.tf").write_text("\n".join([*lines, "}"]))
    names = range(len(expressions))
    try:
        values = _console(folder, f"[{', '.join(f'local.v{at}' for at in names)}]")
    except ValueError:
        if len(expressions) == 1:
            return [Answer(FAILED, "", "")]
        middle = len(expressions) // 2
        return _ask(expressions[:middle], folder) + _ask(expressions[middle:], folder)
    marks = _console(folder, f"[{', '.join(f'local.m{at}' for at in names)}]")
    good = [at for at in names if values[at] != FAILED]
    types = _types(folder, expressions, good)
    return [Answer(values[at], types.get(at, ""), str(marks[at])) for at in names]


def _console(folder: Path, line: str) -> list[str]:
    """The elements of a tuple of texts, with UNKNOWN for those that are not known."""
    output = run(folder, line)
    rows = [row.strip() for row in output.splitlines()]
    if rows[:1] != ["["] or rows[-1:] != ["]"]:
        raise ValueError(output)
    found: list[str] = []
    for row in rows[1:-1]:
        text = row.removesuffix(",")
        if text == "(known after apply)":
            found.append(UNKNOWN)
        elif text.startswith('"'):
            found.append(_unquoted(text))
        elif text in ("true", "false"):
            found.append(text)
        else:
            raise ValueError(f"cannot read {row!r}")
    return found


def _unquoted(text: str) -> str:
    return re.sub(
        r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)",
        lambda found: _escape(found[1]),
        text[1:-1],
    )


def _escape(code: str) -> str:
    if code[0] in "xuU":
        return chr(int(code[1:], 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(code, code)


def _types(folder: Path, expressions: Sequence[str], numbers: Sequence[int]) -> dict[int, str]:
    """The type of each expression, as `type()` prints it without spaces."""
    if not numbers:
        return {}
    locals_ = [f"t{at} = [\n{expressions[at]}\n]" for at in numbers]
    (folder / "main.tf").write_text("\n".join([PREAMBLE, "locals {", *locals_, "}"]))
    output = run(folder, f"type([{', '.join(f'local.t{at}' for at in numbers)}])")
    text = re.sub(r"\s+", "", output)
    if not text.startswith("tuple(["):
        return {}
    parts = _split(text[len("tuple([") : -len("])")])
    return {at: _inner(part) for at, part in zip(numbers, parts, strict=True)}


def _inner(part: str) -> str:
    """`tuple([x,])` is the local `[x]`."""
    return part[len("tuple([") : -len("])")].removesuffix(",")


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
    return parts + ([text[start:]] if text[start:] else [])


def run(folder: Path, line: str) -> str:
    """What `terraform console -plan` prints for one line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    environment["CHECKPOINT_DISABLE"] = "1"
    done = subprocess.run(
        [TERRAFORM or "terraform", "console", "-plan"],
        cwd=folder,
        env=environment,
        input=line,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout.strip() if not done.returncode else done.stdout + done.stderr


def canonical(value: str) -> str:
    """JSON as a text that differs only where the value does."""
    return value if value in (FAILED, UNKNOWN) else json.dumps(json.loads(value))

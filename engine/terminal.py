"""What a person sees: errors with carets, colour where a terminal wants it, usage that helps."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NoReturn, TextIO

from assay.engine.cel.extensions.secrets import masked
from assay.engine.errors import AssayError, usage

MAX_SHOWN = 8 * 1024 * 1024  # bytes: no line is shown of a larger file
CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2"}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose mistakes are InputErrors, with the nearest word for a wrong one."""

    def __init__(self, prog: str, description: str = "") -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        help = f"`{self.prog} --help` lists the options"
        for word in message.split():
            if message.startswith("unrecognized arguments") and word.startswith("-"):
                known = [name for action in self._actions for name in action.option_strings]
                near = difflib.get_close_matches(word.split("=", 1)[0], known, 1)
                if near:
                    help = f"did you mean `{near[0]}`?"
                break
        raise usage(message, help)


class Progress:
    """How far long work has come and how long it may still take, on one line that goes again.

    Nothing is shown of what ends within `AFTER` seconds; `clock` gives seconds.
    """

    AFTER = 2.0
    EVERY = 0.5

    def __init__(
        self, stream: TextIO, word: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._word = word
        self._clock = clock
        self._begun = clock()
        self._shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Say that `done` parts of `total` are behind us."""
        now = self._clock()
        if now - self._begun < self.AFTER or now - self._shown < self.EVERY or not done:
            return
        self._shown = now
        left = round((now - self._begun) / done * (total - done))
        time_left = f"{left // 60} min {left % 60} s" if left >= 60 else f"{left} s"
        share = 100 * done // total
        self._stream.write(f"\r\x1b[K{self._word}: {share} %, about {time_left} left")
        self._stream.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def progress(word: str, quiet: bool) -> Progress | None:
    """A Progress on stderr where a person watches; None for pipelines, files and `--quiet`."""
    if quiet or os.environ.get("CI") or not sys.stderr.isatty():
        return None
    return None if os.environ.get("TERM") == "dumb" else Progress(sys.stderr, word)


def wants_colour(terminal: bool) -> bool:
    """Whether to colour: NO_COLOR refuses, FORCE_COLOR insists, else a terminal decides."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def painter(terminal: bool) -> Callable[..., str]:
    """A function paint(text, *styles) over CODES; without colour it gives the text back."""

    def paint(text: str, *styles: str) -> str:
        codes = ";".join(CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def plain(text: str, *_: str) -> str:
        return text

    return paint if wants_colour(terminal) else plain


def source_lines(paths: Mapping[str, Path]) -> Callable[[str, int], str | None]:
    """A function that reads a line of a source file; each file is read once, the last few kept.

    What looks like a secret is covered, so that no report carries one into a log.
    `paths` says where the files lie that reports call by these names.
    """

    @lru_cache(maxsize=16)
    def rows(file: str) -> list[str] | None:
        try:
            path = paths.get(file, Path(file))
            if path.stat().st_size > MAX_SHOWN:
                return None
            return path.read_text("utf-8-sig", errors="replace").splitlines()
        except OSError:
            return None

    def line(file: str, number: int) -> str | None:
        found = rows(file)
        return masked(found[number - 1]) if found and 0 < number <= len(found) else None

    return line


def show_error(error: AssayError) -> None:
    """Print an error's problems to stderr."""
    print(error.render(), file=sys.stderr)

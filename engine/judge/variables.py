"""The `variables` of a check: each computed when it is first read, once for every subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.engine.cel import FAILURES, Program


class Variables(dict[str, Any]):
    """The `variables` of a check for one subject: computed when first read, in any order."""

    __slots__ = ("_args", "_failed", "_partial", "_programs")

    def __init__(self, programs: Mapping[str, Program], partial: bool) -> None:
        super().__init__()
        self._programs = programs
        self._partial = partial
        self._args: tuple[Any, ...] = ()
        self._failed: dict[str, Exception] = {}

    def bind(self, args: tuple[Any, ...]) -> None:
        """The arguments that the programs take; this object is one of them."""
        self._args = args

    def __missing__(self, name: str) -> Any:
        # One that fails does so once: a chain that reads each twice would double at every link.
        if name in self._failed:
            raise self._failed[name]
        program = self._programs[name]
        run = program.partial if self._partial else program.fast
        try:
            self[name] = value = run(*self._args)
        except FAILURES as error:
            self._failed[name] = error
            raise
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._programs

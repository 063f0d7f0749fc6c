"""Which folders are roots: where an apply begins, as against modules that others call."""

from __future__ import annotations

import os
from collections.abc import Sequence

from assay.engine.files import join
from assay.engine.terraform.context import Library
from assay.engine.terraform.syntax import Literal


def find_roots(library: Library, folders: Sequence[str]) -> list[str]:
    """A folder with a backend or provider of its own, or that no other folder here calls."""
    called: set[str] = set()
    for folder in folders:
        for block in library.module(folder).calls.values():
            source = block.body.attributes.get("source")
            written = source.expression if source is not None else None
            if isinstance(written, Literal) and isinstance(written.value.v, str):
                text = written.value.v
                if text.startswith(("./", "../")) or text in (".", ".."):
                    target = os.path.normpath(join(folder, text)).replace(os.sep, "/")
                    if target != folder:
                        called.add(target)
    return [folder for folder in folders if library.module(folder).own_root or folder not in called]

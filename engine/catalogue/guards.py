"""Reads of optional arguments that nothing guards, refused by the provider's schema.

An argument that a resource need not have is absent in most of them: an expression that reads it
unguarded is an error there, and an error stops the gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.engine.catalogue.controls import is_terraform
from assay.engine.catalogue.reader import Reader
from assay.engine.cel import Program
from assay.engine.cel.guards import Path, unguarded
from assay.engine.errors import problem
from assay.engine.terraform.schema import REQUIRED, Block, table

SUBJECT = frozenset({"resource"})


def check(
    kinds: Sequence[str], when: Program | None, programs: Sequence[Program], reader: Reader
) -> None:
    """Note every unguarded read of what one of the Terraform kinds may lack.

    What the check's `when` demands is there for its other programs.
    """
    blocks = [block for kind in kinds if is_terraform(kind) and (block := table().resource(kind))]
    if not blocks:
        return
    given = when.tree if when is not None else None
    asked = [(program, given) for program in programs]
    for program, condition in [(when, None), *asked] if when is not None else asked:
        for read in unguarded(program.tree, SUBJECT, condition):
            if not any(_may_lack(block, read.path[1:]) for block in blocks):
                continue
            name = ".".join(step for step in read.path if step != "[]")
            last = read.path[-1]
            message = f"`{name}` may be absent, and nothing guards this read"
            help = f"write `.?{last}.orValue(…)`, or `has({name}) && …`"
            found = problem("control-unguarded", message, program.text, read.start, read.end, help)
            reader.problems.append(found)


def _may_lack(block: Block | None, path: Path) -> bool:
    """Whether a resource of that shape may be without the argument or block at the path."""
    steps = [step for step in path if step != "[]"]
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        nested = block.blocks.get(step) if block is not None else None
        if nested is not None:
            if last:
                return True
            block = nested.block
            continue
        argument = block.attributes.get(step) if block is not None else None
        return argument is not None and last and not argument.flags & REQUIRED
    return False

"""Objects of which nothing but the namespace is unknown, as most manifests are written.

What does not read the namespace is as sure of them as of any other, and may take the short way.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.engine.catalogue import paths
from assay.engine.catalogue.controls import Rules, ViewPart
from assay.engine.catalogue.paths import Steps
from assay.engine.cel import Program

ROOTS = ("object", "resource", "pod")  # of a Pod, `pod` is the object itself


def blind(rules: Rules) -> bool:
    """Whether nothing that a check evaluates reads the namespace of its object."""
    programs = [rules.assertion, *(program for _, program in rules.variables)]
    if rules.when is not None:
        programs.append(rules.when)
    return not rules.related and not _seen(rules.each) and not any(map(_reads, programs))


def blind_view(part: ViewPart) -> bool:
    """Whether no item of a view depends on the namespace of its object."""
    programs = [program for _, program in part.item]
    programs += [program for program in (part.when, part.document) if program is not None]
    # The paths of a part's `each` begin at its object.
    each: list[Steps] = [("object", *part.each)] if part.each else []
    return not _seen(each) and not any(map(_reads, programs))


def _reads(program: Program) -> bool:
    return _seen(program.reads)


def _seen(reads: Iterable[Steps]) -> bool:
    """Whether one of the paths leads to the namespace, or to something that it is within."""
    for read in reads:
        if read[0] not in ROOTS:
            continue
        if len(read) == 1 or read[1] == paths.EACH:
            return True
        if read[1] == "metadata" and (len(read) == 2 or read[2] in ("namespace", paths.EACH)):
            return True
    return False

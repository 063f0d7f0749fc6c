"""Which controls a user means by the name of a framework or of a level of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.engine.catalogue.controls import Control
from assay.engine.errors import usage


def by_frameworks(controls: Sequence[Control], words: Iterable[str]) -> frozenset[str]:
    """The ids of the controls that speak to one of the frameworks.

    A word is a framework's id, or what it begins with (`soc2`, `pod-security`); a level may also
    be written `pod-security/restricted`. Raises InputError for a framework that no control names.
    """
    known = {each.framework for control in controls for each in control.frameworks}
    wanted: set[str] = set()
    for word in words:
        name = word.strip().lower().replace("/", "-").replace("_", "-")
        found = {id for id in known if id == name} or {
            id for id in known if id.startswith((f"{name}-", f"{name}."))
        }
        if not found:
            raise _unknown(word, name, known)
        wanted |= found
    return frozenset(
        control.id
        for control in controls
        if any(each.framework in wanted for each in control.frameworks)
    )


def _unknown(word: str, name: str, known: Iterable[str]) -> Exception:
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 1)
    help = f"did you mean `{near[0]}`?" if near else f"frameworks: {', '.join(sorted(known))}"
    return usage(f"no control speaks to a framework `{word}`", help, "no-framework")

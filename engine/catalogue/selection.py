"""Which controls a user means by the name of a framework, and what it asks of their parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.engine.catalogue.controls import Control, Framework
from assay.engine.errors import usage


def by_frameworks(controls: Sequence[Control], words: Iterable[str]) -> frozenset[str]:
    """The ids of the controls that speak to one of the frameworks.

    A word is a framework's id, or what it begins with (`soc2`, `pod-security`); a level may also
    be written `pod-security/restricted`. Raises InputError for a framework that no control names.
    """
    wanted = _named(controls, words)
    return frozenset(
        control.id
        for control in controls
        if any(each.framework in wanted for each in control.frameworks)
    )


def raised(
    controls: Sequence[Control],
    words: Iterable[str],
    given: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Parameters as the frameworks ask for them, where the default is laxer and nobody set one."""
    wanted = _named(controls, words)
    found: dict[str, dict[str, Any]] = {}
    for control in controls:
        values = {param.name: param.default for param in control.params}
        kinds = {param.name: param.type for param in control.params}
        for each in control.frameworks:
            if each.framework not in wanted:
                continue
            for name, bound, number in each.asks:
                if name in given.get(control.id, {}) or not _laxer(values[name], bound, number):
                    continue
                values[name] = int(number) if kinds[name] == "int" else float(number)
                found.setdefault(control.id, {})[name] = values[name]
    return found


def laxer(mapping: Framework, values: Mapping[str, Any]) -> list[str]:
    """What a requirement asks of parameters that these values do not give, in words."""
    said = {"min": "at least", "max": "at most"}
    return [
        f"{name} is {values[name]}, and {said[bound]} {number:g} is asked"
        for name, bound, number in mapping.asks
        if name in values and _laxer(values[name], bound, number)
    ]


def _laxer(value: Any, bound: str, number: float) -> bool:
    return bool(value < number if bound == "min" else value > number)


def _named(controls: Sequence[Control], words: Iterable[str]) -> set[str]:
    """The ids of the frameworks that words name. Raises InputError."""
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
    return wanted


def _unknown(word: str, name: str, known: Iterable[str]) -> Exception:
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 1)
    help = f"did you mean `{near[0]}`?" if near else f"frameworks: {', '.join(sorted(known))}"
    return usage(f"no control speaks to a framework `{word}`", help, "no-framework")

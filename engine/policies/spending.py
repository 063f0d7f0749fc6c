"""What a policy may cost an API server on one object, by the sizes that the object has.

An estimate: every list is taken as long as the longest of the object, which counts short lists
inside it far too high. So a policy is said to exceed the budget only where it does so by a wide
margin: what is near the budget goes on, and the API server alone can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.engine.cel import cost
from assay.engine.policies.matching import Asked
from assay.engine.policies.programs import Rules

MARGIN = 20  # how far the estimate was above the true cost on published policies, at most 14


class Spending:
    """The expressions of one policy, ready to be counted."""

    def __init__(self, rules: Rules) -> None:
        programs = [*rules.variables.values(), *(rule.program for rule in rules.validations)]
        self.trees = [(program.text.text, program.tree) for program in programs]
        self.known: dict[cost.Sizes, str] = {}
        self.fine = cost.Sizes(0, 0)  # up to these nothing exceeds the budget
        self.given: dict[tuple[int, ...], tuple[int, int]] = {}

    def too_much(self, asked: Asked, params: Sequence[Any]) -> str:
        """What exceeds the budget on this object, "" if nothing does."""
        if not asked.sizes:
            asked.sizes.append(_largest([asked.object]))
        # Parameters are objects of the installation: their identity is that of their contents.
        key = tuple(map(id, params))
        if key not in self.given:
            self.given[key] = _largest(params)
        mine, theirs = asked.sizes[0], self.given[key]
        items, characters = max(mine[0], theirs[0]), max(mine[1], theirs[1])
        if items <= self.fine[0] and characters <= self.fine[1]:
            return ""
        # In steps of a quarter, so that objects share their counts.
        sizes = cost.Sizes(_step(items), _step(characters))
        if sizes not in self.known:
            self.known[sizes] = self._counted(sizes)
        return self.known[sizes]

    def _counted(self, sizes: cost.Sizes) -> str:
        """What these sizes exceed; where it is nothing together with earlier ones, that is kept.

        Costs only grow with sizes, so what is fine for the largest is fine for all.
        """
        both = cost.Sizes(max(sizes[0], self.fine[0]), max(sizes[1], self.fine[1]))
        said = self._judged(both)
        if not said:
            self.fine = both
            return ""
        return said if both == sizes else self._judged(sizes)

    def _judged(self, sizes: cost.Sizes) -> str:
        total = 0
        for text, tree in self.trees:
            spent = cost.estimate(tree, sizes)
            total += spent
            if spent > MARGIN * cost.PER_CALL:
                line = " ".join(text.split())[:80]
                return f"`{line}` may cost {spent:,} units here, more than {cost.PER_CALL:,}"
        if total > MARGIN * cost.PER_BINDING:
            return f"it may cost {total:,} units here, more than {cost.PER_BINDING:,}"
        return ""


def _step(size: int) -> int:
    """The size, rounded up where it is large."""
    unit = 1 << max(size.bit_length() - 3, 0)
    return max(-(-size // unit) * unit, 1)


def _largest(values: Sequence[Any]) -> tuple[int, int]:
    """Elements of the longest list or map inside values, and characters of the longest text."""
    items = characters = 0
    waiting = list(values)
    while waiting:
        held = waiting.pop()
        if isinstance(held, str):
            characters = max(characters, len(held))
        elif isinstance(held, (list, dict)):
            items = max(items, len(held))
            waiting += held.values() if isinstance(held, dict) else held
    return items, characters

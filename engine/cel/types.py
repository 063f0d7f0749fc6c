"""Static types of CEL and when one may stand for another, by the rules of cel-go's checker.

A type is a tuple: its name, then its parameters: ("list", ("int",)). A type variable is
("$", number); a declaration's own variables ("A") are made fresh for each call.
"""

from __future__ import annotations

from functools import cache
from typing import Any

Type = tuple[Any, ...]

DYN: Type = ("dyn",)
BOOL: Type = ("bool",)
INT: Type = ("int",)
NULL: Type = ("null_type",)
# Of these a null may stand for a value; of the others it may not.
NOT_NULLABLE = frozenset(
    {"bool", "bytes", "double", "int", "string", "uint", "list", "map", "type", "dyn"}
)


@cache
def parse(text: str) -> Type:
    """`map(string, list(A))` as a type."""
    name, bracket, rest = text.partition("(")
    if not bracket:
        return (name.strip(),)
    parts: list[str] = [""]
    depth = 0
    for char in rest[:-1]:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return (name.strip(), *(parse(part.strip()) for part in parts))


def show(type: Type) -> str:
    """A type as people write it."""
    if type[0] == "$":
        return "dyn"
    inner = ", ".join(map(show, type[1:]))
    return f"{type[0]}({inner})" if inner else str(type[0])


class Solver:
    """What the type variables of one expression stand for."""

    def __init__(self) -> None:
        self.known: dict[Type, Type] = {}
        self.made = 0

    def fresh(self) -> Type:
        """A new type variable."""
        self.made += 1
        return ("$", self.made)

    def instantiate(self, type: Type, names: dict[str, Type]) -> Type:
        """A declared type with its capital letters replaced by variables of this call."""
        name = type[0]
        if len(name) == 1 and name.isupper():
            if name not in names:
                names[name] = self.fresh()
            return names[name]
        return (name, *(self.instantiate(inner, names) for inner in type[1:]))

    def resolve(self, type: Type, final: bool = False) -> Type:
        """The type with its known variables filled in; `final`: the others are dyn."""
        if type[0] == "$":
            found = self.known.get(type)
            if found is not None:
                return self.resolve(found, final)
            return DYN if final else type
        if len(type) == 1:
            return type
        return (type[0], *(self.resolve(inner, final) for inner in type[1:]))

    def assignable(self, given: tuple[Type, ...], wanted: tuple[Type, ...]) -> bool:
        """Whether the types fit; what that says of variables is kept only if all of them do."""
        before = dict(self.known)
        fits = len(given) == len(wanted) and all(map(self._fits, given, wanted))
        if not fits:
            self.known = before
        return fits

    def join(self, one: Type, two: Type) -> Type:
        """The type of elements that are partly the one and partly the other."""
        if self.assignable((one,), (two,)):
            return one if less_specific(one, two) else two
        return DYN

    def _fits(self, one: Type, two: Type) -> bool:
        if two[0] == "$":
            fits, had = self._substitutes(one, two)
            if fits or had:
                return fits
        if one[0] == "$":
            return self._substitutes(two, one)[0]
        if DYN in (one, two):
            return True
        for null, other in ((one, two), (two, one)):
            if null == NULL:
                return other == NULL or other[0] not in NOT_NULLABLE
        if one[0] != two[0]:
            return False
        if one[0] == "type":
            return True
        return len(one) == len(two) and all(map(self._fits, one[1:], two[1:]))

    def _substitutes(self, type: Type, variable: Type) -> tuple[bool, bool]:
        """Whether the type may stand for the variable, and whether that had a meaning already."""
        if type == variable:
            return True, True
        known = self.known.get(variable)
        if known is None:
            if self._free_of(variable, type):
                self.known[variable] = type
                return True, False
            return False, False
        if type == known:
            return True, True
        if self._fits(type, known):
            general = type if less_specific(type, known) else known
            if self._free_of(variable, general):
                self.known[variable] = general
            return True, True
        return False, True

    def _free_of(self, variable: Type, type: Type) -> bool:
        if type == variable:
            return False
        if type[0] == "$":
            known = self.known.get(type)
            return known is None or self._free_of(variable, known)
        return all(self._free_of(variable, inner) for inner in type[1:])


def less_specific(one: Type, two: Type) -> bool:
    """Whether the first type says no more than the second."""
    if one == DYN or one[0] == "$":
        return True
    if two == DYN or two[0] == "$":
        return False
    if one[0] != two[0]:
        return False
    return len(one) == len(two) and all(map(less_specific, one[1:], two[1:]))

"""The condition of a Sigma rule → its tree: names, `1 of` and `all of`, not, and, or.

What nearly every rule is made of is read here, ten times as fast as by pySigma. Whatever is not
plain (an operator in capitals, a name that begins like an operator, a fault) is pySigma's, with its
answer and its errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

MAX_DEPTH = 60  # of brackets and negations; deeper ones are pySigma's to refuse
TOKEN = re.compile(r"\s*([()]|[A-Za-z0-9_*-]+)")
NAME = re.compile(r"(?!(?:not|and|or)|(?:1|any|all|of)$)[A-Za-z0-9_-]+")
PATTERN = re.compile(r"[A-Za-z0-9*_]+")
EVERY = {"1": False, "any": False, "all": True}


class Name(NamedTuple):
    """One detection."""

    name: str


class Chosen(NamedTuple):
    """`1 of` or, with `every`, `all of` the detections that the pattern names."""

    every: bool
    pattern: str


class Negated(NamedTuple):
    inner: Node


class Joined(NamedTuple):
    """The parts and-ed (`every`) or or-ed."""

    every: bool
    parts: tuple[Node, ...]


Node = Name | Chosen | Negated | Joined


class _NotPlainError(Exception):
    """pySigma shall read it."""


@lru_cache(maxsize=4096)
def parse(condition: str) -> Node:
    """The tree of a condition. Raises pySigma's SigmaConditionError."""
    try:
        return _Reader(_tokens(condition)).whole()
    except _NotPlainError:
        return _by_pysigma(condition)


def chosen(pattern: str, names: Iterable[str]) -> list[str]:
    """The detections that a pattern names; those of filters (`_…`) only where it begins so too."""
    wanted = re.compile(".*" if pattern == "them" else pattern.replace("*", ".*"))
    own = pattern.startswith("_")
    return [name for name in names if wanted.fullmatch(name) and (own or name[:1] != "_")]


def _tokens(condition: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = condition.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise _NotPlainError
        found.append(match[1])
        at = match.end()
    return found


class _Reader:
    """Tokens, read from left to right: `not` binds more than `and`, `and` more than `or`."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        made = self.either()
        if self.at < len(self.tokens):
            raise _NotPlainError
        return made

    def either(self) -> Node:
        parts = [self.both()]
        while self.accept("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Joined(False, tuple(parts))

    def both(self) -> Node:
        parts = [self.one()]
        while self.accept("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else Joined(True, tuple(parts))

    def one(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _NotPlainError
        try:
            if self.accept("not"):
                return Negated(self.one())
            if self.accept("("):
                made = self.either()
                if not self.accept(")"):
                    raise _NotPlainError
                return made
            return self.leaf()
        finally:
            self.depth -= 1

    def leaf(self) -> Node:
        token = self.take()
        if token in EVERY and self.accept("of"):
            pattern = self.take()
            if not PATTERN.fullmatch(pattern):
                raise _NotPlainError
            return Chosen(EVERY[token], pattern)
        if not NAME.fullmatch(token):
            raise _NotPlainError
        return Name(token)

    def take(self) -> str:
        if self.at >= len(self.tokens):
            raise _NotPlainError
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, token: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == token:
            self.at += 1
            return True
        return False


def _by_pysigma(condition: str) -> Node:
    from sigma.conditions import SigmaCondition
    from sigma.rule import SigmaDetections

    held = SigmaDetections.__new__(SigmaDetections)
    return _from_pysigma(SigmaCondition(condition, held).parse(False))


def _from_pysigma(node: Any) -> Node:
    from sigma.conditions import ConditionAND, ConditionIdentifier, ConditionNOT, ConditionOR

    kind = type(node)
    if kind is ConditionIdentifier:
        return Name(node.identifier)
    if kind is ConditionOR or kind is ConditionAND:
        return Joined(kind is ConditionAND, tuple(_from_pysigma(item) for item in node.args))
    if kind is ConditionNOT:
        return Negated(_from_pysigma(node.args[0]))
    return Chosen(node.cond_class is ConditionAND, node.pattern)

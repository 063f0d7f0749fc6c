"""Semantic versions: `semver("1.2.3-rc.1+build")`, ordered by semver.org's rules of precedence."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from assay.engine.cel.functions import Overload

ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789")
MAX = 2**64 - 1

# Numeric identifiers come before all others, numbers by value, texts by their characters.
Identifier = tuple[int, int, str]


class Semver:
    """A parsed version. Build data takes no part in equality or order."""

    __slots__ = ("key", "text")
    cel_type = "kubernetes.Semver"

    def __init__(self, text: str, key: Key) -> None:
        self.text = text
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Semver({self.text!r})"


class Key(NamedTuple):
    """What orders versions; a release comes after its pre-releases."""

    major: int
    minor: int
    patch: int
    released: bool
    identifiers: tuple[Identifier, ...]


@lru_cache(maxsize=1024)
def semver(text: str, normalize: bool = False) -> Semver:
    """Parse; `normalize` takes `v1.2` and leading zeros too. Raises ValueError."""
    if normalize:
        text = _normalized(text)
    if not text:
        raise ValueError("version string is empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise ValueError(f"no major.minor.patch in version {text[:64]!r}")
    rest, plus, build = parts[2].partition("+")
    patch, dash, pre = rest.partition("-")
    numbers = [_number(part, text) for part in (parts[0], parts[1], patch)]
    identifiers = tuple(_identifier(part, text) for part in pre.split(".")) if dash else ()
    for part in build.split(".") if plus else ():
        if not part or not ALPHANUMERIC.issuperset(part):
            raise ValueError(f"invalid build data in version {text[:64]!r}")
    return Semver(text, Key(numbers[0], numbers[1], numbers[2], not dash, identifiers))


def is_semver(text: str, normalize: bool = False) -> bool:
    try:
        semver(text, normalize)
    except ValueError:
        return False
    return True


def major(version: Semver) -> int:
    return _int64(version.key.major)


def minor(version: Semver) -> int:
    return _int64(version.key.minor)


def patch(version: Semver) -> int:
    return _int64(version.key.patch)


def is_greater_than(version: Semver, other: Semver) -> bool:
    return version.key > other.key


def is_less_than(version: Semver, other: Semver) -> bool:
    return version.key < other.key


def compare_to(version: Semver, other: Semver) -> int:
    return (version.key > other.key) - (version.key < other.key)


def _int64(number: int) -> int:
    """Go turns its unsigned number into a signed one of the same bits."""
    return number - 2**64 if number >= 2**63 else number


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(part: str, text: str) -> int:
    if not _digits(part) or (part[0] == "0" and len(part) > 1):
        raise ValueError(f"invalid number in version {text[:64]!r}")
    if len(part) > 20 or int(part) > MAX:
        raise ValueError(f"number out of range in version {text[:64]!r}")
    return int(part)


def _identifier(part: str, text: str) -> Identifier:
    if _digits(part):
        return (0, _number(part, text), "")
    if not part or not ALPHANUMERIC.issuperset(part):
        raise ValueError(f"invalid pre-release in version {text[:64]!r}")
    return (1, 0, part)


def _normalized(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    for index, part in enumerate(parts):
        if len(part) > 1:
            stripped = part.lstrip("0")
            starts = stripped[:1].isascii() and stripped[:1].isdigit()
            parts[index] = stripped if starts else f"0{stripped}"
    if len(parts) < 3:
        if "+" in parts[-1] or "-" in parts[-1]:
            raise ValueError("a short version cannot have pre-release or build data")
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


SINCE = (1, 34)
TYPE = Semver.cel_type
OVERLOADS: tuple[Overload, ...] = (
    Overload("semver", None, ("string",), TYPE, semver, SINCE),
    Overload("semver", None, ("string", "bool"), TYPE, semver, SINCE),
    Overload("isSemver", None, ("string",), "bool", is_semver, SINCE),
    Overload("isSemver", None, ("string", "bool"), "bool", is_semver, SINCE),
    Overload("isGreaterThan", TYPE, (TYPE,), "bool", is_greater_than, SINCE),
    Overload("isLessThan", TYPE, (TYPE,), "bool", is_less_than, SINCE),
    Overload("compareTo", TYPE, (TYPE,), "int", compare_to, SINCE),
    Overload("major", TYPE, (), "int", major, SINCE),
    Overload("minor", TYPE, (), "int", minor, SINCE),
    Overload("patch", TYPE, (), "int", patch, SINCE),
)

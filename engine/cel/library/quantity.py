"""Kubernetes quantities: `quantity("1.5Gi")`, with the bounds and the two forms of the API server.

A quantity that fits is an int64 with a power of ten; any other is a decimal. Only the first can be
an integer for CEL, so the form is kept: `quantity("1Ei").isInteger()` is false on a real server.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, ROUND_UP, Context, Decimal
from functools import lru_cache

from assay.engine.cel.functions import Overload

MAX_INT = 2**63 - 1
MIN_INT = -(2**63)
MAX_DIGITS = 18  # as many decimal digits certainly fit an int64
SMALLEST = -9  # everything is rounded up to whole nano units
MAX_SIZE = 5_000  # decimal digits; beyond that a sum is refused instead of filling the memory
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_QUANTITY = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([KMGTPE]i|[numkMGTPE]?|[eE][+-]?[0-9]+)\Z")
_EXACT = Context(prec=2 * MAX_SIZE + 20, Emax=MAX_EMAX, Emin=MIN_EMIN)
_NANO = Decimal(1).scaleb(SMALLEST)


class Quantity:
    """`value` is exact; `small` is (int64, power of ten) where the quantity has that form."""

    __slots__ = ("small", "text", "value")
    cel_type = "kubernetes.Quantity"

    def __init__(self, value: Decimal, small: tuple[int, int] | None, text: str = "") -> None:
        self.value = value
        self.small = small
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.value == other.value

    def __hash__(self) -> int:
        return hash((Quantity, self.value.normalize(_EXACT)))

    def __str__(self) -> str:
        return self.text or str(self.value)

    def __repr__(self) -> str:
        return f"Quantity({str(self)!r})"


@lru_cache(maxsize=1024)
def quantity(text: str) -> Quantity:
    """Parse a quantity; as on the API server, one without digits is zero. Raises ValueError."""
    found = _QUANTITY.match(text)
    if not found or not text:
        raise ValueError(f"not a quantity: {text[:64]!r}")
    sign, whole, fraction, suffix = found[1], found[2].lstrip("0") or "0", found[3] or "", found[4]
    if len(whole) + len(fraction) > MAX_SIZE:
        raise ValueError("quantity has too many digits")
    small = _small(sign, whole, fraction, suffix)
    if small is not None:
        return Quantity(_decimal(*small), small, text)
    value = Decimal(f"{sign}{whole}.{fraction}0" if fraction else f"{sign}{whole}")
    if suffix in BINARY:
        value = _EXACT.multiply(value, Decimal(2 ** BINARY[suffix]))
    else:
        value = value.scaleb(_exponent(suffix), _EXACT)
    if value.adjusted() > MAX_SIZE:
        raise ValueError("quantity out of range")
    if value:
        value = value.quantize(_NANO, ROUND_UP, context=_EXACT)
    if suffix in BINARY and abs(value) > MAX_INT:
        value = Decimal(MAX_INT).copy_sign(value)
    return Quantity(value, None, text)


def is_quantity(text: str) -> bool:
    try:
        quantity(text)
    except ValueError:
        return False
    return True


def sign(amount: Quantity) -> int:
    return (amount.value > 0) - (amount.value < 0)


def is_greater_than(amount: Quantity, other: Quantity) -> bool:
    return amount.value > other.value


def is_less_than(amount: Quantity, other: Quantity) -> bool:
    return amount.value < other.value


def compare_to(amount: Quantity, other: Quantity) -> int:
    return (amount.value > other.value) - (amount.value < other.value)


def is_integer(amount: Quantity) -> bool:
    return _int64(amount) is not None


def as_integer(amount: Quantity) -> int:
    """The quantity as an int. Raises ValueError where it has no such form."""
    whole = _int64(amount)
    if whole is None:
        raise ValueError("cannot convert value to integer")
    return whole


def as_approximate_float(amount: Quantity) -> float:
    if amount.small is not None:
        digits, exponent = amount.small
    else:
        parts = amount.value.as_tuple()
        exponent = int(parts.exponent)
        digits = int(amount.value.scaleb(-exponent, _EXACT))
    base = float(digits)
    if exponent == 0:
        return base
    if exponent > 308:
        return base * float("inf")
    return base * float(f"1e{max(exponent, -400)}")


def add(amount: Quantity, other: Quantity | int) -> Quantity:
    return _sum(amount, other if isinstance(other, Quantity) else _whole(other))


def sub(amount: Quantity, other: Quantity | int) -> Quantity:
    taken = other if isinstance(other, Quantity) else _whole(other)
    small = taken.small and (-taken.small[0], taken.small[1])
    return _sum(amount, Quantity(-taken.value, small or None))


def _whole(number: int) -> Quantity:
    return Quantity(Decimal(number), (number, 0))


def _decimal(digits: int, exponent: int) -> Decimal:
    return Decimal(digits).scaleb(exponent, _EXACT)


def _exponent(suffix: str) -> int:
    if suffix in DECIMAL:
        return DECIMAL[suffix]
    exponent = int(suffix[1:]) if len(suffix) < 24 else 2**63
    if not -(2**63) <= exponent < 2**63:
        raise ValueError("quantity exponent out of range")
    return (exponent + 2**31) % 2**32 - 2**31  # the API server keeps the low 32 bits


def _small(sign: str, whole: str, fraction: str, suffix: str) -> tuple[int, int] | None:
    """The int64 form, where the API server takes that way of reading the text."""
    factor, exponent = 1, 0
    if suffix in BINARY:
        power = BINARY[suffix]
        # Go estimates the digits of 2^power from below; that guess decides the form.
        if fraction or 15 - len(whole) - power * 3 // 10 - 1 < 0:
            return None
        factor = 1 << power
    else:
        exponent = _exponent(suffix) - len(fraction)
        if len(whole) + len(fraction) > MAX_DIGITS or exponent < SMALLEST:
            return None
    digits = int(whole + fraction) * factor
    return None if digits > MAX_INT else (-digits if sign == "-" else digits, exponent)


def _int64(amount: Quantity) -> int | None:
    if amount.small is None:
        return None
    digits, exponent = amount.small
    if exponent < 0:
        return None
    if digits == 0 or exponent == 0:
        return digits
    whole = digits * 10**exponent if exponent < 20 else MAX_INT + 1
    return whole if MIN_INT <= whole <= MAX_INT else None


def _sum(one: Quantity, two: Quantity) -> Quantity:
    if one.small is not None and two.small is not None:
        small = _small_sum(one.small, two.small)
        if small is not None:
            return Quantity(_decimal(*small), small)
    highest = max(one.value.adjusted(), two.value.adjusted())
    lowest = min(int(one.value.as_tuple().exponent), int(two.value.as_tuple().exponent))
    if highest - lowest > MAX_SIZE:
        raise ValueError("quantity out of range")
    return Quantity(_EXACT.add(one.value, two.value), None)


def _small_sum(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int] | None:
    if two[0] == 0:
        return one
    if one[0] == 0:
        return two
    exponent = min(one[1], two[1])
    total = 0
    for digits, power in (one, two):
        if power - exponent > MAX_DIGITS:
            return None
        scaled = digits * 10 ** (power - exponent)
        total += scaled
        if not (MIN_INT <= scaled <= MAX_INT and MIN_INT <= total <= MAX_INT):
            return None
    return total, exponent


SINCE = (1, 29)
TYPE = Quantity.cel_type
OVERLOADS: tuple[Overload, ...] = (
    Overload("quantity", None, ("string",), TYPE, quantity, SINCE),
    Overload("isQuantity", None, ("string",), "bool", is_quantity, SINCE),
    Overload("sign", None, (TYPE,), "int", sign, SINCE),
    Overload("isGreaterThan", TYPE, (TYPE,), "bool", is_greater_than, SINCE),
    Overload("isLessThan", TYPE, (TYPE,), "bool", is_less_than, SINCE),
    Overload("compareTo", TYPE, (TYPE,), "int", compare_to, SINCE),
    Overload("asApproximateFloat", TYPE, (), "double", as_approximate_float, SINCE),
    Overload("asInteger", TYPE, (), "int", as_integer, SINCE),
    Overload("isInteger", TYPE, (), "bool", is_integer, SINCE),
    Overload("add", TYPE, (TYPE,), TYPE, add, SINCE),
    Overload("add", TYPE, ("int",), TYPE, add, SINCE),
    Overload("sub", TYPE, (TYPE,), TYPE, sub, SINCE),
    Overload("sub", TYPE, ("int",), TYPE, sub, SINCE),
)

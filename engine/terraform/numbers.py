"""Terraform's numbers: binary floating point of 512 bits, as Go's math/big has it.

A whole number is a Python int, any other a Real; both are exact, and `rounded` cuts a result to
the precision. Real.bits is smaller for what Go computes as a float64 (log, pow): its text is then
the shortest one for 53 bits. Infinity is ±float("inf").
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Union

PRECISION = 512
MAX_EXPONENT = 100_000  # decimal; beyond it a number is refused rather than expanded
_FORM = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?")


class Real:
    """A number that is not whole: an exact dyadic fraction and the precision of its mantissa."""

    __slots__ = ("bits", "value")

    def __init__(self, value: Fraction, bits: int = PRECISION) -> None:
        self.value = value
        self.bits = bits

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Real):
            return self.value == other.value
        return self.value == other if isinstance(other, int | Fraction) else False

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return to_text(self)


class Counted(int):
    """A whole number that Go computed as an int64: dividing two of them keeps only 64 bits."""

    __slots__ = ()


class Floated(int):
    """A whole number that Go computed as a float64, whose text is the shortest for 53 bits."""

    __slots__ = ()


class NegativeZero(int):
    """The zero that is written `-0`: what is left of `-1 * 0`."""

    __slots__ = ()


NEGATIVE_ZERO = NegativeZero(0)

Number = Union[int, Real, float]  # noqa: UP007 - float only for the infinities


def parse(text: str) -> Number | None:
    """The number that the text writes in decimal, or None where it writes none."""
    if text.isascii() and text.isdecimal() and len(text) < 150:
        return int(text)
    found = _FORM.fullmatch(text)
    if not found or not text.isascii():
        return None
    sign, whole, part, exponent = found.groups()
    part = part or ""
    if not whole and not part:
        return None
    scale = int(exponent or "0") if len(exponent or "") < 12 else MAX_EXPONENT + 1
    if abs(scale) > MAX_EXPONENT or len(whole) + len(part) > MAX_EXPONENT:
        return None
    digits = (
        int(f"{sign}{whole}{part}", 10)
        if len(whole) + len(part) < 4000
        else _long(sign, whole + part)
    )
    if not digits and sign == "-":
        return NEGATIVE_ZERO
    scale -= len(part)
    if scale >= 0:
        return rounded(digits * 10**scale)
    return rounded(Fraction(digits, 10**-scale))


def _long(sign: str, digits: str) -> int:
    # Python refuses to read very long decimals at once, to bound the time it takes.
    value = 0
    for start in range(0, len(digits), 4000):
        piece = digits[start : start + 4000]
        value = value * 10 ** len(piece) + int(piece)
    return -value if sign == "-" else value


def rounded(value: int | Fraction, bits: int = PRECISION) -> int | Real:
    """The nearest number with a mantissa of that many bits, ties to even."""
    if isinstance(value, int):
        if value.bit_length() <= bits:
            return value
        numerator, denominator = value, 1
    else:
        numerator, denominator = value.numerator, value.denominator
        if denominator == 1 and numerator.bit_length() <= bits:
            return numerator
        if denominator & (denominator - 1) == 0 and numerator.bit_length() <= bits:
            return Real(value, bits)
    negative = numerator < 0
    mantissa, shift = _mantissa(abs(numerator), denominator, bits)
    exact = Fraction(mantissa) * Fraction(2) ** shift
    exact = -exact if negative else exact
    return exact.numerator if exact.denominator == 1 else Real(exact, bits)


def _mantissa(numerator: int, denominator: int, bits: int) -> tuple[int, int]:
    """(m, e) with m of exactly `bits` bits and m·2^e nearest to the quotient."""
    shift = numerator.bit_length() - denominator.bit_length() - bits
    while True:
        top = numerator << max(0, -shift)
        bottom = denominator << max(0, shift)
        quotient, rest = divmod(top, bottom)
        length = quotient.bit_length()
        if length == bits:
            break
        shift += 1 if length > bits else -1
    if 2 * rest > bottom or (2 * rest == bottom and quotient & 1):
        quotient += 1
        if quotient.bit_length() > bits:
            quotient >>= 1
            shift += 1
    return quotient, shift


def fraction(value: Number) -> Fraction:
    """The exact value; not for infinities."""
    return value.value if isinstance(value, Real) else Fraction(value)


def bits_of(value: Number) -> int:
    """The precision that Go's value has."""
    if isinstance(value, Real):
        return value.bits
    if isinstance(value, Floated):
        return 53
    return 64 if isinstance(value, Counted) else PRECISION


def from_float(value: float) -> Number:
    """A float64 as a number: exact, with 53 bits."""
    if value in (float("inf"), float("-inf")):
        return value
    exact = Fraction(value)
    return Floated(exact.numerator) if exact.denominator == 1 else Real(exact, 53)


def to_float(value: Number) -> float:
    """The nearest float64."""
    try:
        return float(value.value) if isinstance(value, Real) else float(value)
    except OverflowError:
        return float("inf") if fraction(value) > 0 else float("-inf")


def is_infinite(value: Number) -> bool:
    """Whether the number is one of the infinities."""
    return isinstance(value, float)


def truncated(value: Number) -> int:
    """The whole part, towards zero; not for infinities."""
    return int(fraction(value))


def to_text(value: Number) -> str:
    """The shortest decimal that reads back as the same number, never with an exponent."""
    if isinstance(value, int):
        if value.__class__ is NegativeZero:
            return "-0"
        bits = 53 if isinstance(value, Floated) else PRECISION
        if value.bit_length() <= min(bits, 300):
            return int.__repr__(value)
        return _shortest(Fraction(value), bits)
    if isinstance(value, float):
        return "+Inf" if value > 0 else "-Inf"
    return _shortest(value.value, value.bits)


def _shortest(value: Fraction, bits: int) -> str:
    """Go's rule: digits of the exact value until what is left lies within half a last bit."""
    sign = "-" if value < 0 else ""
    value = abs(value)
    mantissa, shift = _mantissa(value.numerator, value.denominator, bits)
    inclusive = mantissa % 2 == 0
    half = Fraction(2) ** (shift - 1)
    upper = value + half
    lower = value - (half / 2 if mantissa == 1 << (bits - 1) else half)
    digits, point = _digits(value)
    low, low_point = _digits(lower)
    high, high_point = _digits(upper)
    width = max(point, low_point, high_point)
    digits = "0" * (width - point) + digits
    low = "0" * (width - low_point) + low
    high = "0" * (width - high_point) + high
    for at, digit in enumerate(digits):
        below = low[at] if at < len(low) else "0"
        above = high[at] if at < len(high) else "0"
        down = below != digit or (inclusive and at + 1 == len(low))
        up = digit != above and (inclusive or chr(ord(digit) + 1) < above or at + 1 < len(high))
        if not (down or up):
            continue
        if down and up:
            rest = digits[at + 1 :].rstrip("0")
            up = rest > "5" or (rest == "5" and (at == 0 or int(digit) % 2 == 1))
        kept = int(digits[: at + 1]) + (1 if up else 0)
        text = str(kept).zfill(at + 1)
        return sign + _place_point(text, width + len(text) - (at + 1))
    return sign + _place_point(digits, width)


def _digits(value: Fraction) -> tuple[str, int]:
    """The exact decimal digits of a dyadic fraction, and how many stand before the point."""
    power = value.denominator.bit_length() - 1
    scaled = value.numerator * 5**power
    text = _decimal(scaled)
    return text.rstrip("0") or "0", len(text) - power


def _decimal(value: int) -> str:
    """str(value) without Python's limit on long integers."""
    if value.bit_length() < 13_000:
        return str(value)
    parts = []
    step = 10**4000
    while value:
        value, rest = divmod(value, step)
        parts.append(str(rest).zfill(4000))
    return "".join(reversed(parts)).lstrip("0") or "0"


def _place_point(digits: str, point: int) -> str:
    digits = digits.rstrip("0") if point < len(digits) else digits
    if point <= 0:
        fraction = ("0" * -point + digits).rstrip("0")
        return f"0.{fraction}" if fraction else "0"
    if point >= len(digits):
        return (digits + "0" * (point - len(digits))).lstrip("0") or "0"
    whole = digits[:point].lstrip("0") or "0"
    fraction = digits[point:].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole

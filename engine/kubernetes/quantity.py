"""Kubernetes quantities as exact numbers: `100m` is 0.1, `1Gi` is 1073741824."""

from __future__ import annotations

import re
from fractions import Fraction

_FORM = re.compile(
    r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE]([+-]?[0-9]{1,3}))?\Z",
    re.ASCII,
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse(value: object) -> Fraction | None:
    """The number that a text, an int or a float stands for; None where it is no quantity."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    found = _FORM.match(str(value)) if isinstance(value, str | float) else None
    if found is None or len(found[0]) > 64:
        return None
    number = Fraction(f"{found[1]}{found[2].rstrip('.') or '0'}")
    if found[3] in _BINARY:
        return number * Fraction(2 ** _BINARY[found[3]])
    power = _DECIMAL[found[3]] if found[3] else int(found[4] or 0)
    scale = Fraction(10 ** abs(power))
    return number * scale if power >= 0 else number / scale

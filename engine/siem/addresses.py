"""An IPv4 network → the Lucene expression of every spelling of its addresses.

For fields that hold text: an address there may be written as IPv4 or as IPv6 that holds it
(RFC 4291, 2.5.5.2), whose last four bytes are dotted or two groups of hexadecimal digits.
"""

from __future__ import annotations

import ipaddress

ZERO = "0{1,4}:"
MARK = "[fF]{4}:"
DIGITS = "0123456789abcdef"


def spelt(network: ipaddress.IPv4Network) -> str:
    """The expression for the whole of a value."""
    octets = list(
        zip(network.network_address.packed, network.broadcast_address.packed, strict=True)
    )
    dotted = r"\.".join(
        str(low) if low == high else f"({'|'.join(map(str, range(low, high + 1)))})"
        for low, high in octets
    )
    first, second = _group(octets[:2]), _group(octets[2:])
    lead = "|".join([f"({ZERO}){{5}}", "::" + _zeros(4), *(_apart(before) for before in (1, 2, 3)),
                     f"({ZERO}){{4}}:"])  # fmt: skip
    forms = [dotted, f"({lead}){MARK}({dotted}|({first}):({second}))"]
    # The one `::` of an address may also stand for zeros behind the mark.
    if octets[0][0] == octets[1][0] == 0:
        forms.append(f"({ZERO}){{5}}{MARK}:({second})")
        if octets[2][0] == octets[3][0] == 0:
            forms.append(f"({ZERO}){{5}}{MARK}:")
    if octets[2][0] == octets[3][0] == 0:
        forms.append(f"({ZERO}){{5}}{MARK}({first})::")
    return "|".join(forms)


def _zeros(most: int) -> str:
    return f"({ZERO}){{0,{most}}}"


def _apart(before: int) -> str:
    return f"({ZERO}){{{before}}}:{_zeros(4 - before)}"


def _group(octets: list[tuple[int, int]]) -> str:
    """Two octets as one group; zeros in front may be left out."""
    nibbles = [(low >> shift & 15, high >> shift & 15) for low, high in octets for shift in (4, 0)]
    forms = ["".join(_class(low, high) for low, high in nibbles)]
    for at in range(3):
        if nibbles[at][0]:
            break
        forms.append("".join(_class(low, high) for low, high in nibbles[at + 1 :]))
    return "|".join(forms)


def _class(low: int, high: int) -> str:
    found = "".join(
        char if char.isdigit() else char + char.upper() for char in DIGITS[low : high + 1]
    )
    return found if len(found) == 1 else f"[{found}]"

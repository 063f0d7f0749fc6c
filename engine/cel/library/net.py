"""IP addresses and ranges: `ip("10.0.0.1")`, `cidr("10.0.0.0/8").containsIP(...)`.

IPv4-mapped IPv6 addresses and zones are refused, as are leading zeros.
"""

from __future__ import annotations

import re
from functools import lru_cache

from assay.engine.cel.functions import Overload

_GROUP = re.compile(r"[0-9A-Fa-f]{1,4}\Z")
_OCTET = re.compile(r"(?:0|[1-9][0-9]{0,2})\Z")
_BITS = re.compile(r"(?:0|[1-9][0-9]{0,2})\Z")


class IP:
    """An address: its bits as a number, and the version, 4 or 6."""

    __slots__ = ("number", "version")
    cel_type = "net.IP"

    def __init__(self, number: int, version: int) -> None:
        self.number = number
        self.version = version

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, IP) and self.number == other.number and self.version == other.version
        )

    def __hash__(self) -> int:
        return hash((self.number, self.version))

    def __str__(self) -> str:
        if self.version == 4:
            return ".".join(str(byte) for byte in self.number.to_bytes(4, "big"))
        return _ipv6_text(self.number)

    def __repr__(self) -> str:
        return f"IP({str(self)!r})"


class CIDR:
    """An address with a prefix length; the bits after the prefix are kept as written."""

    __slots__ = ("address", "bits")
    cel_type = "net.CIDR"

    def __init__(self, address: IP, bits: int) -> None:
        self.address = address
        self.bits = bits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CIDR) and self.bits == other.bits and self.address == other.address

    def __hash__(self) -> int:
        return hash((self.address, self.bits))

    def __str__(self) -> str:
        return f"{self.address}/{self.bits}"

    def __repr__(self) -> str:
        return f"CIDR({str(self)!r})"


@lru_cache(maxsize=1024)
def parse_ip(text: str) -> IP:
    """Raises ValueError for anything that is no plain IPv4 or IPv6 address."""
    address = _address(text)
    if address is None:
        raise ValueError(f"not an IP address: {text[:64]!r}")
    if _mapped(address):
        raise ValueError(f"an IPv4-mapped IPv6 address is not allowed: {text[:64]!r}")
    return address


@lru_cache(maxsize=1024)
def parse_cidr(text: str) -> CIDR:
    """Raises ValueError for anything that is no address with a prefix length."""
    head, slash, bits = text.rpartition("/")
    address = _address(head) if slash else None
    if address is None or not _BITS.match(bits):
        raise ValueError(f"not an IP range: {text[:64]!r}")
    if int(bits) > (32 if address.version == 4 else 128):
        raise ValueError(f"prefix length out of range: {text[:64]!r}")
    if _mapped(address):
        raise ValueError(f"an IPv4-mapped IPv6 address is not allowed: {text[:64]!r}")
    return CIDR(address, int(bits))


def is_ip(text: str) -> bool:
    address = _address(text)
    return address is not None and not _mapped(address)


def is_ipv6(text: str) -> bool:
    """Whether the text is any IPv6 address, IPv4-mapped ones included; no zone."""
    address = _address(text)
    return address is not None and address.version == 6


def is_cidr(text: str) -> bool:
    try:
        parse_cidr(text)
    except ValueError:
        return False
    return True


def is_canonical(text: str) -> bool:
    return str(parse_ip(text)) == text


def family(address: IP) -> int:
    return address.version


def is_unspecified(address: IP) -> bool:
    return address.number == 0


def is_loopback(address: IP) -> bool:
    return address.number >> 24 == 127 if address.version == 4 else address.number == 1


def is_link_local_multicast(address: IP) -> bool:
    if address.version == 4:
        return address.number >> 8 == 0xE00000
    return address.number >> 112 & 0xFF0F == 0xFF02


def is_link_local_unicast(address: IP) -> bool:
    if address.version == 4:
        return address.number >> 16 == 0xA9FE
    return address.number >> 118 == 0x3FA


def is_global_unicast(address: IP) -> bool:
    if address.version == 4:
        multicast = address.number >> 28 == 0xE
        broadcast = address.number in (0, 2**32 - 1)
    else:
        multicast = address.number >> 120 == 0xFF
        broadcast = address.number == 0
    return not (multicast or broadcast or is_loopback(address) or is_link_local_unicast(address))


def contains_ip(network: CIDR, address: IP | str) -> bool:
    if isinstance(address, str):
        address = parse_ip(address)
    return address.version == network.address.version and _head(address, network.bits) == _head(
        network.address, network.bits
    )


def contains_cidr(network: CIDR, other: CIDR | str) -> bool:
    if isinstance(other, str):
        other = parse_cidr(other)
    return network.bits <= other.bits and contains_ip(network, other.address)


def address_of(network: CIDR) -> IP:
    return network.address


def prefix_length(network: CIDR) -> int:
    return network.bits


def masked(network: CIDR) -> CIDR:
    width = 32 if network.address.version == 4 else 128
    shift = width - network.bits
    number = network.address.number >> shift << shift
    return CIDR(IP(number, network.address.version), network.bits)


def _head(address: IP, bits: int) -> int:
    return address.number >> ((32 if address.version == 4 else 128) - bits)


def _mapped(address: IP) -> bool:
    return address.version == 6 and address.number >> 32 == 0xFFFF


def _address(text: str) -> IP | None:
    """The address as Go's netip reads it, without a zone; None for anything else."""
    if len(text) > 45:
        return None
    for char in text:
        if char == ".":
            number = _ipv4(text)
            return None if number is None else IP(number, 4)
        if char == ":":
            return _ipv6(text)
    return None


def _ipv4(text: str) -> int | None:
    parts = text.split(".")
    if len(parts) != 4:
        return None
    number = 0
    for part in parts:
        if not _OCTET.match(part) or int(part) > 255:
            return None
        number = number << 8 | int(part)
    return number


def _ipv6(text: str) -> IP | None:
    head, compressed, tail = text.partition("::")
    left = _groups(head, last=not compressed)
    right = _groups(tail, last=True) if compressed else []
    if left is None or right is None:
        return None
    missing = 8 - len(left) - len(right)
    if missing != 0 if not compressed else missing < 1:
        return None
    number = 0
    for group in (*left, *([0] * missing), *right):
        number = number << 16 | group
    return IP(number, 6)


def _groups(text: str, last: bool) -> list[int] | None:
    """The 16-bit groups of a part; an embedded IPv4 address may only stand at the very end."""
    if not text:
        return []
    parts = text.split(":")
    groups: list[int] = []
    for index, part in enumerate(parts):
        if "." in part:
            number = _ipv4(part) if last and index == len(parts) - 1 else None
            if number is None:
                return None
            groups += [number >> 16, number & 0xFFFF]
        elif _GROUP.match(part):
            groups.append(int(part, 16))
        else:
            return None
    return groups


def _ipv6_text(number: int) -> str:
    """RFC 5952: the first longest run of two or more zero groups is left out."""
    if number >> 32 == 0xFFFF:
        return f"::ffff:{IP(number & 0xFFFFFFFF, 4)}"
    groups = [number >> shift & 0xFFFF for shift in range(112, -16, -16)]
    best, length, index = 0, 1, 0
    while index < 8:
        run = index
        while run < 8 and groups[run] == 0:
            run += 1
        if run - index > length:
            best, length = index, run - index
        index = run + 1
    texts = [f"{group:x}" for group in groups]
    if length < 2:
        return ":".join(texts)
    return f"{':'.join(texts[:best])}::{':'.join(texts[best + length :])}"


SINCE = (1, 31)
ADDRESS = IP.cel_type
RANGE = CIDR.cel_type
OVERLOADS: tuple[Overload, ...] = (
    Overload("ip", None, ("string",), ADDRESS, parse_ip, SINCE),
    Overload("isIP", None, ("string",), "bool", is_ip, SINCE),
    Overload("ip.isCanonical", None, ("string",), "bool", is_canonical, SINCE),
    Overload("string", None, (ADDRESS,), "string", str, SINCE),
    Overload("family", ADDRESS, (), "int", family, SINCE),
    Overload("isUnspecified", ADDRESS, (), "bool", is_unspecified, SINCE),
    Overload("isLoopback", ADDRESS, (), "bool", is_loopback, SINCE),
    Overload("isLinkLocalMulticast", ADDRESS, (), "bool", is_link_local_multicast, SINCE),
    Overload("isLinkLocalUnicast", ADDRESS, (), "bool", is_link_local_unicast, SINCE),
    Overload("isGlobalUnicast", ADDRESS, (), "bool", is_global_unicast, SINCE),
    Overload("cidr", None, ("string",), RANGE, parse_cidr, SINCE),
    Overload("isCIDR", None, ("string",), "bool", is_cidr, SINCE),
    Overload("string", None, (RANGE,), "string", str, SINCE),
    Overload("containsIP", RANGE, ("string",), "bool", contains_ip, SINCE),
    Overload("containsIP", RANGE, (ADDRESS,), "bool", contains_ip, SINCE),
    Overload("containsCIDR", RANGE, ("string",), "bool", contains_cidr, SINCE),
    Overload("containsCIDR", RANGE, (RANGE,), "bool", contains_cidr, SINCE),
    Overload("ip", RANGE, (), ADDRESS, address_of, SINCE),
    Overload("prefixLength", RANGE, (), "int", prefix_length, SINCE),
    Overload("masked", RANGE, (), RANGE, masked, SINCE),
)

"""cidrs.covers and ports.overlap: whether rules of a network, taken together, let something in."""

from __future__ import annotations

from typing import Any

from assay.engine.cel.library import net
from assay.engine.model import Incomplete, Unknown

LAST_PORT = 65_535
# (0, 0) and (-1, -1) are how AWS writes "all ports" for all protocols and for ICMP; nothing
# listens on port 0, so it is never meant alone.
ALL_PORTS = (0, -1)


def covers(ranges: Any, wanted: Any) -> Any:
    """Whether the union of the ranges holds all addresses of the wanted one.

    `["0.0.0.0/1", "128.0.0.0/1"]` covers `0.0.0.0/0`. An address without a prefix length is that
    one address; IPv4 and IPv6 never cover each other. Unknown elements leave a true answer true
    and make a false one unknown. Raises ValueError for a text that is no range.
    """
    if isinstance(ranges, Unknown):
        return ranges
    if not isinstance(ranges, list):
        raise TypeError("cidrs.covers takes a list of ranges")
    if isinstance(wanted, Unknown):
        return wanted if ranges else False
    version, first, last = _bounds(wanted)
    doubt = ranges.rest if isinstance(ranges, Incomplete) else None
    stretches: list[tuple[int, int]] = []
    for element in ranges:
        if isinstance(element, Unknown):
            doubt = element if doubt is None else doubt
            continue
        of, low, high = _bounds(element)
        if of == version:
            stretches.append((low, high))
    for low, high in sorted(stretches):
        if low > first:
            break
        first = max(first, high + 1)
    return True if first > last else (False if doubt is None else doubt)


def overlap(low: Any, high: Any, ports: Any) -> Any:
    """Whether the range `low`..`high` holds any of the ports: ints, or texts such as "8000-8100".

    Both ends belong to it. An absent end (null), 0 to 0, and -1 all mean every port, whichever the
    protocol. Raises ValueError for a text that is no port.
    """
    if isinstance(ports, Unknown):
        return ports
    if not isinstance(ports, list):
        raise TypeError("ports.overlap takes a list of ports")
    doubt: Unknown | None = ports.rest if isinstance(ports, Incomplete) else None
    for port in ports:
        if isinstance(port, Unknown):
            doubt = port if doubt is None else doubt
            continue
        found = _meets(low, high, *_port_range(port))
        if found is True:
            return True
        if isinstance(found, Unknown) and doubt is None:
            doubt = found
    return False if doubt is None else doubt


def _bounds(text: Any) -> tuple[int, int, int]:
    """Version, first and last address."""
    if not isinstance(text, str):
        raise TypeError("a range of addresses must be a text")
    network = net.parse_cidr(text) if "/" in text else None
    if network is None:
        address = net.parse_ip(text)
        return address.version, address.number, address.number
    width = 32 if network.address.version == 4 else 128
    size = 1 << (width - network.bits)
    first = network.address.number // size * size
    return network.address.version, first, first + size - 1


def _port_range(port: Any) -> tuple[int, int]:
    if isinstance(port, str):
        low, dash, high = port.partition("-")
        return int(low), int(high if dash else low)
    if isinstance(port, bool) or not isinstance(port, (int, float)):
        raise TypeError("a port must be a number")
    return int(port), int(port)


def _meets(low: Any, high: Any, first: int, last: int) -> Any:
    if isinstance(low, Unknown):
        # Whatever it begins at, it ends before the port: only an end that is none can reach it.
        ends_before = isinstance(high, int) and high not in ALL_PORTS and high < first
        return False if ends_before else low
    if isinstance(high, Unknown):
        begins_after = isinstance(low, int) and low > last
        return False if begins_after else high
    if low is None or high is None or low == -1 or high == -1 or (low == 0 and high == 0):
        return True
    return bool(int(low) <= last and first <= int(high))

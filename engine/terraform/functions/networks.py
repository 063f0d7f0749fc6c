"""cidrhost, cidrnetmask, cidrsubnet, cidrsubnets."""

from __future__ import annotations

import ipaddress
import re

from assay.engine.terraform.functions.signature import (
    Function,
    FunctionError,
    number_parameter,
    of_strings,
    text_parameter,
    whole,
)
from assay.engine.terraform.types import STRING, list_of
from assay.engine.terraform.values import Value, list_value, string

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=\d)")


def _network(text: str) -> Network:
    address, slash, bits = text.partition("/")
    if not slash or not bits.isdecimal() or not bits.isascii():
        raise FunctionError(f"invalid CIDR expression: invalid CIDR address: {text}")
    if ":" not in address:
        address = _ZEROS.sub("", address)  # Terraform reads octets with zeros before them
    try:
        return ipaddress.ip_network(f"{address}/{bits}", strict=False)
    except ValueError:
        raise FunctionError(f"invalid CIDR expression: invalid CIDR address: {text}") from None


def _integer(value: Value) -> int:
    if not isinstance(value.v, int):
        raise FunctionError("value must be a whole number")
    return int(value.v)


def _address(network: Network, number: int) -> str:
    made = type(network.network_address)(number)
    mapped = made.ipv4_mapped if isinstance(made, ipaddress.IPv6Address) else None
    return str(mapped or made)


def cidrhost(values: list[Value]) -> Value:
    network, host = _network(values[0].v), _integer(values[1])
    size = network.num_addresses
    at = host if host >= 0 else size + host
    if not 0 <= at < size:
        raise FunctionError(
            f"prefix of {network.prefixlen} does not accommodate a host numbered {host}"
        )
    return string(_address(network, int(network.network_address) + at))


def cidrnetmask(text: str) -> str:
    network = _network(text)
    if network.version == 6:
        raise FunctionError(f"IPv6 addresses cannot have a netmask: {text}")
    return str(network.netmask)


def cidrsubnet(values: list[Value]) -> Value:
    network = _network(values[0].v)
    bits, number = whole(values[1], "newbits"), _integer(values[2])
    prefix = network.prefixlen + bits
    if prefix < 0 or prefix > network.max_prefixlen:
        raise FunctionError(
            f"insufficient address space to extend prefix of {network.prefixlen} by {bits}"
        )
    if number >= 1 << max(bits, 0):
        raise FunctionError(
            f"prefix extension of {bits} does not accommodate a subnet numbered {number}"
        )
    # A negative number is let through, and Go then takes the amount of what comes out.
    start = abs(int(network.network_address) | (number << (network.max_prefixlen - prefix)))
    return string(f"{_address(network, start)}/{prefix}")


def cidrsubnets(values: list[Value]) -> Value:
    network = _network(values[0].v)
    top = network.max_prefixlen
    at = int(network.network_address)
    end = at + network.num_addresses
    found: list[Value] = []
    for value in values[1:]:
        bits = whole(value, "newbits")
        if bits < 1:
            raise FunctionError("must extend prefix by at least one bit")
        if bits > 32:
            raise FunctionError("may not extend prefix by more than 32 bits")
        prefix = network.prefixlen + bits
        if prefix > top:
            raise FunctionError(f"would extend prefix to {prefix} bits, which is too long")
        size = 1 << (top - prefix)
        start = -(-at // size) * size
        # Go takes the address 0 for a sign that the space is used up.
        if start + size > end or start == 0:
            raise FunctionError(
                f"not enough remaining address space for a subnet with a prefix of {prefix} bits"
            )
        found.append(string(f"{_address(network, start)}/{prefix}"))
        at = start + size
    return list_value(STRING, found)


FUNCTIONS: dict[str, Function] = {
    "cidrhost": Function(cidrhost, [text_parameter("prefix"), number_parameter("hostnum")], STRING),
    "cidrnetmask": of_strings(cidrnetmask, "prefix"),
    "cidrsubnet": Function(
        cidrsubnet,
        [text_parameter("prefix"), number_parameter("newbits"), number_parameter("netnum")],
        STRING,
    ),
    "cidrsubnets": Function(
        cidrsubnets,
        [text_parameter("prefix")],
        list_of(STRING),
        number_parameter("newbits"),
    ),
}

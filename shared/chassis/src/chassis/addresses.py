"""Which IP addresses a request made on a stranger's word may go to: public ones, and those that an operator allows.

`ipaddress.is_global` alone lets NAT64, 6to4, Teredo and multicast through on some Python versions, so the ranges that
are not the public internet are listed here. Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "::ffff:0:0/96",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks from "127.0.0.0/8, 10.1.0.0/16".

    Raises:
        ValueError: one of them is no network in CIDR form.

    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_allowed(address: Address | str, allowed: Sequence[Network] = ()) -> bool:
    """Whether a connection may be made: the operator's `allowed` networks first, then only the public internet.

    An IPv4 address inside an IPv6 one is judged as what it is.
    """
    try:
        address = ip_address(address)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is not None:
            return is_allowed(address.ipv4_mapped, allowed)
    if any(address.version == network.version and address in network for network in allowed):
        return True
    return not any(address.version == network.version and address in network for network in NOT_PUBLIC)

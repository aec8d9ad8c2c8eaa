"""Which addresses may be connected to."""

import pytest

from chassis.addresses import is_allowed, parse_networks


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "172.31.255.255",
        "192.168.1.1",
        "192.0.0.170",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "100::1",
        "not an address",
        "",
        "127.1",
        "0x7f000001",
        "2130706433",
    ],
)
def test_what_is_not_the_public_internet_is_refused(address):
    assert not is_allowed(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1"]
)
def test_public_addresses_are_allowed(address):
    assert is_allowed(address)


def test_the_operators_networks_are_allowed_and_nothing_beside_them():
    networks = parse_networks("127.0.0.0/8, fd00:1::/32")

    assert is_allowed("127.0.0.1", networks)
    assert is_allowed("::ffff:127.0.0.1", networks)
    assert is_allowed("fd00:1::5", networks)
    assert not is_allowed("10.0.0.1", networks)
    assert not is_allowed("::1", networks)


def test_a_network_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"'10\.0\.0\.0/40' does not appear to be"):
        parse_networks("10.0.0.0/40")

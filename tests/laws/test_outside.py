"""No address of a private network is called, however it is written or wrapped."""

from ipaddress import IPv4Address, IPv4Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outside.addresses import NOT_PUBLIC, Rules, place_of
from adapters.outside.errors import NotReached
from adapters.outside.network import Deadline, look_up

NETWORKS = [net for one, _ in NOT_PUBLIC if isinstance(net := ip_network(one), IPv4Network)]
NOTATIONS = (
    lambda ip: str(ip), lambda ip: str(int(ip)), lambda ip: hex(int(ip)), lambda ip: f"0{int(ip):o}",
    lambda ip: ".".join(hex(part) for part in ip.packed), lambda ip: ".".join(f"0{part:o}" for part in ip.packed),
    lambda ip: f"{ip.packed[0]}.{int(ip) & 0xFFFFFF}", lambda ip: f"[::ffff:{ip}]", lambda ip: f"[::{ip}]",
    lambda ip: f"[64:ff9b::{ip}]", lambda ip: f"[2002:{int(ip) >> 16:x}:{int(ip) & 0xFFFF:x}::1]", lambda ip: f"{ip}.",
)  # fmt: skip
RULES = Rules()


@st.composite
def inside(draw: st.DrawFn) -> IPv4Address:
    network = draw(st.sampled_from(NETWORKS))
    return network[draw(st.integers(0, network.num_addresses - 1))]


@given(inside(), st.sampled_from(NOTATIONS), st.sampled_from(["http", "https"]))
def test_no_notation_of_a_private_address_is_called(address: IPv4Address, written: object, scheme: str) -> None:
    with pytest.raises(NotReached):
        place_of(f"{scheme}://{written(address)}/", RULES)  # type: ignore[operator]


@given(inside(), st.sampled_from(["{}", "::ffff:{}", "64:ff9b::{}"]), st.integers(0, 2))
def test_no_name_that_leads_to_one_is_called(address: IPv4Address, wrapped: str, place: int) -> None:
    found = ["93.184.215.14", "2606:4700::1111"]
    found.insert(place, wrapped.format(address))
    with pytest.raises(NotReached) as refused:
        look_up(place_of("https://hooks.example/", RULES), RULES, Deadline(30), lambda *_: found)
    assert refused.value.reason == "refused_address"

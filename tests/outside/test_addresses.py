"""Which addresses are called: the public internet, written plainly."""

from ipaddress import ip_address

import pytest

from adapters.outside.addresses import Rules, not_public, place_of
from adapters.outside.errors import NotReached

RULES = Rules()


def refusal(url: str, rules: Rules = RULES) -> str:
    with pytest.raises(NotReached) as refused:
        place_of(url, rules)
    return refused.value.reason


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.0.1", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.0.170", "198.18.5.5", "224.0.0.1", "255.255.255.255",
        "168.63.129.16", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1", "2001:0:53aa:64c::1", "fc00::1", "fd00:ec2::254",
        "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:0:7f00:1",
    ],
)  # fmt: skip
def test_addresses_within_are_refused(address: str) -> None:
    assert not_public(ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "157.240.1.35", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2606:4700::1111",
     "2a03:2880:f12f:83::1", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"],
)  # fmt: skip
def test_addresses_of_the_public_internet_are_called(address: str) -> None:
    assert not_public(ip_address(address)) is None


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "010.8.8.8", "134744072", "8.8.8.0x8",
        "1.2.3.4.5", "256.1.1.1", "0x", "1.", "a.b.1", "[2606:4700::1%25eth0]", "exa mple.com", "a..b", "-",
        "*.example.com",
    ],
)  # fmt: skip
def test_an_address_in_an_odd_notation_is_none(host: str) -> None:
    assert refusal(f"http://{host}/x") == "bad_address"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://LOCALHOST./", "https://db.localhost/", "http://[::1]/",
     "http://[::ffff:7f00:1]/", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "https://0/"],
)  # fmt: skip
def test_a_place_of_this_network_is_refused_by_its_name_alone(url: str) -> None:
    assert refusal(url) in ("refused_address", "bad_address")


@pytest.mark.parametrize(
    "url",
    ["ftp://files.example/", "file:///etc/passwd", "gopher://x.example/", "javascript:alert(1)", "//x.example/", "x",
     "", "https://user:pass@x.example/", "https://user@x.example/", "https://x.example\\@y.example/",
     "https://x.example/\n", "https://", "https:///path", "https://x.example/" + "a" * 2_000],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    assert refusal(url) == "bad_address"


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 8000, 9200, 99999])
def test_a_port_of_another_service_is_refused(port: int) -> None:
    assert refusal(f"https://hooks.example:{port}/") == "refused_address"


def test_ports_and_hosts_may_be_allowed() -> None:
    place = place_of("https://hooks.example:5678/x?y=1", Rules.of({5678}))
    assert (place.host, place.port, place.target) == ("hooks.example", 5678, "/x?y=1")
    here = Rules.of(hosts=["127.0.0.1:8090", "[::1]:8090"])
    assert place_of("http://127.0.0.1:8090/media", here).port == 8090
    assert place_of("http://[::1]:8090/media", here).host == "::1"
    assert refusal("http://127.0.0.1:8091/media", here) == "refused_address"
    assert refusal("http://127.0.0.1/media", here) == "refused_address"


def test_plain_http_may_be_refused_to_all_but_the_allowed() -> None:
    rules = Rules(hosts=frozenset({"127.0.0.1:8090"}), https_only=True)
    assert refusal("http://hooks.example/", rules) == "bad_address"
    assert place_of("http://127.0.0.1:8090/", rules).scheme == "http"


def test_a_name_in_another_script_is_called_by_its_ascii_name() -> None:
    assert place_of("https://مثال.example/", RULES).host == "xn--mgbh0fb.example"

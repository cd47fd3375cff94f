"""Which addresses we call: those of the public internet, written plainly."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from adapters.outside.errors import NotReached

Address = IPv4Address | IPv6Address

PORTS = frozenset({80, 443, 8443})
LONGEST = 2_000
DEFAULT_PORTS = {"http": 80, "https": 443}

# fmt: off
NOT_PUBLIC: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8",          "this network (RFC 791)"),
    ("10.0.0.0/8",         "private (RFC 1918)"),
    ("100.64.0.0/10",      "shared by a provider's customers (RFC 6598)"),
    ("127.0.0.0/8",        "this machine (RFC 1122)"),
    ("169.254.0.0/16",     "link-local, and the metadata of clouds (RFC 3927)"),
    ("172.16.0.0/12",      "private (RFC 1918)"),
    ("192.0.0.0/24",       "protocol assignments (RFC 6890)"),
    ("192.0.2.0/24",       "documentation (RFC 5737)"),
    ("192.88.99.0/24",     "relays of 6to4 (RFC 7526)"),
    ("192.168.0.0/16",     "private (RFC 1918)"),
    ("198.18.0.0/15",      "benchmarks (RFC 2544)"),
    ("198.51.100.0/24",    "documentation (RFC 5737)"),
    ("203.0.113.0/24",     "documentation (RFC 5737)"),
    ("224.0.0.0/4",        "multicast (RFC 5771)"),
    ("240.0.0.0/4",        "reserved, and broadcast (RFC 1112)"),
    ("168.63.129.16/32",   "the host of Azure's machines"),
    ("::/127",             "unspecified and this machine (RFC 4291)"),
    ("::ffff:0:0:0/96",    "translated IPv4 (RFC 2765)"),
    ("64:ff9b:1::/48",     "translated within one network (RFC 8215)"),
    ("100::/64",           "discarded (RFC 6666)"),
    ("2001::/23",          "protocol assignments, Teredo among them (RFC 2928)"),
    ("2001:db8::/32",      "documentation (RFC 3849)"),
    ("3fff::/20",          "documentation (RFC 9637)"),
    ("5f00::/16",          "segment routing (RFC 9602)"),
    ("fc00::/7",           "private, and the metadata of clouds (RFC 4193)"),
    ("fe80::/10",          "link-local (RFC 4291)"),
    ("fec0::/10",          "site-local (RFC 3879)"),
    ("ff00::/8",           "multicast (RFC 4291)"),
)
CARRIES_IPV4: tuple[tuple[str, int], ...] = (  # network, how many bits stand behind the IPv4 address within
    ("::/96",          0),    # IPv4-compatible (RFC 4291)
    ("::ffff:0:0/96",  0),    # IPv4-mapped (RFC 4291)
    ("64:ff9b::/96",   0),    # NAT64 (RFC 6052)
    ("2002::/16",     80),    # 6to4 (RFC 3056)
)
# fmt: on
_REFUSED: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple((ip_network(net), why) for net, why in NOT_PUBLIC)
_CARRYING = tuple((IPv6Network(net), shift) for net, shift in CARRIES_IPV4)
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")


def not_public(address: Address) -> str | None:
    """Return why an address is none of the public internet; None where it is one."""
    if isinstance(address, IPv6Address):
        for network, shift in _CARRYING:
            if address in network and int(address) > 1:
                return not_public(IPv4Address(int(address) >> shift & 0xFFFF_FFFF))
    return next((why for network, why in _REFUSED if address.version == network.version and address in network), None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call goes: scheme, host and port; what of it is said in a message."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must be the same for a header with a credential to be sent again."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Return `host:port`, as the list of allowed hosts has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def literal(self) -> Address | None:
        """Return the address where the host is written as one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be called: public addresses on `ports`, and `hosts` as `host:port` whatever they are.

    `hosts` is for tests and for a simulator on this machine; `https_only` refuses plain http to all others.
    """

    ports: frozenset[int] = PORTS
    hosts: frozenset[str] = frozenset()
    https_only: bool = False

    @classmethod
    def of(cls, ports: Iterable[int] = PORTS, hosts: Iterable[str] = ()) -> "Rules":
        """Return rules from the words of a setting."""
        return cls(frozenset(ports), frozenset(one.strip().lower() for one in hosts if one.strip()))

    def excepts(self, place: Place) -> bool:
        """Tell whether a place is allowed whatever its address is."""
        return place.authority in self.hosts


def place_of(url: str, rules: Rules) -> Place:
    """Return where an address leads. Raises NotReached for what is odd, or on a port that is not allowed.

    Only http and https, no user name or password, and a host that is a plain name or a plain address: an address in
    another notation (decimal, octal, hexadecimal, with a zone) is refused, whatever it stands for.
    """
    if len(url) > LONGEST:
        raise NotReached("bad_address", f"it has more than {LONGEST} characters")
    if any(character <= " " or character == "\x7f" or character == "\\" for character in url):
        raise NotReached("bad_address", "it holds a blank, a control character or a backslash")
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").lower()
        port = parsed.port or DEFAULT_PORTS.get(parsed.scheme, 0)
        target = parsed.raw_path.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
        raise NotReached("bad_address", "it cannot be read") from None
    if parsed.scheme not in DEFAULT_PORTS:
        raise NotReached("bad_address", "it must begin with https:// or http://")
    if parsed.userinfo:
        raise NotReached("bad_address", "it must not hold a user name or password")
    place = Place(parsed.scheme, host.removesuffix("."), port, target)
    _check(place, rules)
    return place


def _check(place: Place, rules: Rules) -> None:
    literal = place.literal()
    if "%" in place.host or (literal is None and (not _NAME.fullmatch(place.host) or _NUMBER.fullmatch(place.host))):
        raise NotReached("bad_address", "its host is neither a plain name nor a plain address")
    if rules.excepts(place):
        return
    if rules.https_only and place.scheme != "https":
        raise NotReached("bad_address", "it must begin with https://")
    if place.port not in rules.ports:
        raise NotReached(
            "refused_address", f"port {place.port} is not one of {', '.join(map(str, sorted(rules.ports)))}"
        )
    why = not_public(literal) if literal is not None else None
    if why is not None or place.host == "localhost" or place.host.endswith(".localhost"):
        raise NotReached("refused_address", why or "this machine")

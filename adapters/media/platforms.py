"""Where the platforms keep files: WhatsApp by an id that leads to a short-lived address, the others by address."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

import orjson

from adapters.channels.proofs import Proofs
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from adapters.outside.errors import NotReached
from application.ports.channels import Account
from application.ports.media import NoFile, WantedFile
from domain.shared.fact import Channel

LARGEST_ANSWER = 64 * 1024
WITHIN_S = 120.0
PLATFORM_HOSTS = (".facebook.com", ".fbsbx.com", ".whatsapp.net", ".fbcdn.net")
REFUSED = 400
"""What Graph answers to a call whose proof is missing or wrong; to ask for an address once more does no harm."""
AccountOf = Callable[[UUID, Channel, str], Account | None]
"""Returns an account of ours with what opens it, None without a token: (brokerage, channel, account id)."""


def allowing(rules: Rules, urls: Iterable[str]) -> Rules:
    """Return rules that also let our own settings' addresses be called, wherever they lead: a simulator, a proxy."""
    usual = {"http": 80, "https": 443}
    parts = [urlsplit(url) for url in urls]
    hosts = {f"{one.hostname}:{one.port or usual[one.scheme]}" for one in parts}
    return Rules(rules.ports, rules.hosts | hosts, rules.https_only)


class PlatformFiles:
    """The FileSource of all channels; every call goes through the guarded client."""

    def __init__(
        self, client: GuardedClient, account_of: AccountOf, *, graph: str, dialog360: str
    ) -> None:  # fmt: skip
        self._client, self._account_of = client, account_of
        self._graph, self._dialog360 = graph, dialog360
        self._proofs = Proofs()

    @contextmanager
    def open(self, wanted: WantedFile) -> Iterator[Iterator[bytes]]:
        """Give the bytes of a file. Raises NoFile, while they are read as well."""
        url, headers = self._address(wanted)
        with _as_no_file(), self._client.stream(
            url, headers=headers, most_bytes=wanted.most_bytes, within_s=WITHIN_S
        ) as streamed:  # fmt: skip
            yield _translated(streamed.chunks())

    def _address(self, wanted: WantedFile) -> tuple[str, Mapping[str, str]]:
        """Return where a file is now, and what opens it."""
        if wanted.channel != "whatsapp":
            if wanted.media.url is None:
                raise NoFile("the platform gave no address")
            return wanted.media.url, {}
        account = self._account_of(wanted.brokerage_id, wanted.channel, wanted.account_id)
        if account is None:
            raise NoFile("no token is set for this account")
        hosted = wanted.provider == "360dialog"
        headers = {"D360-API-KEY": account.token} if hosted else {"Authorization": f"Bearer {account.token}"}
        if wanted.media.id is None:
            if wanted.media.url is None:
                raise NoFile("the platform gave neither an id nor an address")
            return wanted.media.url, headers if _platforms_own(wanted.media.url, self._graph) else {}
        base = self._dialog360 if hosted else self._graph
        asked = f"{base}/{quote(wanted.media.id, safe='')}"
        if hosted:
            return _moved(self._announced(asked, headers), base), headers
        return self._proved(account, asked, headers), headers

    def _proved(self, account: Account, url: str, headers: Mapping[str, str]) -> str:
        """Return where Graph says that a file is, asked with the proof that goes with the token."""
        return self._proofs.first_taken(
            account, lambda proof: self._announced(_asking(url, proof), headers), _for_its_proof
        )  # fmt: skip

    def _announced(self, url: str, headers: Mapping[str, str]) -> str:
        with _as_no_file():
            fetched = self._client.fetch(url, headers=headers, most_bytes=LARGEST_ANSWER)
        try:
            found = orjson.loads(fetched.content)["url"]
        except (ValueError, KeyError, TypeError):
            raise NoFile("the platform's answer makes no sense", passing=True) from None
        return str(found)


def _for_its_proof(none: Exception) -> bool:
    return isinstance(none, NoFile) and isinstance(none.__cause__, NotReached) and none.__cause__.status == REFUSED


def _platforms_own(url: str, base: str) -> bool:
    """Tell whether an address that a webhook named is the platform's own: only there does our token go along."""
    host = urlsplit(url).hostname or ""
    return host == urlsplit(base).hostname or host.endswith(PLATFORM_HOSTS)


def _asking(url: str, fields: Mapping[str, str]) -> str:
    return f"{url}?{urlencode(fields)}" if fields else url


def _moved(url: str, base: str) -> str:
    """Return the same path on 360dialog's host: it passes files on, and wants its own key for them.

    Source: 360dialog, retrieving media.
    """
    own, told = urlsplit(base), urlsplit(url)
    return urlunsplit((own.scheme, own.netloc, told.path, told.query, ""))


def _translated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    with _as_no_file():
        yield from chunks


@contextmanager
def _as_no_file() -> Iterator[None]:
    """Say in the port's words what the client raises."""
    try:
        yield
    except NotReached as none:
        refused = none.reason in ("too_large", "wrong_type")
        gone = none.status in (401, 403, 404, 410)
        raise NoFile(str(none), passing=none.passing and not gone, refused=refused) from none

"""The guarded client: what it fetches and sends, and everything it must not reach, wait for or hold."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.outside.addresses import Rules
from adapters.outside.client import Answered, GuardedClient
from adapters.outside.errors import NotReached
from tests.outside.receiver import Receiver, Says, receiver
from tests.patience import PATIENCE_S


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def client(there: Receiver) -> GuardedClient:
    """One that may call the receiver, and names of it that a test's resolver knows."""
    names = ("hooks.example", "other.example")
    allowed = [there.authority, *(f"{name}:{there.port}" for name in names)]
    return GuardedClient(Rules.of(hosts=allowed), resolve=lambda *_: ["127.0.0.1"])


def refused(client: GuardedClient, url: str, *, most_bytes: int = 1_000, **how: object) -> NotReached:
    with pytest.raises(NotReached) as told:
        client.fetch(url, most_bytes=most_bytes, **how)  # type: ignore[arg-type]
    return told.value


def test_a_file_is_fetched_with_its_type(client: GuardedClient, there: Receiver) -> None:
    there.says["/a.jpg?x=1"] = Says(body=b"\xff\xd8picture", headers={"content-type": "Image/JPEG; charset=x"})
    fetched = client.fetch(
        there.url("/a.jpg?x=1"), headers={"authorization": "Bearer t"}, most_bytes=9, types=["image/*"]
    )
    assert (fetched.content, fetched.content_type) == (b"\xff\xd8picture", "image/jpeg")
    (asked,) = there.asked
    assert (asked.headers["authorization"], asked.headers["accept-encoding"]) == ("Bearer t", "identity")


@pytest.mark.parametrize(
    "found", [["10.0.0.7"], ["93.184.215.14", "127.0.0.1"], ["::ffff:169.254.169.254"], ["fe80::1%2"]]
)
def test_a_name_that_leads_inside_is_refused(found: list[str]) -> None:
    client = GuardedClient(resolve=lambda *_: found)
    assert refused(client, "https://hooks.example/").reason == "refused_address"
    with pytest.raises(NotReached):
        client.check("https://hooks.example/")


def test_a_public_name_passes_the_check() -> None:
    GuardedClient(resolve=lambda *_: ["93.184.215.14"]).check("https://hooks.example/x")


def test_a_name_is_looked_up_once_for_a_call(there: Receiver) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    client = GuardedClient(Rules.of(hosts=[f"hooks.example:{there.port}"]), resolve=lambda *_: next(answers))
    client.fetch(f"http://hooks.example:{there.port}/", most_bytes=9)
    assert there.asked[0].headers["host"] == f"hooks.example:{there.port}"
    assert next(answers) == ["10.0.0.1"]


def test_an_unknown_name_and_a_closed_port_are_told_apart() -> None:
    def nobody(*_: object) -> list[str]:
        raise OSError("no such name")

    unknown = refused(GuardedClient(resolve=nobody), "https://nowhere.example/")
    with receiver() as gone:
        port = gone.port
    closed = refused(GuardedClient(Rules.of(hosts=[f"127.0.0.1:{port}"])), f"http://127.0.0.1:{port}/")
    assert (unknown.reason, closed.reason) == ("unknown_host", "unreachable")
    assert (unknown.passing, closed.passing) == (True, True)


def test_a_name_that_hangs_costs_no_more_than_its_time() -> None:
    release = threading.Event()

    def hangs(*_: object) -> list[str]:
        release.wait(30)
        return []

    try:
        assert refused(GuardedClient(resolve=hangs), "https://slow.example/", within_s=0.05).reason == "timeout"
    finally:
        release.set()


@pytest.mark.parametrize("headers", [{}, {"content-length": "100000"}])
def test_a_large_body_is_broken_off(client: GuardedClient, there: Receiver, headers: dict[str, str]) -> None:
    there.otherwise = Says(body=b"x" * 100_000, headers=headers)
    assert refused(client, there.url()).reason == "too_large"


def test_a_server_that_never_answers_is_left(client: GuardedClient, there: Receiver) -> None:
    release = threading.Event()
    there.otherwise = Says(before=lambda: release.wait(30))
    try:
        assert refused(client, there.url(), within_s=0.1).reason == "timeout"
    finally:
        release.set()


def test_a_drip_is_left_when_the_whole_time_is_over(client: GuardedClient, there: Receiver) -> None:
    there.otherwise = Says(body=b"short", headers={"content-length": "50"})  # and then nothing, or the end
    assert refused(client, there.url(), within_s=0.3).reason in ("timeout", "broken")


def test_another_type_than_asked_for_is_refused(client: GuardedClient, there: Receiver) -> None:
    there.otherwise = Says(headers={"content-type": "text/html"})
    assert refused(client, there.url(), types=["image/*", "audio/ogg"]).reason == "wrong_type"


@pytest.mark.parametrize(("status", "passing"), [(404, False), (401, False), (429, True), (503, True)])
def test_a_no_is_told_with_its_status(client: GuardedClient, there: Receiver, status: int, passing: bool) -> None:
    there.otherwise = Says(status)
    told = refused(client, there.url())
    assert (told.reason, told.status, told.passing) == ("status", status, passing)


def test_a_redirect_is_followed_and_its_credentials_stay_at_home(client: GuardedClient, there: Receiver) -> None:
    there.says["/a"] = Says(302, {"location": "/b"})
    there.says["/b"] = Says(307, {"location": f"http://other.example:{there.port}/c"})
    url = f"http://hooks.example:{there.port}/a"
    assert client.fetch(url, headers={"Authorization": "Bearer t", "X-Kind": "k"}, most_bytes=9).content == b"ok"
    assert [(one.path, one.headers.get("authorization"), one.headers["x-kind"]) for one in there.asked] == [
        ("/a", "Bearer t", "k"), ("/b", "Bearer t", "k"), ("/c", None, "k"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/", "http://169.254.169.254/", "file:///etc/passwd", "http://0x7f.1/"]
)
def test_a_redirect_to_a_refused_place_is_refused(client: GuardedClient, there: Receiver, location: str) -> None:
    there.otherwise = Says(302, {"location": location})
    assert refused(client, there.url()).reason in ("refused_address", "bad_address")
    assert len(there.asked) == 1


def test_redirects_end(client: GuardedClient, there: Receiver) -> None:
    there.otherwise = Says(302, {"location": "/again"})
    assert refused(client, there.url()).reason == "redirect"
    assert len(there.asked) == 4


def test_a_post_goes_to_one_place_and_tells_what_was_said(client: GuardedClient, there: Receiver) -> None:
    there.otherwise = Says(302, {"location": "/elsewhere", "Retry-After": "7"}, b"moved" * 1_000)
    answered = client.post(there.url("/hook"), headers={"webhook-id": "m1"}, body=b"{}", within_s=PATIENCE_S)
    assert isinstance(answered, Answered)
    assert (answered.status, answered.headers["retry-after"], len(answered.excerpt)) == (302, "7", 2_000)
    (asked,) = there.asked
    assert (asked.method, asked.path, asked.body, asked.headers["webhook-id"]) == ("POST", "/hook", b"{}", "m1")
    assert asked.headers["content-length"] == "2"


def test_the_environment_sets_no_proxy(client: GuardedClient, there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert client.fetch(there.url(), most_bytes=9).content == b"ok"


def certificate(folder: Path, name: str) -> Path:
    """Write a key and a certificate of its own for a name, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))])
    made = (
        x509.CertificateBuilder().subject_name(whose).issuer_name(whose).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    place = folder / f"{name}.pem"
    place.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return place


def test_the_certificate_is_checked_for_the_name(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "hooks.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=str(pem))
    with receiver(server) as there:
        hosts = Rules.of(hosts=[f"{name}:{there.port}" for name in ("hooks.example", "other.example")])
        client = GuardedClient(hosts, context=trusting, resolve=lambda *_: ["127.0.0.1"])
        assert client.fetch(f"https://hooks.example:{there.port}/", most_bytes=9).content == b"ok"
        assert refused(client, f"https://other.example:{there.port}/").reason == "tls"
        stranger = GuardedClient(hosts, resolve=lambda *_: ["127.0.0.1"])
        assert refused(stranger, f"https://hooks.example:{there.port}/").reason == "tls"

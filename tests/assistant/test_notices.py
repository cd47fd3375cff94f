"""Agents hear by e-mail that a human is asked for; a mail server that does not answer stops nothing."""

import socketserver
import threading
from collections.abc import Iterator
from uuid import UUID

import pytest

from adapters.assistant.notices import MailNotifier, MailSettings

THREAD = UUID("5f2f6f0a-6c3e-5d0c-9d0b-8f7a3f0f5c11")


class MailServer(socketserver.ThreadingTCPServer):
    """Takes every mail, as a mail server that asks for nothing."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mails: list[str] = []


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, MailServer)
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(mail.decode())
            self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_all_agents_get_one_mail(server: MailServer) -> None:
    url = f"smtp://127.0.0.1:{server.server_address[1]}"
    MailNotifier(MailSettings(url, ["omar@nile.example", "sara@nile.example"])).tell(THREAD, THREAD, "a machine writes")
    (mail,) = server.mails
    assert "To: omar@nile.example, sara@nile.example" in mail
    assert str(THREAD) in mail
    assert "a machine writes" in mail


def test_a_mail_server_that_is_away_stops_nothing() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), _Handler) as taken:
        port = taken.server_address[1]
    MailNotifier(MailSettings(f"smtp://127.0.0.1:{port}", ["omar@nile.example"]), timeout_s=1).tell(THREAD, THREAD, "x")

"""Mail to agents: handed in once under a name of its own; what a server says is told apart from silence."""

import socketserver
import threading
from collections.abc import Iterator
from uuid import UUID

import pytest

from adapters.assistant.notices import MailSettings, SmtpMail
from application.ports.notices import MailRefused
from tests.assistant.mailbox import MailServer

NOTICE = UUID("5f2f6f0a-6c3e-5d0c-9d0b-8f7a3f0f5c11")
AGENTS = ["omar@nile.example", "sara@nile.example"]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_all_who_are_told_get_one_mail_and_a_repeat_has_its_name(server: MailServer) -> None:
    mail = SmtpMail(MailSettings(server.url, sender="masar@nile.example"))
    for _ in range(2):
        mail.send(NOTICE, AGENTS, "Mona is waiting", "مرحبا, a machine writes\n")
    first, again = server.mails
    assert (first["To"], first["Subject"]) == ("omar@nile.example, sara@nile.example", "Mona is waiting")
    assert first["Message-ID"] == again["Message-ID"] == f"<{NOTICE}@nile.example>"
    assert first.get_content().strip() == "مرحبا, a machine writes"


@pytest.mark.parametrize(("answer", "lasting"), [("550 no such user", True), ("451 try later", False)])
def test_an_address_that_is_refused(server: MailServer, answer: str, lasting: bool) -> None:
    server.refuses = answer
    with pytest.raises(MailRefused) as refused:
        SmtpMail(MailSettings(server.url)).send(NOTICE, AGENTS, "x", "x")
    assert refused.value.lasting is lasting


def test_a_mail_server_that_is_away_may_come_back() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.StreamRequestHandler) as taken:
        port = taken.server_address[1]
    with pytest.raises(MailRefused) as refused:
        SmtpMail(MailSettings(f"smtp://127.0.0.1:{port}"), timeout_s=1).send(NOTICE, AGENTS, "x", "x")
    assert not refused.value.lasting

"""Tells agents by e-mail that a customer asks for a human; the list of the API tells it in any case."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit
from uuid import UUID

import structlog

TIMEOUT_S = 10.0
SENDER = "masar@localhost"
SUBJECT = "A customer asks for a human"
TEXT = """In the conversation {thread} a human is asked for: {why}.
Take it over: POST /api/conversations/{thread}/takeover
"""

log = structlog.get_logger("masar.notices")


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where mail is handed in, `smtp://` or `smtps://` with user and password where needed, from whom and to whom."""

    url: str = field(repr=False)
    to: Sequence[str] = ()
    sender: str = SENDER


@dataclass(frozen=True, slots=True)
class MailNotifier:
    """The Notifier by SMTP. Nothing about the customer is in the mail but the id of the thread."""

    settings: MailSettings
    timeout_s: float = TIMEOUT_S

    def tell(self, brokerage_id: UUID, thread_id: UUID, why: str) -> None:
        """Send one mail to all; what goes wrong is logged."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.settings.sender, ", ".join(self.settings.to), SUBJECT
        mail.set_content(TEXT.format(thread=thread_id, why=why))
        try:
            self._hand_in(mail)
        except (smtplib.SMTPException, OSError) as error:
            log.warning("notice_not_sent", thread_id=str(thread_id), error=type(error).__name__)

    def _hand_in(self, mail: EmailMessage) -> None:
        with self._server() as server:
            server.ehlo()
            where = urlsplit(self.settings.url)
            if where.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
            if where.username:
                server.login(unquote(where.username), unquote(where.password or ""))
            server.send_message(mail)

    def _server(self) -> smtplib.SMTP:
        where = urlsplit(self.settings.url)
        host = where.hostname or "localhost"
        if where.scheme == "smtps":
            return smtplib.SMTP_SSL(
                host, where.port or 465, timeout=self.timeout_s, context=ssl.create_default_context()
            )  # fmt: skip
        return smtplib.SMTP(host, where.port or 25, timeout=self.timeout_s)

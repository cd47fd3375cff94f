"""Mail to agents by SMTP."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit
from uuid import UUID

from application.ports.notices import MailRefused

TIMEOUT_S = 10.0
SENDER = "masar@localhost"
OURS_TO_MEND = frozenset({530, 534, 535, 538})
"""Refusals of who hands mail in: another password mends them. Source: RFC 4954, section 6."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where mail is handed in, `smtp://` or `smtps://` with user and password where needed, from whom.

    `to` are told where a brokerage has set no agents.
    """

    url: str = field(repr=False)
    to: Sequence[str] = ()
    sender: str = SENDER


@dataclass(frozen=True, slots=True)
class SmtpMail:
    """The Mail by SMTP."""

    settings: MailSettings
    timeout_s: float = TIMEOUT_S

    def send(self, notice_id: UUID, to: Sequence[str], subject: str, text: str) -> None:
        """Hand one mail in. Raises MailRefused."""
        mail, sender = EmailMessage(), self.settings.sender
        mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(to), subject
        mail["Message-ID"] = f"<{notice_id}@{sender.rpartition('@')[2]}>"
        mail.set_content(text)
        try:
            self._hand_in(mail)
        except smtplib.SMTPRecipientsRefused as no:
            lasting = all(code >= 500 for code, _ in no.recipients.values())
            raise MailRefused("the mail server knows no such address", lasting=lasting) from None
        except smtplib.SMTPResponseException as no:
            lasting = no.smtp_code >= 500 and no.smtp_code not in OURS_TO_MEND
            raise MailRefused(f"the mail server refused it with {no.smtp_code}", lasting=lasting) from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailRefused(f"the mail server does not answer: {type(error).__name__}", lasting=False) from None

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

"""Sending e-mail: the only place that imports the SMTP library. Off while no server is named."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

import aiosmtplib

SECONDS = 20.0


class MailFailed(Exception):
    """The server did not take a message. The text never holds the address of the server or its password."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message. `key` makes its Message-ID, so that a message sent twice is shown once."""

    to: str
    subject: str
    text: str
    key: str


class Mailer:
    """Sends through the server of `SMTP_URL`: `smtp://user:password@host:587`, or `smtps://` for TLS from the start."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.on = bool(parts.hostname)
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None

    @property
    def sender(self) -> str:
        """The address that messages come from."""
        return self._user if self._user and "@" in self._user else f"ponte@{self._host}"

    async def send(self, mail: Mail) -> None:
        """Returns once the server has taken it. Raises MailFailed."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, mail.to, mail.subject
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{mail.key}@{self._host}>"
        message.set_content(mail.text)
        try:
            await aiosmtplib.send(
                message, hostname=self._host, port=self._port, username=self._user, password=self._password,
                use_tls=self._tls, timeout=SECONDS,
            )  # fmt: skip
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
            raise MailFailed(type(problem).__name__) from None

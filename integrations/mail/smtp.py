"""Sends one-time codes by SMTP (RFC 5321) through the practice's own mail server."""

from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from booking.ports import Clock
from booking.refusals import EmailNotSent

# A healthy mail server answers within a second or two, and the guest waits for it.
TIMEOUT_SECONDS = 10.0

# RFC 8314: submission with TLS from the start, and with STARTTLS.
_PORTS = {"smtps": 465, "smtp": 587}

# Replies from this code on are permanent failures: RFC 5321, 4.2.1.
_PERMANENT = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """The submission server, and the credentials for it."""

    host: str
    port: int
    tls_from_start: bool  # else STARTTLS
    user: str | None
    password: str | None = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Self:
        """Parse `smtps://user:password@host:465` or `smtp://…:587`. Raises ValueError, whose text never contains the URL."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise ValueError("must be smtps://user:password@host or smtp://user:password@host") from None
        if not host or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(
                "must be smtps://user:password@host or smtp://user:password@host, perhaps with a port, and no more"
            )
        return cls(
            host=host,
            port=port,
            tls_from_start=parts.scheme == "smtps",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


class SmtpCodes:
    """The port CodeSender over SMTP."""

    def __init__(self, *, server: MailServer, sender: str, clock: Clock, needs_tls: bool = True) -> None:
        """`sender` is a From field: an address, optionally with a name. `needs_tls=False` allows a server without TLS."""
        self._server = server
        self._sender = sender
        self._clock = clock
        self._needs_tls = needs_tls

    async def send(self, email: str, code: str, *, good_for: timedelta) -> None:
        """Mail the code. Raises EmailNotSent when the server cannot be reached, or answers with a transient failure.

        An address that the server refuses permanently (5yz, RFC 5321, 4.2.1) is treated as accepted: the answer must not reveal which
        mailboxes exist in the practice's own domain, and such a mail counts towards limits like any other.
        """
        server = self._server
        try:
            await aiosmtplib.send(
                self._message(email, code, good_for),
                sender=parseaddr(self._sender)[1],
                recipients=[email],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.tls_from_start,
                start_tls=False if server.tls_from_start else True if self._needs_tls else None,
                timeout=TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if _refused_permanently(error):
                log.info("mail.recipient_refused")
                return
            # The error may contain the address: only its type is logged.
            log.warning("mail.not_sent", error=type(error).__name__)
            raise EmailNotSent from None

    def _message(self, email: str, code: str, good_for: timedelta) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = email
        message["Subject"] = "Your confirmation code"
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = make_msgid(domain=parseaddr(self._sender)[1].rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(
            f"Your code is {code}\n\n"
            f"Type it where you are booking your visit. It is good for {good_for.total_seconds() / 60:.0f} minutes.\n"
            "If you are not booking a visit, do nothing: without the code nobody can use this address.\n"
        )
        return message


def _refused_permanently(error: Exception) -> bool:
    refused = error.recipients if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else ()
    return bool(refused) and all(one.code >= _PERMANENT for one in refused)

"""One-time codes handed to a mail server on a real port: who they are from and for, and what becomes of those that are not taken."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from structlog.testing import capture_logs

from booking.refusals import EmailNotSent
from integrations.mail.smtp import MailServer, SmtpCodes
from tests.doubles.mail_server import MailServer as Received
from tests.plugins.stack import RunningClock

SENDER = "Sample Practice <no-reply@practice.example>"
MAILBOX = "sample.guest@example.com"
TEN_MINUTES = timedelta(minutes=10)


def codes(url: str, *, needs_tls: bool = False) -> SmtpCodes:
    clock = RunningClock(datetime(2027, 1, 4, 15, tzinfo=UTC))
    return SmtpCodes(server=MailServer.of(url), sender=SENDER, clock=clock, needs_tls=needs_tls)


async def test_a_code_is_handed_in_for_the_address_alone(mail: Received) -> None:
    await codes(mail.url).send(MAILBOX, "123456", good_for=TEN_MINUTES)
    ((recipient, sent),) = mail.received
    assert isinstance(sent, EmailMessage)
    assert (recipient, sent["To"], sent["From"]) == (MAILBOX, MAILBOX, SENDER)
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["Date"].startswith("Mon, 04 Jan 2027 15:00")
    assert re.fullmatch(r"<[^@]+@practice\.example>", sent["Message-ID"])
    assert "123456" in sent.get_content()
    assert "10 minutes" in sent.get_content()


async def test_what_is_not_taken_says_so_and_names_nobody(mail: Received) -> None:
    mail.refusing = "451 try again later"
    with capture_logs() as logs, pytest.raises(EmailNotSent) as told:
        await codes(mail.url).send(MAILBOX, "123456", good_for=TEN_MINUTES)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__
    assert [one["event"] for one in logs] == ["mail.not_sent"]
    assert not {MAILBOX, "123456"} & set(re.split(r"[\s'\"]", str(logs) + str(told.value)))


async def test_a_mailbox_that_there_is_not_is_answered_as_one_that_there_is(mail: Received) -> None:
    mail.refusing = "550 no such mailbox"
    with capture_logs() as logs:
        await codes(mail.url).send(MAILBOX, "123456", good_for=TEN_MINUTES)
    assert logs == [{"event": "mail.recipient_refused", "log_level": "info"}]
    assert mail.received == []


async def test_a_server_that_is_not_there_is_told(mail: Received) -> None:
    gone = await asyncio.start_server(mail.serve, "127.0.0.1", 0)
    port = gone.sockets[0].getsockname()[1]
    gone.close()
    await gone.wait_closed()
    with pytest.raises(EmailNotSent):
        await codes(f"smtp://127.0.0.1:{port}").send(MAILBOX, "123456", good_for=TEN_MINUTES)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_nothing_leaves_in_the_clear(mail: Received, scheme: str) -> None:
    """A server that offers no TLS is not handed a code where TLS is needed, which is everywhere but in development."""
    url = mail.url.replace("smtp:", f"{scheme}:")
    with pytest.raises(EmailNotSent):
        await asyncio.wait_for(codes(url, needs_tls=True).send(MAILBOX, "123456", good_for=TEN_MINUTES), 30)
    assert mail.received == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example", ("mail.example", 465, True, None, None)),
        ("smtp://mail.example", ("mail.example", 587, False, None, None)),
        ("smtp://me%40x:p%2Fw@mail.example:2525", ("mail.example", 2525, False, "me@x", "p/w")),
        ("smtps://[::1]:466/", ("::1", 466, True, None, None)),
    ],
)
def test_a_server_is_named_by_a_url(url: str, server: tuple[object, ...]) -> None:
    found = MailServer.of(url)
    assert (found.host, found.port, found.tls_from_start, found.user, found.password) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "https://mail.example",
        "smtp://:99",
        "smtp://x:y",
        "smtp://mail.example/p?q",
        "smtp://[::1",
    ],
)
def test_what_names_no_server_is_refused_unrepeated(url: str) -> None:
    with pytest.raises(ValueError, match="must be smtps://user:password@host") as told:
        MailServer.of(url)
    assert not url or url not in str(told.value)

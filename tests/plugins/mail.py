"""`mail`: a mail server of the practice's, for one test."""

from collections.abc import AsyncIterator

import pytest

from tests.doubles.mail_server import MailServer, mail_server


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server

"""A mail server on a real port: it speaks enough of RFC 5321 to be handed mail, and keeps what it got."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

_CODE = re.compile(r"\b[0-9]{6}\b")


@dataclass(kw_only=True)
class MailServer:
    """What came in; `refusing` is the reply to every recipient, where it is not taken."""

    port: int = 0
    refusing: str | None = None  # such as `550 no such mailbox`
    received: list[tuple[str, EmailMessage]] = field(default_factory=list)  # recipient and mail

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def code(self) -> str:
        """The code of the latest mail."""
        _, mail = self.received[-1]
        found = _CODE.search(mail.get_content())
        assert found
        return found[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""

        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 mail.example ESMTP")
        recipient = ""
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
            if verb == "DATA":
                await say("354 go on")
                raw = await reader.readuntil(b"\r\n.\r\n")
                mail = message_from_bytes(raw.removesuffix(b".\r\n"), policy=policy.SMTP)
                assert isinstance(mail, EmailMessage)
                self.received.append((recipient, mail))
            refused = self.refusing if verb == "RCPT" else None
            await say(refused or ("221 bye" if verb == "QUIT" else "250 ok"))
            if verb == "QUIT":
                break
        writer.close()


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """A server on a free port of this machine."""
    mail = MailServer()
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0)
    mail.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mail

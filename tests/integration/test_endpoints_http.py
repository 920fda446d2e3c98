"""Endpoints over real HTTP: what they receive verifies with the package of Standard Webhooks, and no answer of theirs does harm."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection, create_server

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from booking.events.deliveries import DeliveryFailed, Endpoint, EndpointGone, Secret
from booking.events.model import DomainEvent, EventName
from booking.resources import Kind, Party, Resource
from gateway.clock import SystemClock
from integrations.endpoints.addresses import OutboundAddressPolicy
from integrations.endpoints.sending import HttpEndpoint, PinnedTransport, open_network
from tests.integration.event_receiver import Receiver, serving

SECRETS = [f"whsec_{delivery * 43}=" for delivery in "AB"]
NAME = "hooks.example.com"

EVENT = DomainEvent(
    id="evt_0123456789abcdef",
    name=EventName.APPOINTMENT_CANCELLED,
    at=datetime(2027, 1, 4, 15, 0, tzinfo=UTC),
    resource=Resource(kind=Kind.VISIT, id="7"),
    ids={"appointment": "7", "patient": "501", "clinician": "101"},
    by=Party.PATIENT,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    with serving(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def receiver(server: Receiver) -> Receiver:
    server.answer = None
    server.got.clear()
    return server


def an_endpoint(url: str, *secrets: Secret) -> Endpoint:
    return Endpoint(
        id="ep_sample",
        url=url,
        events=None,
        secrets=secrets or (Secret(text=SECRETS[0]),),
        created_at=EVENT.at,
    )


@asynccontextmanager
async def reached(
    endpoint: Endpoint, *, allow_loopback: bool = True, seconds: float = 5.0
) -> AsyncIterator[HttpEndpoint]:
    async with PinnedTransport(
        outbound_address_policy=OutboundAddressPolicy(allow_loopback=allow_loopback), inner=open_network()
    ) as transport:
        yield HttpEndpoint(endpoint, transport=transport, timeout=seconds, clock=SystemClock())


async def deliver(receiver: Receiver, *secrets: Secret, seconds: float = 5.0) -> None:
    url = f"http://127.0.0.1:{receiver.port}/in"
    async with reached(an_endpoint(url, *secrets), seconds=seconds) as subscriber:
        await subscriber.deliver(EVENT)


async def test_an_event_verifies_and_holds_its_name_id_time_and_ids_and_nothing_else(
    receiver: Receiver,
) -> None:
    await deliver(receiver)
    ((headers, body),) = receiver.got
    assert Webhook(SECRETS[0]).verify(body, headers) == {
        "type": "appointment.cancelled",
        "id": EVENT.id,
        "timestamp": "2027-01-04T15:00:00+00:00",
        "data": {"appointment": "7", "patient": "501", "clinician": "101", "by": "patient"},
    }
    assert headers["webhook-id"] == EVENT.id
    assert headers["content-type"] == "application/json"


async def test_a_changed_body_or_another_secret_does_not_verify(receiver: Receiver) -> None:
    await deliver(receiver)
    ((headers, body),) = receiver.got
    for secret, changed in ((SECRETS[0], body + b" "), (SECRETS[1], body)):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(changed, headers)


async def test_during_a_rotation_it_verifies_by_either_secret_and_by_the_new_one_alone_afterwards(
    receiver: Receiver,
) -> None:
    soon = datetime.now(tz=UTC) + timedelta(hours=1)
    await deliver(receiver, Secret(text=SECRETS[1]), Secret(text=SECRETS[0], until=soon))
    await deliver(receiver, Secret(text=SECRETS[1]), Secret(text=SECRETS[0], until=soon - timedelta(hours=2)))
    (during, body), (after, _) = receiver.got
    for secret in SECRETS:
        Webhook(secret).verify(body, during)
    Webhook(SECRETS[1]).verify(body, after)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS[0]).verify(body, after)


async def test_nothing_is_sent_unsigned(receiver: Receiver) -> None:
    past = datetime.now(tz=UTC) - timedelta(hours=1)
    with pytest.raises(DeliveryFailed, match="secret_unreadable"):
        await deliver(receiver, Secret(text=SECRETS[0], until=past))
    assert receiver.got == []


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
async def test_what_is_not_a_2xx_is_not_taken(receiver: Receiver, status: int) -> None:
    async def answer(_: Request) -> Response:
        return Response(status_code=status)

    receiver.answer = answer
    with pytest.raises(DeliveryFailed, match=f"http_{status}"):
        await deliver(receiver)


async def test_410_says_that_no_more_is_wanted(receiver: Receiver) -> None:
    async def answer(_: Request) -> Response:
        return Response(status_code=410)

    receiver.answer = answer
    with pytest.raises(EndpointGone):
        await deliver(receiver)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_wherever_it_leads(receiver: Receiver, status: int) -> None:
    async def answer(request: Request) -> Response:
        target = f"http://127.0.0.1:{receiver.port}/elsewhere"
        return Response(status_code=status, headers={"Location": target})

    receiver.answer = answer
    with pytest.raises(DeliveryFailed, match=f"http_{status}"):
        await deliver(receiver)
    assert len(receiver.got) == 1


async def test_whoever_does_not_answer_is_left_in_time(receiver: Receiver) -> None:
    async def answer(_: Request) -> Response:
        await asyncio.sleep(3)
        return Response()

    receiver.answer = answer
    with pytest.raises(DeliveryFailed, match="timeout"):
        await deliver(receiver, seconds=0.2)


async def test_an_endless_answer_is_taken_by_its_status_and_not_read(receiver: Receiver) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536
            await asyncio.sleep(0)  # lets the server see that nobody listens

    async def answer(_: Request) -> Response:
        return StreamingResponse(endless())

    receiver.answer = answer
    await deliver(receiver)


async def test_nobody_there_is_not_told_and_the_url_is_in_no_error() -> None:
    listener = create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    async with reached(an_endpoint(f"http://127.0.0.1:{port}/canary")) as subscriber:
        with pytest.raises(DeliveryFailed) as caught:
            await subscriber.deliver(EVENT)
    assert str(caught.value) == "ConnectError"
    assert caught.value.__cause__ is None


async def test_without_the_switch_of_development_loopback_hears_nothing(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/"
    async with reached(an_endpoint(url), allow_loopback=False) as subscriber:
        with pytest.raises(DeliveryFailed, match="address_refused"):
            await subscriber.deliver(EVENT)
    assert receiver.got == []


async def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await deliver(receiver)
    assert len(receiver.got) == 1


@pytest.mark.parametrize(("certified", "taken"), [(NAME, True), ("other.example.com", False)])
async def test_the_certificate_is_checked_for_the_name_though_the_connection_goes_to_the_address(
    tmp_path: Path, *, certified: str, taken: bool
) -> None:
    certificate, key = self_signed(certified, tmp_path)
    trusting = httpx2.AsyncHTTPTransport(
        trust_env=False, verify=ssl.create_default_context(cafile=certificate)
    )

    async def resolve(host: str, port: int) -> list[str]:
        assert host == NAME
        return ["127.0.0.1"]

    with serving(Receiver(), certificate=certificate, key=key) as receiver:
        outbound_address_policy = OutboundAddressPolicy(allow_loopback=True, resolve=resolve)
        async with PinnedTransport(
            outbound_address_policy=outbound_address_policy, inner=trusting
        ) as transport:
            subscriber = HttpEndpoint(
                an_endpoint(f"https://{NAME}:{receiver.port}/in"),
                transport=transport,
                timeout=5,
                clock=SystemClock(),
            )
            if taken:
                await subscriber.deliver(EVENT)
                assert receiver.got[0][0]["host"] == f"{NAME}:{receiver.port}"
            else:
                with pytest.raises(DeliveryFailed, match="ConnectError"):
                    await subscriber.deliver(EVENT)
        assert len(receiver.got) == taken


def self_signed(name: str, directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "certificate.pem", directory / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(receiver: Receiver) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    endpoint = an_endpoint(f"http://hooks.example.com:{receiver.port}/in")
    outbound_address_policy = OutboundAddressPolicy(allow_loopback=True, resolve=resolve)
    with (
        create_server(("127.0.0.2", receiver.port), backlog=0) as full,
        create_connection(full.getsockname()),  # takes the one place there is: who comes next is not answered
    ):
        async with PinnedTransport(
            outbound_address_policy=outbound_address_policy, inner=open_network(), connect_seconds=0.2
        ) as transport:
            await HttpEndpoint(endpoint, transport=transport, timeout=5.0, clock=SystemClock()).deliver(EVENT)
    assert len(receiver.got) == 1

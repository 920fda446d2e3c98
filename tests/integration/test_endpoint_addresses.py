"""Nothing is sent to an address that is not of the public Internet, however it is written and whatever name leads there."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import pytest

from booking.errors import InvalidInput
from integrations.endpoints.addresses import AddressRefused, NameUnknown, OutboundAddressPolicy
from integrations.endpoints.sending import PinnedTransport
from integrations.endpoints.urls import check

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]

# Each as it would stand in a URL; the resolver reads them all.
REFUSED = [
    "0.0.0.0",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "localhost",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "2852039166",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


class Names:
    """A resolver that answers from a list, one answer after another."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0)


class Wire(httpx2.AsyncBaseTransport):
    """Notes where requests would go."""

    def __init__(self, *, unreachable: Sequence[str] = (), answers: httpx2.Response | None = None) -> None:
        self.sent: list[httpx2.Request] = []
        self._unreachable = unreachable
        self._answers = answers or httpx2.Response(200)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        if request.url.host in self._unreachable:
            raise httpx2.ConnectError("refused")
        return self._answers


@pytest.mark.parametrize("host", REFUSED)
async def test_what_only_we_can_reach_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(AddressRefused):
        await OutboundAddressPolicy(allow_loopback=False).admit(host, 443)


@pytest.mark.parametrize("address", REFUSED)
async def test_a_name_that_leads_there_is_refused_even_if_it_leads_elsewhere_too(address: str) -> None:
    for found in ([address], [*PUBLIC, address]):
        with pytest.raises(AddressRefused):
            await OutboundAddressPolicy(allow_loopback=False, resolve=Names(found)).admit(
                "hooks.example.com", 443
            )


@pytest.mark.parametrize("address", [*PUBLIC, "64:ff9b::8.8.8.8"])
async def test_the_public_internet_is_let_through(address: str) -> None:
    assert await OutboundAddressPolicy(allow_loopback=False, resolve=Names([address])).admit(
        "hooks.example.com", 443
    ) == [address]


async def test_the_switch_of_development_lets_loopback_through_and_nothing_else() -> None:
    outbound_address_policy = OutboundAddressPolicy(allow_loopback=True)
    for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert await outbound_address_policy.admit(host, 80)
    for host in ("10.0.0.1", "169.254.169.254", "fe80::1", "0.0.0.0"):
        with pytest.raises(AddressRefused):
            await outbound_address_policy.admit(host, 80)


async def test_a_name_is_looked_up_once_and_the_connection_is_made_to_what_was_checked() -> None:
    names, wire = Names(["93.184.215.14"], ["127.0.0.1"]), Wire()
    transport = PinnedTransport(
        outbound_address_policy=OutboundAddressPolicy(allow_loopback=False, resolve=names), inner=wire
    )
    request = httpx2.Request("POST", "https://hooks.example.com/in?a=1", content="x")
    await transport.handle_async_request(request)
    (sent,) = wire.sent
    assert str(sent.url) == "https://93.184.215.14/in?a=1"
    assert sent.headers["Host"] == "hooks.example.com"
    assert sent.extensions["sni_hostname"] == "hooks.example.com"
    assert names.asked == [("hooks.example.com", 443)]

    with pytest.raises(AddressRefused):  # the name has moved: it is checked at every request
        await transport.handle_async_request(request)
    assert len(wire.sent) == 1


async def test_the_next_address_is_tried_where_one_cannot_be_connected_to() -> None:
    wire = Wire(unreachable=PUBLIC[:1])
    outbound_address_policy = OutboundAddressPolicy(allow_loopback=False, resolve=Names(PUBLIC))
    transport = PinnedTransport(outbound_address_policy=outbound_address_policy, inner=wire)
    response = await transport.handle_async_request(
        httpx2.Request("POST", "http://hooks.example.com:8080/", content="x")
    )
    assert response.status_code == 200
    assert [sent.url.host for sent in wire.sent] == PUBLIC[:2]
    assert wire.sent[1].headers["Host"] == "hooks.example.com:8080"


async def test_ipv6_is_connected_to_as_well() -> None:
    wire = Wire()
    outbound_address_policy = OutboundAddressPolicy(allow_loopback=False, resolve=Names([PUBLIC[2]]))
    await PinnedTransport(outbound_address_policy=outbound_address_policy, inner=wire).handle_async_request(
        httpx2.Request("POST", "https://hooks.example.com/", content="x")
    )
    assert wire.sent[0].url.host == PUBLIC[2]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "not an https URL"),
        ("https://", "not an https URL"),
        ("http://hooks.example.com/", "not an https URL"),
        ("ftp://hooks.example.com/", "not an https URL"),
        ("https://hooks.example.com:port/", "not a URL"),
        ("https://someone:word@hooks.example.com/", "password"),
        ("https://hooks.example.com/#part", "fragment"),
        ("https://127.0.0.1/", "public Internet"),
        ("https://[::ffff:10.0.0.1]/", "public Internet"),
        ("https://2130706433/", "public Internet"),
    ],
)
async def test_a_url_that_nothing_will_be_sent_to_is_refused_with_a_reason(url: str, why: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await check(
            url, outbound_address_policy=OutboundAddressPolicy(allow_loopback=False), allow_http=False
        )
    assert why in caught.value.reason


async def test_a_name_that_stands_for_nothing_is_said_to() -> None:
    with pytest.raises(NameUnknown):
        await OutboundAddressPolicy(allow_loopback=False, resolve=Names([])).admit("hooks.example.com", 443)
    outbound_address_policy = OutboundAddressPolicy(allow_loopback=False, resolve=Names([]))
    with pytest.raises(InvalidInput, match="stands for no address"):
        await check(
            "https://hooks.example.com/", outbound_address_policy=outbound_address_policy, allow_http=False
        )


@contextlib.contextmanager
def dead_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A name whose servers say nothing: whoever looks it up waits, in a thread that nobody can end."""
    name, over, look_up = "dead.example.com", threading.Event(), socket.getaddrinfo

    def waits(host: Any, *args: Any, **more: Any) -> Any:
        if host == name:
            over.wait()
            raise OSError
        return look_up(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", waits)
    try:
        yield name
    finally:
        over.set()


async def test_a_name_whose_servers_are_dead_keeps_nobody_else_from_looking_theirs_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outbound_address_policy = OutboundAddressPolicy(allow_loopback=True)
    with dead_name(monkeypatch) as name:
        waiting = [asyncio.create_task(outbound_address_policy.admit(name, 443)) for _ in range(100)]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert await outbound_address_policy.admit("127.0.0.1", 443) == ["127.0.0.1"]
            # As all else in the process finds its servers, Healthie and the database among them.
            assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 443)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

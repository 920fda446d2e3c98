"""Which network a request comes from: the proxy's own word, made unreadable."""

from typing import Any

import pytest
import structlog
from starlette.datastructures import Headers

from booking.principals import block_of
from gateway.callers.authentication import Authenticator
from gateway.callers.client_networks import NetworkPseudonyms, UnreadableAddresses
from gateway.callers.tokens import GatewayTokens, NoSignIn

HEADER = "X-Forwarded-For"
NAMES = NetworkPseudonyms(header=HEADER, key=b"only for tests")


def name(value: str) -> str | None:
    return NAMES.name(Headers({HEADER: value}))


def test_the_last_address_counts_since_a_client_can_write_the_others() -> None:
    assert name("203.0.113.9, 198.51.100.7") == name("198.51.100.7") != name("203.0.113.9")


def test_the_last_line_counts_since_a_proxy_may_add_its_own_below_the_clients() -> None:
    lines = [(HEADER.lower().encode(), value) for value in (b"203.0.113.9", b"198.51.100.7")]
    assert NAMES.name(Headers(raw=lines)) == name("198.51.100.7")


def test_ipv4_in_the_clothes_of_ipv6_is_the_same_client_and_no_network_of_everybody() -> None:
    assert name("::ffff:198.51.100.7") == name("198.51.100.7") != name("::ffff:203.0.113.9")


def test_one_customer_of_an_ipv6_network_is_one_client() -> None:
    assert name("2001:db8:1:2::1") == name("2001:db8:1:2:ffff::9") != name("2001:db8:1:3::1")


@pytest.mark.parametrize(
    ("one", "near", "far"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:ffff::1", "2001:db8:2:2::1"),
        ("198.51.100.7", "198.51.100.250", "198.51.101.7"),
    ],
    ids=["IPv6 /48", "IPv4 /24"],
)
def test_the_name_begins_with_that_of_the_block_that_one_customer_may_have(
    one: str, near: str, far: str
) -> None:
    here, there, elsewhere = (name(address) or "" for address in (one, near, far))
    assert len({here, there, elsewhere}) == 3
    assert block_of(here) == block_of(there) != block_of(elsewhere)


def test_the_name_is_unreadable() -> None:
    told = name("198.51.100.7")
    assert told is not None
    assert len(bytes.fromhex(told)) == 32
    assert told != NetworkPseudonyms(header=HEADER, key=b"another").name(Headers({HEADER: "198.51.100.7"}))
    assert "only for tests" not in repr(NAMES)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("198.51.100.7:8080", "198.51.100.7"),
        ("203.0.113.9:1, 198.51.100.7:65535", "198.51.100.7"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::1"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::1"),
        ("[::ffff:198.51.100.7]:443", "198.51.100.7"),
    ],
)
def test_the_port_that_a_proxy_adds_makes_no_other_client(written: str, address: str) -> None:
    assert name(written) == name(address) is not None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "unknown",
        "_hidden",
        "198.51.100.7, nonsense",
        "198.51.100.7:",
        "198.51.100.7:http",
        "198.51.100.7:123456",
        "198.51.100.7:80:80",
        "[198.51.100.7]:80",
        "[2001:db8::1",
        "2001:db8::1]:443",
        "[2001:db8::1]443",
        "[2001:db8::1]:",
        "[[2001:db8::1]]",
        "fe80::1%eth0",
        "[fe80::1%25eth0]:443",
        "for=198.51.100.7",
    ],
)
def test_what_is_no_address_names_nobody(value: str) -> None:
    assert name(value) is None


class TestUnreadableAddresses:
    """Nothing that counts by network holds for them, and the operator is to know."""

    def told(self, networks: NetworkPseudonyms, *values: str | None) -> list[Any]:
        with structlog.testing.capture_logs() as logs:
            for value in values:
                networks.name(Headers({} if value is None else {HEADER: value}))
        return logs

    def test_are_told_once_a_minute_and_not_repeated(self) -> None:
        now = [0.0]
        networks = NetworkPseudonyms(
            header=HEADER, key=b"k", unreadable=UnreadableAddresses(time=lambda: now[0])
        )
        first = self.told(networks, "198.51.100.7", "for=198.51.100.8", "for=198.51.100.9")
        assert first == [
            {
                "event": "networks.address_unreadable",
                "log_level": "warning",
                "header": HEADER,
                "missing": False,
            }
        ]
        now[0] = 59.9
        assert self.told(networks, "unknown") == []
        now[0] = 60
        (again,) = self.told(networks, None, None)
        assert again["missing"] is True

    def test_are_none_where_no_header_is_named(self) -> None:
        assert self.told(NetworkPseudonyms(header=None, key=b"k"), "unknown", None) == []


def test_without_a_proxys_header_nobody_is_told_apart() -> None:
    assert NetworkPseudonyms(header=None, key=b"k").name(Headers({HEADER: "198.51.100.7"})) is None


async def test_a_caller_bears_the_name() -> None:
    tokens = GatewayTokens(secret="only-for-tests-" * 4)
    authenticator = Authenticator(tokens=tokens, verifier=NoSignIn(), networks=NAMES)
    headers = Headers({"frontdoor-visitor": tokens.visitor(), HEADER: "198.51.100.7"})
    caller = await authenticator.caller(headers)
    assert caller is not None
    assert caller.client == name("198.51.100.7")

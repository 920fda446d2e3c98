"""Which network a request comes from: the proxy's own word, made unreadable."""

import pytest
from starlette.datastructures import Headers

from gateway.authentication import Authenticator
from gateway.clients import ClientNames
from gateway.tokens import GatewayTokens, NoSignIn

HEADER = "X-Forwarded-For"
NAMES = ClientNames(header=HEADER, key=b"only for tests")


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


def test_the_name_is_unreadable() -> None:
    told = name("198.51.100.7")
    assert told is not None
    assert len(bytes.fromhex(told)) == 32
    assert told != ClientNames(header=HEADER, key=b"another").name(Headers({HEADER: "198.51.100.7"}))
    assert "only for tests" not in repr(NAMES)


@pytest.mark.parametrize("value", ["", "unknown", "198.51.100.7, nonsense", "198.51.100.7:8080"])
def test_what_is_no_address_names_nobody(value: str) -> None:
    assert name(value) is None


def test_without_a_proxys_header_nobody_is_told_apart() -> None:
    assert ClientNames(header=None, key=b"k").name(Headers({HEADER: "198.51.100.7"})) is None


async def test_a_caller_bears_the_name() -> None:
    tokens = GatewayTokens(secret="only-for-tests-" * 4)
    authenticator = Authenticator(tokens=tokens, verifier=NoSignIn(), clients=NAMES)
    headers = Headers({"frontdoor-visitor": tokens.visitor(), HEADER: "198.51.100.7"})
    caller = await authenticator.caller(headers)
    assert caller is not None
    assert caller.client == name("198.51.100.7")

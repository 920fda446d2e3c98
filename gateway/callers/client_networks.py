"""Pseudonyms of client networks: what per-network rate limits and quotas count by.

The pseudonym is an HMAC of the client's address, so no address is stored or logged.
"""

import ipaddress
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import structlog

from booking.principals import BLOCK_NAME
from gateway.callers.tokens import keyed_digest
from gateway.headers import Headers

# The prefix that an IPv6 provider assigns to one customer (RFC 6177), who can use any address in it.
_IPV6_CUSTOMER = 64

# What one attacker may control besides, for the price of one machine: a site's IPv6 /48 (RFC 6177), an IPv4 /24 (the longest prefix routed).
_IPV6_BLOCK, _IPV4_BLOCK = 48, 24

# Some proxies add the port; IPv6 is then in brackets (RFC 7239, section 6).
_IPV4_AND_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}")
_IPV6_IN_BRACKETS = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")

# A misconfigured proxy is logged once in this interval, not at every request.
_WARN_SECONDS = 60

# Addresses whose pseudonyms one process remembers, those used last: an app sends several requests in a row.
_REMEMBERED = 4_096

log = structlog.get_logger(__name__)


def last_address(headers: Headers, header: str) -> str:
    """The entry that the proxy itself added: the last one of the header's last line; empty when there is none.

    A proxy may append a header line of its own to those that the client sent (RFC 9110, section 5.3: they form one list).
    """
    return ",".join(headers.getlist(header)).rpartition(",")[2].strip()


def read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parses an address and drops its port. Raises ValueError, also for an address with a zone id (RFC 4007).

    An IPv4-mapped IPv6 address, as dual-stack listeners write it, becomes IPv4: else all of IPv4 would share one /64.
    """
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    if bracketed := _IPV6_IN_BRACKETS.fullmatch(text):
        address = ipaddress.IPv6Address(bracketed[1])
    elif with_port := _IPV4_AND_PORT.fullmatch(text):
        address = ipaddress.IPv4Address(with_port[1])
    else:
        address = ipaddress.ip_address(text)
    if getattr(address, "scope_id", None) is not None:
        raise ValueError("an address with a zone")
    return getattr(address, "ipv4_mapped", None) or address


class UnreadableAddresses:
    """Warns, at most once a minute, that the proxy's header has no address: no network limit applies to such requests."""

    def __init__(self, *, time: Callable[[], float] = time.monotonic) -> None:
        self._time = time
        self._warn_at = -math.inf

    def met(self, *, header: str, missing: bool) -> None:
        """Counts one such request. What the header held is not logged."""
        now = self._time()
        if now >= self._warn_at:
            self._warn_at = now + _WARN_SECONDS
            log.warning("networks.address_unreadable", header=header, missing=missing)


@dataclass(frozen=True, kw_only=True)
class NetworkPseudonyms:
    """Names the network of a request by the address that the proxy writes into `header`; without a header all are unknown."""

    header: str | None
    key: bytes = field(repr=False)
    unreadable: UnreadableAddresses = field(default_factory=UnreadableAddresses, repr=False, compare=False)

    def name(self, headers: Headers) -> str | None:
        """HMACs of the block and of the network (an IPv4 address, an IPv6 /64); None when the address is unknown.

        The last address in the header counts, since the proxy wrote that one. The prefix of BLOCK_NAME characters names the
        surrounding block (see `booking.principals.block_of`).
        """
        if self.header is None:
            return None
        try:
            return self._name_of(last_address(headers, self.header))
        except ValueError:
            self.unreadable.met(header=self.header, missing=headers.get(self.header) is None)
            return None

    @cached_property
    def _name_of(self) -> Callable[[str], str]:
        return lru_cache(maxsize=_REMEMBERED)(self._compute)

    def _compute(self, text: str) -> str:
        address = read_address(text)
        if isinstance(address, ipaddress.IPv6Address):
            network, block = _IPV6_CUSTOMER, _IPV6_BLOCK
        else:
            network, block = address.max_prefixlen, _IPV4_BLOCK
        return self._pseudonym(address, block) + self._pseudonym(address, network)

    def _pseudonym(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int) -> str:
        name = str(ipaddress.ip_network((address, prefix), strict=False))
        return keyed_digest(self.key, name)[:BLOCK_NAME]

"""Which network a request comes from, made unreadable, and the block of addresses around it: what bounds on strangers count by."""

import ipaddress
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from starlette.datastructures import Headers

from booking.principals import BLOCK_NAME
from gateway.callers.tokens import keyed_digest

# An IPv6 network hands out this much to each of its customers (RFC 6177): one of them has as many addresses as they like.
_IPV6_CUSTOMER = 64

# What one customer may have besides, for the price of one machine: a site's IPv6 /48 (RFC 6177), an IPv4 /24 (the least that is routed).
_IPV6_BLOCK, _IPV4_BLOCK = 48, 24

# With a port, as some proxies write them; IPv6 then has brackets (RFC 7239, section 6).
_IPV4_AND_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}")
_IPV6_IN_BRACKETS = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")

# A proxy that writes no address at all is told of this often, and not at each request.
_TELL_SECONDS = 60

log = structlog.get_logger(__name__)


def last_address(headers: Headers, header: str) -> str:
    """What the proxy itself wrote into the header: the last entry of its last line; empty when there is none.

    A proxy may add a line of its own below those that the client sent (RFC 9110, section 5.3: they are one list).
    """
    return ",".join(headers.getlist(header)).rpartition(",")[2].strip()


def read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address, without a port. Raises ValueError, also for one that means something on one machine only (RFC 4007).

    IPv4 that a listener for both kinds writes as IPv6 is IPv4: all of it would be one /64.
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
    """Tells, now and then, that the proxy's word could not be read: no bound of a network holds for such requests."""

    def __init__(self, *, time: Callable[[], float] = time.monotonic) -> None:
        self._time = time
        self._tell_at = -math.inf

    def met(self, *, header: str, missing: bool) -> None:
        """One was met; what it said instead of an address is nobody's business."""
        now = self._time()
        if now >= self._tell_at:
            self._tell_at = now + _TELL_SECONDS
            log.warning("networks.address_unreadable", header=header, missing=missing)


@dataclass(frozen=True, kw_only=True)
class NetworkPseudonyms:
    """Reads the address that the proxy in front of the gateway writes into `header`; without one nobody is told apart."""

    header: str | None
    key: bytes = field(repr=False)
    unreadable: UnreadableAddresses = field(default_factory=UnreadableAddresses, repr=False, compare=False)

    def name(self, headers: Headers) -> str | None:
        """An HMAC of the address (of the whole network, for IPv6). The last address counts: the proxy's own word.

        It begins with the name of the block that the network is a part of (see `booking.principals.block_of`).
        """
        if self.header is None:
            return None
        try:
            address = read_address(last_address(headers, self.header))
        except ValueError:
            self.unreadable.met(header=self.header, missing=self.header not in headers)
            return None
        if isinstance(address, ipaddress.IPv6Address):
            network, block = _IPV6_CUSTOMER, _IPV6_BLOCK
        else:
            network, block = address.max_prefixlen, _IPV4_BLOCK
        return self._hidden(address, block) + self._hidden(address, network)

    def _hidden(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int) -> str:
        name = str(ipaddress.ip_network((address, prefix), strict=False))
        return keyed_digest(self.key, name)[:BLOCK_NAME]

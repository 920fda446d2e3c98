"""Which network a request comes from, made unreadable: what a bound on live holds counts by."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass, field

from starlette.datastructures import Headers

# An IPv6 network hands out this much to each of its customers (RFC 6177): one of them has as many addresses as they like.
_IPV6_CUSTOMER = 64


def last_address(headers: Headers, header: str) -> str:
    """What the proxy itself wrote into the header: the last entry of its last line; empty when there is none.

    A proxy may add a line of its own below those that the client sent (RFC 9110, section 5.3: they are one list).
    """
    return ",".join(headers.getlist(header)).rpartition(",")[2].strip()


def read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address; IPv4 that a listener for both kinds writes as IPv6 is IPv4: all of it would be one /64. Raises ValueError."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


@dataclass(frozen=True, kw_only=True)
class ClientNames:
    """Reads the address that the proxy in front of the gateway writes into `header`; without one nobody is told apart."""

    header: str | None
    key: bytes = field(repr=False)

    def name(self, headers: Headers) -> str | None:
        """An HMAC of the address (of the whole network, for IPv6). The last address counts: the proxy's own word."""
        if self.header is None:
            return None
        try:
            address = read_address(last_address(headers, self.header))
        except ValueError:
            return None
        name = str(address)
        if isinstance(address, ipaddress.IPv6Address):
            name = str(ipaddress.ip_network((address, _IPV6_CUSTOMER), strict=False))
        return hmac.new(self.key, name.encode(), hashlib.sha256).hexdigest()

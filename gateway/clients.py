"""Which network a request comes from, made unreadable: what a bound on live holds counts by."""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

# An IPv6 network hands out this much to each of its customers (RFC 6177): one of them has as many addresses as they like.
_IPV6_CUSTOMER = 64


def last_address(headers: Mapping[str, str], header: str) -> str:
    """What the proxy itself wrote into the header: the last entry; empty when there is none."""
    return headers.get(header, "").rpartition(",")[2].strip()


@dataclass(frozen=True, kw_only=True)
class ClientNames:
    """Reads the address that the proxy in front of the gateway writes into `header`; without one nobody is told apart."""

    header: str | None
    key: bytes = field(repr=False)

    def name(self, headers: Mapping[str, str]) -> str | None:
        """An HMAC of the address (of the whole network, for IPv6). The last address counts: the proxy's own word."""
        if self.header is None:
            return None
        try:
            address = ipaddress.ip_address(last_address(headers, self.header))
        except ValueError:
            return None
        name = str(address)
        if isinstance(address, ipaddress.IPv6Address):
            name = str(ipaddress.ip_network((address, _IPV6_CUSTOMER), strict=False))
        return hmac.new(self.key, name.encode(), hashlib.sha256).hexdigest()

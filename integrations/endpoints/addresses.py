"""SSRF guard: events are sent to public Internet addresses only.

Without it, whoever configures an endpoint could reach private services through the worker. A host name is resolved once, every
address it resolves to is checked, and the connection is made to those addresses (no DNS rebinding in between).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from booking.events.deliveries import DeliveryFailed
from booking.single_flight import SingleFlight

# IPv4 blocks that are not public: the IANA registry of special-purpose addresses (RFC 6890), multicast, reserved blocks, and
# 168.63.129.16, the host service of Azure's virtual machines.
_NOT_PUBLIC_4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

# Of IPv6 only 2000::/3 is allocated; the blocks excluded from it are for documentation, or tunnel to IPv4.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    ipaddress.IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

# IPv6 blocks that embed an IPv4 address: IPv4-mapped (RFC 4291), and NAT64 translation (RFC 6052).
_MAPPED = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))

# Concurrent look-ups; each occupies a thread, which cannot be cancelled before the resolver times out.
_MAX_LOOK_UPS = 32

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(DeliveryFailed):
    """The host name resolves to an address that is not allowed."""

    def __init__(self) -> None:
        super().__init__("address_refused")


class NameUnknown(DeliveryFailed):
    """The host name does not resolve."""

    def __init__(self) -> None:
        super().__init__("name_unknown")


class OutboundAddressPolicy:
    """The SSRF guard: resolves host names and allows public addresses only.

    With `allow_loopback` it allows loopback addresses too, for development.
    """

    def __init__(self, *, allow_loopback: bool, resolve: Resolve | None = None) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve or SystemNames()

    async def admit(self, host: str, port: int) -> Sequence[str]:
        """Resolve the host and return its addresses.

        Raises AddressRefused if any of them is not allowed; NameUnknown if there is none.
        """
        found = await self._resolve(host, port)
        if not found:
            raise NameUnknown
        if not all(self._is_allowed(address) for address in found):
            raise AddressRefused
        return found

    def _is_allowed(self, text: str) -> bool:
        try:
            address = _embedded_ipv4(ipaddress.ip_address(text))
        except ValueError:
            return False
        return is_public(address) or (self._allow_loopback and address.is_loopback)


def is_public(address: Address) -> bool:
    """Whether it is an address of the public Internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in block for block in _NOT_PUBLIC_6)


def _embedded_ipv4(address: Address) -> Address:
    """The IPv4 address that an IPv6 address embeds; else the address itself."""
    if isinstance(address, ipaddress.IPv6Address) and any(address in block for block in _MAPPED):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


class SystemNames:
    """Resolves names with the system's resolver, which accepts every notation of an address, such as 2130706433 for 127.0.0.1.

    It has a thread pool of its own, with one look-up for each name at a time (single flight). In the event loop's default
    pool, look-ups of names whose servers do not respond would block all other name resolution of the process.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_MAX_LOOK_UPS, thread_name_prefix="endpoint-names")
        self._single_flight: SingleFlight[tuple[str, int], Sequence[str]] = SingleFlight()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses; empty when the name does not resolve."""
        return await self._single_flight((host, port), lambda: self._look_up(host, port))

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        resolve = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, resolve)
        except (OSError, UnicodeError):
            return []
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))

"""Where events may be sent: addresses of the public Internet. Whoever names an endpoint must not reach what only we can reach.

A name is looked up once, everything that it stands for is checked, and the connection is made to what was checked.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from booking.events.deliveries import DeliveryFailed
from booking.single_flight import SingleFlight

# Blocks that are not of the public Internet: the IANA registries of special-purpose addresses (RFC 6890), multicast, what
# is reserved, and 168.63.129.16, at which Azure's machines find their host.
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

# Of IPv6 only this has been given out, and within it these blocks are for documentation, or lead to IPv4 by a detour.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    ipaddress.IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

# An IPv4 address in IPv6's clothes: as a socket shows it (RFC 4291), and through a translator (RFC 6052).
_MAPPED = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))

# Names that are being looked up at once, each in a thread that nobody can end before the resolver gives up.
_LOOK_UPS = 32

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(DeliveryFailed):
    """The name stands for an address that nothing is sent to."""

    def __init__(self) -> None:
        super().__init__("address_refused")


class NameUnknown(DeliveryFailed):
    """The name stands for no address."""

    def __init__(self) -> None:
        super().__init__("name_unknown")


class OutboundAddressPolicy:
    """Looks names up and lets only public addresses pass; loopback ones too where that is allowed, for development."""

    def __init__(self, *, allow_loopback: bool, resolve: Resolve | None = None) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve or SystemNames()

    async def admit(self, host: str, port: int) -> Sequence[str]:
        """The addresses that the host stands for. Raises AddressRefused if one of them is not to be reached; NameUnknown."""
        found = await self._resolve(host, port)
        if not found:
            raise NameUnknown
        if not all(self._passes(address) for address in found):
            raise AddressRefused
        return found

    def _passes(self, text: str) -> bool:
        try:
            address = _plain(ipaddress.ip_address(text))
        except ValueError:
            return False
        return is_public(address) or (self._allow_loopback and address.is_loopback)


def is_public(address: Address) -> bool:
    """Whether it is of the public Internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in block for block in _NOT_PUBLIC_6)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to, where it does."""
    if isinstance(address, ipaddress.IPv6Address) and any(address in block for block in _MAPPED):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


class SystemNames:
    """What the machine's resolver says; it reads every way to write an address, as 2130706433 for 127.0.0.1.

    In threads of its own, one for each name: those of the event loop are the ones by which all else in the process finds its
    servers, and some look-ups of a name whose servers are dead would take them all.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOK_UPS, thread_name_prefix="endpoint-names")
        self._looking: SingleFlight[tuple[str, int], Sequence[str]] = SingleFlight()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses; none when there is no such name."""
        return await self._looking((host, port), lambda: self._look_up(host, port))

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except (OSError, UnicodeError):
            return []
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))

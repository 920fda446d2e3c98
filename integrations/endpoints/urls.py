"""Validation of endpoint URLs when they are configured, so that an error shows before the first delivery."""

import httpx2

from booking.errors import InvalidInput
from integrations.endpoints.addresses import AddressRefused, NameUnknown, OutboundAddressPolicy
from integrations.endpoints.sending import PORTS


async def check(url: str, *, outbound_address_policy: OutboundAddressPolicy, allow_http: bool) -> None:
    """Raise InvalidInput, with a reason, for a URL that deliveries would refuse.

    Each delivery still checks the addresses anew.
    """
    parsed = check_form(url, allow_http=allow_http)
    try:
        await outbound_address_policy.admit(
            parsed.raw_host.decode("ascii"), parsed.port or PORTS[parsed.scheme]
        )
    except AddressRefused:
        reason = "It resolves to an address that is not on the public Internet."
        raise InvalidInput(field="URL", reason=reason) from None
    except NameUnknown:
        raise InvalidInput(field="URL", reason="Its name stands for no address.") from None


def check_form(url: str, *, allow_http: bool) -> httpx2.URL:
    """The part of `check` that needs no name resolution; returns the parsed URL."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise InvalidInput(field="URL", reason="It is not a URL.") from None
    if parsed.scheme not in ({"https", "http"} if allow_http else {"https"}) or not parsed.host:
        raise InvalidInput(field="URL", reason="It is not an https URL.")
    if parsed.userinfo or parsed.fragment:
        raise InvalidInput(field="URL", reason="It has a password or a fragment: neither would be sent.")
    return parsed

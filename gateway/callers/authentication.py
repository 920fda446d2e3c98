"""Authentication: turns the headers of a request into a Caller.

HTTP requests and sockets authenticate the same way; a socket takes the headers from its `connection_init`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from booking.principals import Caller, Principal
from gateway.callers.client_networks import NetworkPseudonyms
from gateway.callers.tokens import GatewayTokens, InvalidToken, TokenVerifier
from gateway.headers import Headers
from schema.errors import RequestError

VISITOR_HEADER = "frontdoor-visitor"

# Longer than any token that the gateway or a provider issues, and short enough to be cheap to verify.
_LONGEST_TOKEN = 8_192


class Unauthenticated(RequestError):
    """The bearer token is invalid. The answer does not say whether it is expired, forged or another issuer's."""

    code = "UNAUTHENTICATED"
    message = "Please sign in again."
    status = 401
    headers: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": "Bearer"})


class NoBearer(Unauthenticated):
    """The header has another form, which tells nothing of a token."""

    message = 'Send the header as "Authorization: Bearer", a space and the token; or leave it out.'


@dataclass(frozen=True, kw_only=True)
class Authenticator:
    """Reads `Authorization: Bearer …` (a guest's or a signed-in person's token) and `Frontdoor-Visitor`."""

    tokens: GatewayTokens
    verifier: TokenVerifier
    networks: NetworkPseudonyms | None = None

    def network(self, headers: Headers) -> str | None:
        """The pseudonym of the network that a request comes from; None when it is unknown."""
        return self.networks.name(headers) if self.networks else None

    async def caller(self, headers: Headers) -> Caller | None:
        """The caller; None for an anonymous request. Raises Unauthenticated, and what the TokenVerifier raises.

        A visitor token that the gateway did not sign counts as absent: queries still work, and the app is asked for a fresh one.
        """
        shown = headers.get(VISITOR_HEADER)
        visitor = self.tokens.read_visitor(shown) if shown else None
        bearer = await self._bearer(headers.get("authorization"))
        client = self.network(headers)
        if bearer is not None:
            return Caller(principal=bearer, visitor=visitor, client=client)
        return Caller(principal=visitor, client=client) if visitor is not None else None

    async def _bearer(self, header: str | None) -> Principal | None:
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise NoBearer
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated
        guest = self.tokens.read_guest(token)
        if guest is not None:
            return guest
        try:
            return await self.verifier.verify(token)
        except InvalidToken as error:
            raise Unauthenticated from error

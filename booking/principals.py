"""Principals: the identities that make requests and own holds, checkouts and idempotency keys."""

from dataclasses import dataclass
from enum import StrEnum


class PrincipalKind(StrEnum):
    """The kinds of identity that the gateway knows."""

    VISITOR = "visitor"  # anonymous; holds an opaque token that the gateway issued
    GUEST = "guest"  # holds the token of one checkout, valid for that checkout only
    PATIENT = "patient"  # signed in; the id is the patient's id in the system of record
    STAFF = "staff"  # signed in; works for the practice
    OPERATOR = "operator"  # signed in; runs this program for the practice


# Kinds that have not signed in, and get new identities for free.
STRANGERS = frozenset({PrincipalKind.VISITOR, PrincipalKind.GUEST})


@dataclass(frozen=True, kw_only=True)
class Principal:
    """An identity that can own things. The id is opaque and holds no patient data."""

    kind: PrincipalKind
    id: str

    @property
    def key(self) -> str:
        """The owner's key in stores: `kind:id`."""
        return f"{self.kind}:{self.id}"

    @property
    def patient_id(self) -> str | None:
        """The signed-in patient's id in the system of record; None for everybody else."""
        return self.id if self.kind is PrincipalKind.PATIENT else None


def kind_of(key: str) -> str:
    """The kind in a principal's key; a text that is no such key is returned whole."""
    return key.partition(":")[0]


def is_anonymous(owner: str) -> bool:
    """Whether this owner (a principal's key) has not signed in."""
    return kind_of(owner) in STRANGERS


def guest_of(checkout_id: str) -> Principal:
    """The guest principal of one checkout."""
    return Principal(kind=PrincipalKind.GUEST, id=checkout_id)


# The pseudonym of a network starts with that of its block of addresses, which has this many characters.
BLOCK_NAME = 32


def block_of(client: str) -> str:
    """The pseudonym of the block of addresses (IPv4 /24, IPv6 /48) that contains a network."""
    return client[:BLOCK_NAME]


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The caller of one request: the acting principal, and the visitor they were before they signed in."""

    principal: Principal
    visitor: Principal | None = None
    client: str | None = None  # pseudonym of the network the request came from; None: unknown

    def owns(self, owner: str) -> bool:
        """Whether the caller owns things with this owner key, as the principal or as the earlier visitor."""
        return owner == self.principal.key or (self.visitor is not None and owner == self.visitor.key)

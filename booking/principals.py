"""Who asks: the owner of holds, checkouts and idempotency keys."""

from dataclasses import dataclass
from enum import StrEnum


class PrincipalKind(StrEnum):
    """The ways somebody can be known to the gateway."""

    VISITOR = "visitor"  # anonymous, by an opaque token that the gateway issued
    GUEST = "guest"  # by the token of one checkout, good for that checkout only
    PATIENT = "patient"  # signed in; the id is the patient's id in the system of record
    STAFF = "staff"  # signed in, of the practice
    OPERATOR = "operator"  # signed in, who runs this program for the practice


# Whose names cost nothing: nobody has signed in behind them.
STRANGERS = frozenset({PrincipalKind.VISITOR, PrincipalKind.GUEST})


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody, identified well enough to own things; the id is opaque and holds no patient data."""

    kind: PrincipalKind
    id: str

    @property
    def key(self) -> str:
        """The owner's name in stores: `kind:id`."""
        return f"{self.kind}:{self.id}"

    @property
    def patient_id(self) -> str | None:
        """The signed-in patient's id in the system of record; None for everybody else."""
        return self.id if self.kind is PrincipalKind.PATIENT else None


def kind_of(key: str) -> str:
    """The kind in a principal's key, or the whole of a word that is no principal's."""
    return key.partition(":")[0]


def is_anonymous(owner: str) -> bool:
    """Whether this owner (a principal's key) has not signed in."""
    return kind_of(owner) in STRANGERS


def guest_of(checkout_id: str) -> Principal:
    """The guest of one checkout."""
    return Principal(kind=PrincipalKind.GUEST, id=checkout_id)


# A network's name begins with that of the block of addresses that it is a part of; so many characters.
BLOCK_NAME = 32


def block_of(client: str) -> str:
    """The name of the block of addresses (IPv4 /24, IPv6 /48) that a network is a part of."""
    return client[:BLOCK_NAME]


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes a request: the acting principal, and the visitor they were before they signed in."""

    principal: Principal
    visitor: Principal | None = None
    client: str | None = None  # the network that they come from, made unreadable; None: not known

    def owns(self, owner: str) -> bool:
        """Whether something with this owner is the caller's."""
        return owner == self.principal.key or (self.visitor is not None and owner == self.visitor.key)

"""What the old schema had beside lists and cursors, with the source of each. Nothing of it is in the contract's schema.

Counts and spellings of payloads; not what a guide prints where neither the old nor the present schema has it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Addition:
    """One field of an object type."""

    place: str  # `Type.field`
    type: str  # in GraphQL's notation
    answers: str  # the field of the same type that it is made of
    source: str
    counts: bool = False  # how many records that field has, instead of what it answers


INVOICES = "guide on invoices"
CLIENTS_CODE = "schema of 2024-06-01 in clients' generated code"

ADDITIONS = (
    Addition(
        "updateRequestedPaymentPayload.requestedPayment", "RequestedPayment", "requested_payment", INVOICES
    ),
    Addition(
        "deleteRequestedPaymentPayload.requestedPayment", "RequestedPayment", "requested_payment", INVOICES
    ),
    Addition("User.active_patients_count", "Int", "active_patients", CLIENTS_CODE, counts=True),
    Addition("User.user_groups_count", "Int!", "user_groups", CLIENTS_CODE, counts=True),
    Addition("Document.users_count", "Int!", "users", CLIENTS_CODE, counts=True),
    Addition("Organization.providers_count", "Int", "providers", CLIENTS_CODE, counts=True),
)

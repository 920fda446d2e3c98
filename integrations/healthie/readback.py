"""Read-backs: for every mutation in operations/, how the result is compared with the request.

Needed because a Healthie mutation that returns no `messages` has not necessarily done what was requested (silent no-op).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from integrations.upstream.errors import SilentNoOp

log = structlog.get_logger(__name__)

Noticed = Callable[[SilentNoOp], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class ReadBack:
    """The comparison after one mutation. A test checks that every argument of the document is listed."""

    seen_in: str  # the operation whose response shows the result: the mutation itself, or the read after it
    compared: Mapping[str, tuple[str, ...]]  # each compared part, with the arguments that requested it
    # Arguments that are not compared, with the reason.
    believed: Mapping[str, str] = field(default_factory=dict)


_NO_FIELD = "no answer shows it"

READ_BACKS: Mapping[str, ReadBack] = {
    "Charge": ReadBack(
        seen_in="Charge",
        compared={
            "state": ("should_charge",),
            "sender": ("sender_id",),
            "amount": ("amount_paid", "offering_coupon_id"),
            "card": ("stripe_customer_detail_id",),
            "plan": ("offering_id",),
            "recurrence": ("offering_id",),
        },
        believed={
            "recipient_id": "who of the practice receives it changes neither what was paid nor for what",
            "stripe_idempotency_key": _NO_FIELD,
            "note": "a charge that lost it is this one all the same, and is found by amount, card and time",
        },
    ),
    "Refund": ReadBack(
        seen_in="PaymentById",
        compared={"refunded": ("id", "chosen_refund_amount")},
        believed={"stripe_idempotency_key": _NO_FIELD},
    ),
    "CancelRecurring": ReadBack(seen_in="PaymentById", compared={"stopped": ("billing_item_id",)}),
    "SetRecurringPaused": ReadBack(seen_in="MembershipStanding", compared={"paused": ("id", "is_paused")}),
    "CloseInvoice": ReadBack(seen_in="InvoiceById", compared={"paid": ("id", "status")}),
    "AttachCard": ReadBack(
        seen_in="AttachCard",
        compared={"card": ("token",), "owner": ("user_id",)},
        believed={
            "is_default": "a charge names its card",
            "card_type_label": "a label for people",
        },
    ),
    "CreatePatient": ReadBack(
        seen_in="CreatePatient",
        compared={"person": ("email", "first_name", "last_name")},
        believed={
            "dietitian_id": "a booking names its clinician",
            "phone_number": "Healthie may write it in a form of its own",
            "dob": "Healthie may write it in a form of its own",
            "timezone": "a booking names its zone",
            "skipped_email": "that the record has no email is compared",
            "metadata": "a record that lost it is known by its id; one that carries another reference is not believed",
            "dont_send_welcome": _NO_FIELD,
        },
    ),
    "Book": ReadBack(
        seen_in="VisitById",
        compared={
            "time": ("datetime", "timezone"),
            "visit_type": ("appointment_type_id",),
            "patient": ("user_id",),
            "contact_type": ("contact_type",),
            "location": ("appointment_location_id",),
        },
        believed={
            "other_party_id": "the saga compares the clinician: another one's visit is deleted, and blocks them",
            "metadata": "a booking that lost it is known by its id; to doubt it would be to book again",
            "enforce_availability": _NO_FIELD,
        },
    ),
    "DeleteVisit": ReadBack(seen_in="VisitById", compared={"gone": ("id",)}),
    "CancelVisit": ReadBack(
        seen_in="BookedVisit",
        compared={"status": ("id", "pm_status")},
        believed={
            "cancellation_reason_id": "a visit that is cancelled for no reason is cancelled all the same",
            "cancellation_initiated_by": _NO_FIELD,
            "other_cancellation_reason": "the patient's own words, which are not read again",
        },
    ),
    "MoveVisit": ReadBack(
        seen_in="BookedVisit",
        compared={
            "time": ("id", "datetime", "timezone"),
            "clinician": ("id",),
            "contact_type": ("contact_type",),
            "location": ("appointment_location_id",),
        },
        believed={
            "client_updating": "it only says that the patient moved it",
            "enforce_availability": _NO_FIELD,
        },
    ),
    "SubscribeWebhook": ReadBack(
        seen_in="WebhookSubscriptions",
        compared={
            "address": ("url",),
            "events": ("webhook_events",),
            "live": ("is_enabled", "should_retry"),
        },
    ),
    "EnableWebhook": ReadBack(seen_in="WebhookSubscriptions", compared={"live": ("id", "is_enabled")}),
}


class Comparison:
    """Compares the result of a mutation with the request."""

    def __init__(self, noticed: Noticed) -> None:
        self._noticed = noticed

    async def check(self, operation: str, **agrees: bool) -> None:
        """Check that every compared part agrees; `agrees` must name all of them.

        Otherwise logs the differing parts, calls `noticed`, and raises SilentNoOp.
        """
        if agrees.keys() != READ_BACKS[operation].compared.keys():
            raise AssertionError(f"{operation} is compared by other parts")
        parts = [part for part, same in agrees.items() if not same]
        if parts:
            log.error("healthie.silent_no_op", operation=operation, parts=parts)
            difference = SilentNoOp(operation, parts)
            await self._noticed(difference)
            raise difference


async def only_logged(_: SilentNoOp) -> None:
    """A `noticed` that does nothing: the silent no-op is already in the log."""

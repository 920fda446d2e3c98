"""HealthieMemberships: recurring payments one by one, as their patients know them. Pausing and resuming one is in membership_changes.py, ending one in change_payments.py."""

from datetime import UTC, datetime

from booking.changes.membership import MembershipAsStands
from integrations.healthie.answers import money
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.membership_standing import MembershipStandingRecurringPayment
from integrations.upstream.errors import ContractBroken, reading

Series = MembershipStandingRecurringPayment

# Healthie's currency where a payment names none.
_CURRENCY = "USD"


class HealthieMemberships:
    """The port Memberships. `client` acts with the organisation's key, which sees the payments to all clinicians."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def get(self, membership_id: str, *, of: str | None = None) -> MembershipAsStands | None:
        """The recurring payment; None when there is none, it is not this patient's, or nothing was ever paid for it.

        Raises UpstreamUnavailable.
        """
        with reading():
            membership = await standing(self._client, membership_id)
        if membership is None or of not in (None, membership.patient_id):
            return None
        return membership


async def standing(client: Client, membership_id: str) -> MembershipAsStands | None:
    """The recurring payment as this client sees it; None when there is none. Raises as the client, and ContractBroken."""
    series = (await client.membership_standing(id=membership_id)).recurring_payment
    if series is None or series.id != membership_id:
        return None
    return _as_stands(series)


def _as_stands(series: Series) -> MembershipAsStands | None:
    """Raises ContractBroken for amounts or numbers that cannot be read."""
    last = series.last_billing_item
    if last is None or series.sender_id is None or series.recipient_id is None:
        return None
    if last.sender_id != series.sender_id:
        raise ContractBroken("MembershipStanding", "paid by another patient")
    try:
        amount = money(series.amount_to_pay, last.currency or _CURRENCY)
    except ValueError:
        raise ContractBroken("MembershipStanding", "amount") from None
    if amount is None:
        raise ContractBroken("MembershipStanding", "amount")
    return MembershipAsStands(
        id=series.id,
        patient_id=series.sender_id,
        plan_name=series.offering_name,
        amount=amount,
        next_payment_at=_in_utc(series.next_payment_date) if series.has_next_payment_date else None,
        payments_left=_left(series.payments_remaining),
        is_ended=series.is_canceled,
        is_paused=series.is_paused,
        paused_at=_in_utc(series.paused_at) if series.is_paused else None,
        resumes_at=_in_utc(series.next_restart_payment_date) if series.is_paused else None,
        payment_id=last.id,
        charged_by=series.recipient_id,
    )


def _left(remaining: str | None) -> int | None:
    """How many payments are left. Healthie answers a number, or words for a series that goes on until it is ended."""
    return int(remaining) if remaining is not None and remaining.isdigit() else None


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment is not None else None

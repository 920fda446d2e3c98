"""AskedCharge: a charge as the patient accepted it, of a checkout, of a requested change's fee or of an invoice: sent, looked for and compared.

Its key is the idempotency key upstream and, in the payment's note, the reference by which it is found again.
"""

from dataclasses import dataclass

from booking.changes.model import RequestedChange
from booking.checkout.model import Checkout
from booking.models import Recurrence
from booking.money import Money

# They precede the reference, so that staff who read the note know where the payment comes from.
NOTE = "Booked online. Reference: "
FEE_NOTE = "Late cancellation fee. Reference: "
INVOICE_NOTE = "Invoice paid online. Reference: "


@dataclass(frozen=True, kw_only=True)
class AskedCharge:
    """The terms of one charge."""

    key: str
    words: str  # NOTE, FEE_NOTE or INVOICE_NOTE
    row_id: str  # of the checkout or the change; for logs
    clinician_id: str
    patient_id: str | None
    card_id: str | None
    gross: Money  # sent; Healthie subtracts the coupon's discount
    due: Money  # what is to be charged
    plan_id: str | None = None
    coupon_id: str | None = None
    recurrence: Recurrence | None = None
    invoice_id: str | None = None  # that it pays; what plan an invoice is for is the invoice's

    @property
    def note(self) -> str:
        """The payment's note: a reference without patient data."""
        return self.words + self.key

    def is_named_in(self, note: str | None) -> bool:
        """Whether a note contains this charge's reference."""
        return self.key in (note or "").split()


def of_checkout(checkout: Checkout) -> AskedCharge:
    """The charge of the checkout's current attempt."""
    quote = checkout.quote
    return AskedCharge(
        key=checkout.upstream_key,
        words=NOTE,
        row_id=checkout.id,
        clinician_id=checkout.clinician_id,
        patient_id=checkout.patient_id,
        card_id=checkout.card_id,
        gross=quote.list_price,
        due=quote.due_today,
        plan_id=quote.plan_id,
        coupon_id=quote.coupon_id,
        recurrence=quote.recurrence,
    )


def of_fee(change: RequestedChange, index: int) -> AskedCharge:
    """The charge of a fee: for no plan, and never again."""
    amount = change.actions[index].amount
    if amount is None:
        raise ValueError("a fee has an amount")
    return AskedCharge(
        key=change.upstream_key(index),
        words=FEE_NOTE,
        row_id=change.id,
        clinician_id=change.visit_slot.clinician_id,
        patient_id=change.patient_id,
        card_id=change.card_id,
        gross=amount,
        due=amount,
    )


def of_invoice(change: RequestedChange, index: int) -> AskedCharge:
    """The charge of what was due on an invoice; it begins no series."""
    amount, clinician_id = change.actions[index].amount, change.charged_by
    if amount is None or clinician_id is None:
        raise ValueError("a payment of an invoice has an amount and a recipient")
    return AskedCharge(
        key=change.upstream_key(index),
        words=INVOICE_NOTE,
        row_id=change.id,
        clinician_id=clinician_id,
        patient_id=change.patient_id,
        card_id=change.card_id,
        gross=amount,
        due=amount,
        invoice_id=change.owed_invoice,
    )


def reference_in(note: str | None) -> str | None:
    """The checkout id in a note, whichever attempt it names; or None."""
    _, said, key = (note or "").partition(NOTE)
    return key.split()[0].rpartition("-")[0] or None if said and key.split() else None


def has_reference(note: str | None) -> bool:
    """Whether a note contains a reference of any checkout's or change's."""
    return any(words.strip() in (note or "") for words in (NOTE, FEE_NOTE, INVOICE_NOTE))

"""GraphQL types of paying an invoice: what became of it, and the problems on the way."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import enum_value, field

from schema.money import Money
from schema.payments import Invoice
from schema.permissions import reached
from schema.problems import (
    AmountNotChargeable,
    CardDeclined,
    CardRequired,
    PaymentUnavailable,
    Problem,
    TooManyAttempts,
)


@strawberry.enum(description="Where a payment of an invoice stands.")
class InvoicePaymentStatus(Enum):
    """`booking.changes.model.ChangeState` as the patient sees it."""

    PROCESSING = enum_value("processing", description="It is under way.")
    DONE = enum_value("done", description="The card was charged, and the invoice says that nothing is due.")
    REFUSED = enum_value("refused", description="Nothing was charged by it.")
    NEEDS_ATTENTION = enum_value(
        "needs_attention",
        description="The practice finishes it by hand, and gets in touch. Do not pay again.",
    )


@reached
@strawberry.type(description="One payment of an invoice, and what came of it.")
class InvoicePayment:
    """`booking.changes.model.RequestedChange`, of an invoice."""

    id: strawberry.ID = field(description="Names this payment as it was asked for.")
    invoice_id: strawberry.ID = field(description="The invoice.")
    amount: Money = field(description="What was accepted; nothing else is charged.")
    status: InvoicePaymentStatus = field(description="Where it stands.")
    payment_id: strawberry.ID | None = field(
        description="The payment among `me.payments`; null until the card is known to be charged."
    )
    requested_at: datetime = field(description="When it was asked for (UTC).")


@strawberry.type(
    description="Nothing is due on the invoice any more, paid elsewhere for example; nothing was charged."
)
class InvoicePaid(Problem):
    """`booking.refusals.InvoicePaid`."""


@strawberry.type(
    description="The invoice asks for something else than was accepted; nothing was charged. Show it as it is now, and accept that with a new key."
)
class InvoiceChanged(Problem):
    """`booking.refusals.InvoiceChanged`."""

    invoice: Invoice = field(description="The invoice as it stands, with the id to accept.")


@strawberry.type(
    description="The invoice cannot be paid here: it may ask for what is paid already, or begin a membership. Nothing was charged; contact the practice."
)
class InvoiceNotPayable(Problem):
    """`booking.refusals.InvoiceNotPayable`."""


@strawberry.type(
    description="The invoice is being paid at this moment, from another window for example, or the practice looks after a payment of it; "
    "this request did nothing. Look at it again in a moment."
)
class InvoicePaymentInProgress(Problem):
    """`booking.refusals.InvoicePaymentInProgress`."""


@reached
@strawberry.type(description="The card was charged, and the invoice was read back: nothing is due any more.")
class PayInvoiceSuccess:
    """A paid invoice."""

    payment: InvoicePayment = field(description="What was done.")


@reached
@strawberry.type(
    description="The outcome is not known yet, or a person of the practice looks after it (`payment.status` says which). Send the same request "
    "with the same idempotency key again, or look with the query `invoicePayment`; nothing is charged twice."
)
class InvoicePaymentProcessing:
    """A payment that is not certain at the deadline of the request."""

    payment: InvoicePayment = field(description="The payment as it stands.")


PayInvoiceResult = Annotated[
    PayInvoiceSuccess
    | InvoicePaymentProcessing
    | InvoicePaid
    | InvoiceChanged
    | InvoiceNotPayable
    | InvoicePaymentInProgress
    | CardRequired
    | CardDeclined
    | TooManyAttempts
    | AmountNotChargeable
    | PaymentUnavailable,
    strawberry.union("PayInvoiceResult", description="A paid invoice, or why it was not paid."),
]

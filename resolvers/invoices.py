"""Paying an invoice: the query, the mutation, and the map from the domain to the API."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from strawberry import ID

from booking.changes.model import ActionKind, ActionState, ChangeState, RequestedChange
from resolvers import inputs
from resolvers.catalog import to_id, to_money
from schema import invoices as api
from schema.context import Info
from schema.fields import computed
from schema.inputs import INPUT, PayInvoiceInput
from schema.permissions import PATIENTS

_STATUSES: Mapping[str, api.InvoicePaymentStatus] = {
    ChangeState.DONE: api.InvoicePaymentStatus.DONE,
    ChangeState.REFUSED: api.InvoicePaymentStatus.REFUSED,
    ChangeState.SUPERSEDED: api.InvoicePaymentStatus.REFUSED,
    ChangeState.NEEDS_ATTENTION: api.InvoicePaymentStatus.NEEDS_ATTENTION,
}


@strawberry.type
class InvoiceQuery:
    """What became of a payment."""

    @computed(
        description="One payment of an invoice of the caller's, as it was asked for; null when there is none with this id.",
        who=PATIENTS,
    )
    async def invoice_payment(
        self,
        info: Info,
        change_id: Annotated[
            strawberry.ID,
            strawberry.argument(name="id", description="The id that `payInvoice` answered."),
        ],
    ) -> api.InvoicePayment | None:
        """One payment."""
        name = inputs.required_token(change_id, field="id")
        change = await info.context.services.invoice_payments.view(info.context.identified, name)
        return to_invoice_payment(change) if change else None


@strawberry.type
class InvoiceMutation:
    """Payments of invoices."""

    @computed(
        description="Charge what is due on an invoice to a card on file. Accepting the same `paymentQuoteId` again joins the first: nothing is charged twice.",
        who=PATIENTS,
    )
    async def pay_invoice(
        self,
        info: Info,
        asked: Annotated[PayInvoiceInput, INPUT],
    ) -> api.PayInvoiceResult:
        """Pay."""
        change = await info.context.services.invoice_payments.pay(
            info.context.identified,
            quote_id=inputs.required_token(asked.quote_id, field="quoteId"),
            card_id=inputs.required_token(asked.card_on_file_id, field="cardOnFileId"),
        )
        shown = to_invoice_payment(change)
        if change.state is ChangeState.DONE:
            return api.PayInvoiceSuccess(payment=shown)
        return api.InvoicePaymentProcessing(payment=shown)


def to_invoice_payment(change: RequestedChange) -> api.InvoicePayment:
    """Map a payment that the caller may see. Raises AssertionError for a change of something else."""
    charge = change.action(ActionKind.PAY_INVOICE)
    if charge is None or charge.amount is None:
        raise AssertionError("a payment of an invoice charges an amount")
    charged = charge.result.get("payment_id") if charge.state is ActionState.DONE else None
    return api.InvoicePayment(
        id=ID(change.id),
        invoice_id=ID(change.owed_invoice),
        amount=to_money(charge.amount),
        status=_STATUSES.get(change.state, api.InvoicePaymentStatus.PROCESSING),
        payment_id=to_id(charged),
        requested_at=change.created_at,
    )

"""Refusals that concern an invoice: what the practice asks its patient to pay."""

from booking.packages.model import Invoice
from booking.refusals.base import Refusal


class InvoicePaid(Refusal):
    """Nothing is due on the invoice any more; nothing was charged."""

    code = "INVOICE_PAID"
    message = "This invoice has been paid already. You have not been charged again."


class InvoiceChanged(Refusal):
    """The invoice does not ask for what was accepted; carries it as it stands. Nothing was charged."""

    code = "INVOICE_CHANGED"
    message = "This invoice has changed. Please look at it again. You have not been charged."

    def __init__(self, invoice: Invoice) -> None:
        super().__init__()
        self.invoice = invoice


class InvoiceNotPayable(Refusal):
    """The invoice cannot be paid here; nothing was charged."""

    code = "INVOICE_NOT_PAYABLE"
    message = "This invoice cannot be paid online. Please contact the practice. You have not been charged."


class InvoicePaymentInProgress(Refusal):
    """Another payment of the same invoice is under way, or a person looks after it."""

    code = "INVOICE_PAYMENT_IN_PROGRESS"
    message = "This invoice is being paid at this moment. Please look again in a moment."
    retryable = True

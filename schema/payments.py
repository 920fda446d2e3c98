"""GraphQL types of money that patients paid or owe: payments, refunds, invoices."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import enum_value, field

from schema.catalog import PageInfo
from schema.money import Money
from schema.permissions import reached


@strawberry.enum(description="What became of a payment.")
class PaymentStatus(Enum):
    """`booking.packages.model.PaymentStatus`, with descriptions."""

    PAID = enum_value("paid", description="Paid.")
    PARTLY_REFUNDED = enum_value("partly_refunded", description="Paid, and a part was given back.")
    REFUNDED = enum_value("refunded", description="Paid, and all was given back.")
    SCHEDULED = enum_value("scheduled", description="To be charged later.")
    FAILED = enum_value("failed", description="Tried, and nothing was paid.")


@reached
@strawberry.type(description="Money given back of a payment.")
class Refund:
    """`booking.packages.model.Refund`."""

    id: strawberry.ID = field(description="Names the refund.")
    amount: Money = field(description="How much.")
    at: datetime | None = field(description="When (UTC).")
    pending: bool = field(description="Whether it was asked for and is not yet done.")


@reached
@strawberry.type(description="A payment that was made, tried or planned, with what a receipt shows.")
class Payment:
    """`booking.packages.model.Payment`."""

    id: strawberry.ID = field(description="Names the payment.")
    status: PaymentStatus = field(description="What became of it.")
    amount: Money = field(description="What was charged, before refunds.")
    refunded: Money = field(description="What was given back in all.")
    refunds: list[Refund] = field(description="Each time that money was given back.")
    at: datetime = field(description="When it was made, tried or planned (UTC).")
    description: str | None = field(description="What it was for, as the practice's receipt says.")
    card_brand: str | None = field(description="The card's brand.")
    card_last4: str | None = field(description="The card number's last four digits.")
    outside: bool = field(description="Whether it was paid elsewhere, such as in cash, and only recorded.")
    plan_id: strawberry.ID | None = field(description="The plan that it paid for.")
    membership_id: strawberry.ID | None = field(description="The membership that it is a payment of.")
    invoice_id: strawberry.ID | None = field(description="The invoice that it was paid on.")
    receipt_sent_at: datetime | None = field(
        description="When a receipt was last mailed (UTC); null: none was."
    )


@strawberry.enum(description="Whether an invoice is paid.")
class InvoiceStatus(Enum):
    """`booking.packages.model.InvoiceStatus`, with descriptions."""

    OPEN = enum_value("open", description="Nothing is paid.")
    PARTLY_PAID = enum_value("partly_paid", description="A part is paid.")
    PAID = enum_value("paid", description="Nothing is due.")
    UNKNOWN = enum_value("unknown", description="The practice says something else. Ask the practice.")


@reached
@strawberry.type(description="What the practice asks the patient to pay.")
class Invoice:
    """`booking.packages.model.Invoice`."""

    id: strawberry.ID = field(description="Names the invoice.")
    number: str | None = field(description="Its number, as the practice counts.")
    status: InvoiceStatus = field(description="Whether it is paid.")
    total: Money = field(description="What it asks for.")
    due: Money = field(description="What is still to be paid.")
    created_at: datetime = field(description="When it was made (UTC).")
    paid_at: datetime | None = field(description="When it was paid in full (UTC).")
    serviced_at: datetime | None = field(description="When what it is for took place (UTC).")
    description: str | None = field(description="What it is for, as the practice writes.")
    plan_id: strawberry.ID | None = field(description="The plan that it asks the price of.")
    plan_name: str | None = field(description="Its name.")
    appointment_id: strawberry.ID | None = field(description="The visit that it is for.")
    payment_ids: list[strawberry.ID] = field(description="The payments made on it.")
    payment_quote_id: strawberry.ID | None = field(
        description="Names the invoice and what is due on it now; `payInvoice` takes it. Null: it cannot be paid here."
    )


@reached
@strawberry.type(description="A payment with its cursor.")
class PaymentEdge:
    """As Relay asks for it."""

    node: Payment = field(description="The payment.")
    cursor: str = field(description="An opaque cursor: its position in the list.")


@reached
@strawberry.type(description="A page of payments.")
class PaymentConnection:
    """As Relay asks for it."""

    edges: list[PaymentEdge] = field(description="The payments with their cursors.")
    nodes: list[Payment] = field(description="The payments alone.")
    page_info: PageInfo = field(description="Where the page stands.")
    total_count: int = field(description="How many payments there are, on all pages.")


@strawberry.enum(description="Which invoices are listed.")
class InvoiceFilter(Enum):
    """Read by `resolvers.packages`."""

    OPEN = enum_value("open", description="On which something is due.")
    PAID = enum_value("paid", description="On which nothing is due.")
    ALL = enum_value("all", description="All of them.")


@reached
@strawberry.type(description="An invoice with its cursor.")
class InvoiceEdge:
    """As Relay asks for it."""

    node: Invoice = field(description="The invoice.")
    cursor: str = field(description="An opaque cursor: its position in the list.")


@reached
@strawberry.type(description="A page of invoices.")
class InvoiceConnection:
    """As Relay asks for it."""

    edges: list[InvoiceEdge] = field(description="The invoices with their cursors.")
    nodes: list[Invoice] = field(description="The invoices alone.")
    page_info: PageInfo = field(description="Where the page stands.")
    total_count: int = field(description="How many invoices there are, on all pages.")

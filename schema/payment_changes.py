"""GraphQL types of what patients do about their cards on file and receipts."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import enum_value, field

from schema.permissions import reached
from schema.problems import Problem


@strawberry.enum(description="What a card on file is needed for.")
class CardUse(Enum):
    """`booking.refusals.CardUse`, with descriptions."""

    PAYMENT = enum_value(
        "payment", description="A checkout, or another payment, that is under way. Try again in a moment."
    )
    MEMBERSHIP = enum_value(
        "membership",
        description="It is the default, which a membership that goes on charges. Make another card the default first, or end the membership.",
    )


@strawberry.type(description="The card is needed; it stays on file.")
class CardInUse(Problem):
    """`booking.refusals.CardInUse`."""

    use: CardUse = field(description="For what, and so what the patient can do.")


@strawberry.type(description="The practice's books refused it. The card is as it was; contact the practice.")
class CardNotChanged(Problem):
    """`booking.refusals.CardNotChanged`."""


@strawberry.type(
    description="There is no receipt for this payment: nothing was paid by it, or the practice's system mails none."
)
class ReceiptUnavailable(Problem):
    """`booking.refusals.ReceiptUnavailable`."""


@reached
@strawberry.type(
    description="The card is not on file any more. Another one may be the default now: read `me.cards`."
)
class RemoveCardSuccess:
    """A removed card."""

    card_id: strawberry.ID = field(description="The card that was removed.")


@reached
@strawberry.type(
    description="The card is charged where no card is named, as memberships do. Read `me.cards`."
)
class SetDefaultCardSuccess:
    """The default card."""

    card_id: strawberry.ID = field(description="The card that is the default.")


@reached
@strawberry.type(description="The practice's system has mailed the receipt to the address that it has.")
class SendReceiptSuccess:
    """A mailed receipt."""

    payment_id: strawberry.ID = field(description="The payment.")
    sent_at: datetime = field(description="When it was last mailed (UTC); at most once in five minutes.")


RemoveCardResult = Annotated[
    RemoveCardSuccess | CardInUse | CardNotChanged,
    strawberry.union("RemoveCardResult", description="A removed card, or why it stays."),
]
SetDefaultCardResult = Annotated[
    SetDefaultCardSuccess | CardNotChanged,
    strawberry.union("SetDefaultCardResult", description="A default card, or why it is none."),
]
SendReceiptResult = Annotated[
    SendReceiptSuccess | ReceiptUnavailable,
    strawberry.union("SendReceiptResult", description="A mailed receipt, or why there is none."),
]

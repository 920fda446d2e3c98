"""GraphQL types of ending a membership: its quote, what became of it, and the problems on the way."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import enum_value, field

from schema.money import Money
from schema.permissions import reached
from schema.problems import Problem


@reached
@strawberry.type(
    description="What ending a membership does now: its later payments are not made any more, and nothing is given back. Credits that were bought "
    "stay. If it has changed when its id is accepted, `cancelMembership` answers `MembershipQuoteChanged`."
)
class MembershipEndQuote:
    """`booking.change_quotes.MembershipEndQuote`. Its times are in UTC, so that one id has one content."""

    id: strawberry.ID = field(
        description="Names the membership and these terms; `cancelMembership` takes it."
    )
    membership_id: strawberry.ID = field(description="The membership.")
    plan_name: str | None = field(description="The plan's name, as the practice has it.")
    amount: Money = field(description="Of each payment that is not made any more.")
    next_payment_at: datetime | None = field(
        description="When the next one would be made (UTC); null: none is planned."
    )
    payments_left: int | None = field(
        description="How many are not made any more; null: it would go on until it is ended."
    )


@strawberry.enum(description="Where a change of a membership stands.")
class MembershipChangeStatus(Enum):
    """`booking.changes.model.ChangeState` as its patient sees it."""

    PROCESSING = enum_value("processing", description="It is under way.")
    DONE = enum_value("done", description="No later payment is made.")
    REFUSED = enum_value("refused", description="It was not possible, and the membership goes on as it was.")
    NEEDS_ATTENTION = enum_value(
        "needs_attention", description="The practice finishes it by hand, and gets in touch."
    )


@reached
@strawberry.type(description="One ending of a membership, and what came of it.")
class MembershipChange:
    """`booking.changes.model.RequestedChange`, of a membership."""

    id: strawberry.ID = field(description="Names the change.")
    membership_id: strawberry.ID = field(description="The membership.")
    status: MembershipChangeStatus = field(description="Where it stands.")
    requested_at: datetime = field(description="When it was asked for (UTC).")


@strawberry.type(
    description="The membership has ended already, or was paid for the last time; nothing was done. Nothing more is charged for it."
)
class MembershipOver(Problem):
    """`booking.refusals.MembershipOver`."""


@strawberry.type(
    description="The membership has changed since it was quoted, by a payment for example; nothing was done. Show the present quote, and accept that with a new key."
)
class MembershipQuoteChanged(Problem):
    """`booking.refusals.MembershipQuoteChanged`."""

    quote: MembershipEndQuote = field(description="What ending it does now.")


@strawberry.type(
    description="The membership is being ended at this moment, on other terms, from another window for example; this request did nothing. "
    "Look at it again in a moment."
)
class MembershipChangeInProgress(Problem):
    """`booking.refusals.MembershipChangeInProgress`."""


@strawberry.type(
    description="The practice's books refused it. The membership goes on as it was; contact the practice."
)
class MembershipChangeFailed(Problem):
    """`booking.refusals.MembershipChangeFailed`."""


@reached
@strawberry.type(description="The membership can be ended.")
class MembershipEndQuoteSuccess:
    """A quote of an end."""

    quote: MembershipEndQuote = field(description="What ending it does now.")


@reached
@strawberry.type(description="The membership is ended, and this was read back from the practice's books.")
class CancelMembershipSuccess:
    """An ended membership."""

    change: MembershipChange = field(description="What was done.")


@reached
@strawberry.type(
    description="The outcome is not known yet, or a person of the practice looks after it (`change.status` says which). Send the same request with "
    "the same idempotency key again, or look with the query `membershipChange`."
)
class MembershipChangeProcessing:
    """An end that is not certain at the deadline of the request."""

    change: MembershipChange = field(description="The change as it stands.")


MembershipEndQuoteResult = Annotated[
    MembershipEndQuoteSuccess | MembershipOver,
    strawberry.union(
        "MembershipEndQuoteResult",
        description="What ending a membership does, or why there is nothing to end.",
    ),
]

CancelMembershipResult = Annotated[
    CancelMembershipSuccess
    | MembershipChangeProcessing
    | MembershipQuoteChanged
    | MembershipOver
    | MembershipChangeInProgress
    | MembershipChangeFailed,
    strawberry.union("CancelMembershipResult", description="An ended membership, or why it was not ended."),
]

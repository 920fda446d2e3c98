"""GraphQL types of ending, pausing and resuming a membership: quotes, what became of it, and the problems on the way."""

from datetime import date, datetime
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
    credits_kept: bool = field(
        description="Whether credits that were given so far stay. No new ones come in any case."
    )


@reached
@strawberry.type(
    description="What pausing a membership does now: it bills nothing, and gives no new credits, until it is resumed; nothing is given back. "
    "If it has changed when its id is accepted, `pauseMembership` answers `MembershipPauseQuoteChanged`."
)
class MembershipPauseQuote:
    """`booking.change_quotes.MembershipPauseQuote`. Its times are in UTC, so that one id has one content."""

    id: strawberry.ID = field(description="Names the membership and these terms; `pauseMembership` takes it.")
    membership_id: strawberry.ID = field(description="The membership.")
    plan_name: str | None = field(description="The plan's name, as the practice has it.")
    amount: Money = field(description="Of each payment that is not made meanwhile.")
    next_payment_at: datetime | None = field(
        description="When the first one that is not made would be (UTC); null: none is planned."
    )
    payments_left: int | None = field(
        description="How many are made once it is resumed; null: it goes on until it is ended."
    )
    pauses_left: int | None = field(
        description="How often the patient may pause within a year, this time included; null: no limit."
    )
    credits_kept: bool = field(description="Whether credits that were given so far stay.")


@reached
@strawberry.type(
    description="What resuming a paused membership does now: it bills on, and what it did not bill while it was paused stays so. "
    "If it has changed when its id is accepted, `resumeMembership` answers `MembershipResumeQuoteChanged`."
)
class MembershipResumeQuote:
    """`booking.change_quotes.MembershipResumeQuote`."""

    id: strawberry.ID = field(
        description="Names the membership and these terms; `resumeMembership` takes it."
    )
    membership_id: strawberry.ID = field(description="The membership.")
    plan_name: str | None = field(description="The plan's name, as the practice has it.")
    amount: Money = field(description="Of the next payment.")
    next_payment_on: date = field(
        description="The day of the next payment, on the practice's clock. Today or before: it is charged at once."
    )
    payments_left: int | None = field(description="How many are to come; null: it goes on until it is ended.")
    credits_kept: bool = field(description="Whether credits that were given so far stay.")


@strawberry.enum(description="What was asked for.")
class MembershipChangeKind(Enum):
    """`booking.changes.model.ChangeKind`, of memberships."""

    END = enum_value("membership_end", description="To end it.")
    PAUSE = enum_value("membership_pause", description="To pause it.")
    RESUME = enum_value("membership_resume", description="To resume it.")


@strawberry.enum(description="Where a change of a membership stands.")
class MembershipChangeStatus(Enum):
    """`booking.changes.model.ChangeState` as its patient sees it."""

    PROCESSING = enum_value("processing", description="It is under way.")
    DONE = enum_value("done", description="It is done, and read back.")
    REFUSED = enum_value("refused", description="It was not possible, and the membership goes on as it was.")
    NEEDS_ATTENTION = enum_value(
        "needs_attention", description="The practice finishes it by hand, and gets in touch."
    )


@reached
@strawberry.type(description="One change of a membership, and what came of it.")
class MembershipChange:
    """`booking.changes.model.RequestedChange`, of a membership."""

    id: strawberry.ID = field(description="Names the change.")
    kind: MembershipChangeKind = field(description="What was asked for.")
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
    description="The membership has changed since its pause was quoted; nothing was done. Show the present quote, and accept that with a new key."
)
class MembershipPauseQuoteChanged(Problem):
    """`booking.refusals.MembershipPauseQuoteChanged`."""

    quote: MembershipPauseQuote = field(description="What pausing it does now.")


@strawberry.type(
    description="The membership, or its next payment, has changed since its resumption was quoted; nothing was done. Show the present quote, "
    "and accept that with a new key."
)
class MembershipResumeQuoteChanged(Problem):
    """`booking.refusals.MembershipResumeQuoteChanged`."""

    quote: MembershipResumeQuote = field(description="What resuming it does now.")


@strawberry.enum(description="Why a membership may not be paused or resumed here.")
class MembershipNotAllowedReason(Enum):
    """`booking.refusals.MembershipNotAllowedReason`."""

    NOT_ONLINE = enum_value(
        "not_online",
        description="The practice does not let patients pause memberships. Contact the practice.",
    )
    PAUSED_TOO_OFTEN = enum_value(
        "paused_too_often", description="It was paused as often as it may be within a year."
    )
    PAUSED_ALREADY = enum_value("paused_already", description="It is paused. Resume it, or end it.")
    NOT_PAUSED = enum_value("not_paused", description="There is nothing to resume: it bills on.")
    PAUSED_BY_PRACTICE = enum_value(
        "paused_by_practice", description="The practice paused it, and resumes it. Contact the practice."
    )
    NEXT_PAYMENT_UNKNOWN = enum_value(
        "next_payment_unknown",
        description="The practice's system does not say when it would bill. Contact the practice.",
    )


@strawberry.type(description="The membership may not be paused, or not be resumed, here; nothing was done.")
class MembershipChangeNotAllowed(Problem):
    """`booking.refusals.MembershipChangeNotAllowed`."""

    reason: MembershipNotAllowedReason = field(description="Why.")


@strawberry.type(
    description="The practice changed the membership right before this change could be made; nothing was done by this request. "
    "Show the membership as it is now."
)
class MembershipChangedByPractice(Problem):
    """`booking.refusals.MembershipChangedByPractice`."""


@strawberry.type(
    description="The membership is being changed at this moment, in another way or on other terms, from another window for example; this request did nothing. "
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


@reached
@strawberry.type(description="The membership can be paused.")
class MembershipPauseQuoteSuccess:
    """A quote of a pause."""

    quote: MembershipPauseQuote = field(description="What pausing it does now.")


@reached
@strawberry.type(description="The membership can be resumed.")
class MembershipResumeQuoteSuccess:
    """A quote of a resumption."""

    quote: MembershipResumeQuote = field(description="What resuming it does now.")


@reached
@strawberry.type(description="The membership is paused, and this was read back from the practice's books.")
class PauseMembershipSuccess:
    """A paused membership."""

    change: MembershipChange = field(description="What was done.")


@reached
@strawberry.type(
    description="The membership bills on, and this was read back from the practice's books. If its next payment stands there otherwise than quoted, "
    "the practice looks after it: show `Membership.nextPaymentAt`."
)
class ResumeMembershipSuccess:
    """A resumed membership."""

    change: MembershipChange = field(description="What was done.")


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
    | MembershipChangedByPractice
    | MembershipChangeInProgress
    | MembershipChangeFailed,
    strawberry.union("CancelMembershipResult", description="An ended membership, or why it was not ended."),
]

MembershipPauseQuoteResult = Annotated[
    MembershipPauseQuoteSuccess | MembershipChangeNotAllowed | MembershipOver,
    strawberry.union(
        "MembershipPauseQuoteResult", description="What pausing does, or why it is not possible."
    ),
]

MembershipResumeQuoteResult = Annotated[
    MembershipResumeQuoteSuccess | MembershipChangeNotAllowed | MembershipOver,
    strawberry.union(
        "MembershipResumeQuoteResult", description="What resuming does, or why it is not possible."
    ),
]

PauseMembershipResult = Annotated[
    PauseMembershipSuccess
    | MembershipChangeProcessing
    | MembershipPauseQuoteChanged
    | MembershipChangeNotAllowed
    | MembershipOver
    | MembershipChangedByPractice
    | MembershipChangeInProgress
    | MembershipChangeFailed,
    strawberry.union("PauseMembershipResult", description="A paused membership, or why it was not paused."),
]

ResumeMembershipResult = Annotated[
    ResumeMembershipSuccess
    | MembershipChangeProcessing
    | MembershipResumeQuoteChanged
    | MembershipChangeNotAllowed
    | MembershipOver
    | MembershipChangedByPractice
    | MembershipChangeInProgress
    | MembershipChangeFailed,
    strawberry.union(
        "ResumeMembershipResult", description="A resumed membership, or why it was not resumed."
    ),
]

"""What the mutations of the waitlist answer, and their problems."""

from typing import Annotated

import strawberry
from strawberry import field

from schema.permissions import reached
from schema.problems import HoldInCheckout, Problem
from schema.waitlist import WaitlistEntry


@strawberry.type(description="The patient waits for as many times as one may: leave one of them first.")
class WaitlistLimitReached(Problem):
    """`booking.refusals.WaitlistLimitReached`."""

    limit: int = field(description="How many places one patient may have.")


@strawberry.type(description="The practice's waitlist takes nobody at the moment.")
class WaitlistFull(Problem):
    """`booking.refusals.WaitlistFull`."""


@reached
@strawberry.type(description="The patient is on the waitlist.")
class JoinWaitlistSuccess:
    """A place on the waitlist."""

    entry: WaitlistEntry = field(description="The place as it stands.")


@reached
@strawberry.type(description="The place is given up.")
class LeaveWaitlistSuccess:
    """A place that was given up."""

    entry: WaitlistEntry = field(description="The place as it stands.")


JoinWaitlistResult = Annotated[
    JoinWaitlistSuccess | WaitlistLimitReached | WaitlistFull,
    strawberry.union("JoinWaitlistResult", description="A place on the waitlist, or why there is none."),
]

LeaveWaitlistResult = Annotated[
    LeaveWaitlistSuccess | HoldInCheckout,
    strawberry.union("LeaveWaitlistResult", description="A place that was given up, or why it was not."),
]

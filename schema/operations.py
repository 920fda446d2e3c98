"""GraphQL types for operators: the gateway's work, without data about whose it is."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import field

from schema.catalog import DEFAULT_PAGE, LARGEST_PAGE, PageInfo
from schema.fields import computed
from schema.permissions import reached


@reached
@strawberry.type(description="A checkout as operators see it: where it stands, and nothing of whose it is.")
class CheckoutSummary:
    """`booking.operations.model.CheckoutSummary`."""

    id: strawberry.ID = field(description="Names the checkout; `frontdoor checkouts show` shows its history.")
    state: str = field(description="The recovery point at which its row stands, such as `charge_intended`.")
    attention: list[str] = field(
        description="Why a person must look, such as `refund_failed`; empty: nobody must."
    )
    clinician_id: strawberry.ID = field(description="Whose time it is about.")
    starts_at: datetime | None = field(
        description="When the visit starts (UTC); null for a plan that is bought without one."
    )
    tries: int = field(description="How often the step at which it stands has been tried.")
    created_at: datetime = field(description="When it was started (UTC).")
    updated_at: datetime = field(description="When its row was last written (UTC).")
    due_at: datetime | None = field(
        description="When a worker takes it up (UTC); null: it waits for somebody."
    )


@reached
@strawberry.type(description="A checkout with its cursor.")
class CheckoutSummaryEdge:
    """As Relay asks for it."""

    node: CheckoutSummary = field(description="The checkout.")
    cursor: str = field(description="An opaque cursor: its position in the list.")


@reached
@strawberry.type(description="A page of checkouts.")
class CheckoutSummaryConnection:
    """As Relay asks for it; how many there are in all is not counted."""

    edges: list[CheckoutSummaryEdge] = field(description="The checkouts with their cursors.")
    nodes: list[CheckoutSummary] = field(description="The checkouts alone.")
    page_info: PageInfo = field(description="Where the page stands.")


@reached
@strawberry.type(
    description="A change of a booked visit or a membership as operators see it: where it stands, and nothing of whose it is."
)
class ChangeSummary:
    """`booking.operations.model.ChangeSummary`."""

    id: strawberry.ID = field(description="Names the change; `frontdoor changes show` shows its history.")
    kind: str = field(
        description="What was requested, such as `cancellation`, `reschedule` or `membership_end`."
    )
    state: str = field(description="Where its row stands, such as `open` or `needs_attention`.")
    attention: list[str] = field(
        description="Why a person must look, such as `refund_failed`; empty: nobody must."
    )
    subject_kind: str = field(description="What it changes, such as `visit` or `membership`.")
    subject_id: strawberry.ID = field(description="Which one.")
    appointment_id: strawberry.ID | None = field(description="The visit; null: it is no change of a visit.")
    checkout_id: strawberry.ID | None = field(
        description="The checkout that booked the visit; null: the practice did, or it is no change of a visit."
    )
    clinician_id: strawberry.ID | None = field(description="Whose time the visit had.")
    starts_at: datetime | None = field(description="When the visit was to start as it was accepted (UTC).")
    tries: int = field(description="How often its present action has been tried.")
    created_at: datetime = field(description="When it was accepted (UTC).")
    updated_at: datetime = field(description="When its row was last written (UTC).")
    due_at: datetime | None = field(
        description="When a worker takes it up (UTC); null: it has ended, or waits for somebody."
    )


@reached
@strawberry.type(description="A change of a booked visit with its cursor.")
class ChangeSummaryEdge:
    """As Relay asks for it."""

    node: ChangeSummary = field(description="The change.")
    cursor: str = field(description="An opaque cursor: its position in the list.")


@reached
@strawberry.type(description="A page of changes of booked visits.")
class ChangeSummaryConnection:
    """As Relay asks for it; how many there are in all is not counted."""

    edges: list[ChangeSummaryEdge] = field(description="The changes with their cursors.")
    nodes: list[ChangeSummary] = field(description="The changes alone.")
    page_info: PageInfo = field(description="Where the page stands.")


@reached
@strawberry.type(description="The gateway's work, for its operators.")
class Operations:
    """The gateway's work; each part is loaded when it is selected."""

    load_checkouts: strawberry.Private[
        Callable[[str | None, bool, int, str | None], Awaitable[CheckoutSummaryConnection]]
    ]
    load_changes: strawberry.Private[
        Callable[[str | None, bool, int, str | None], Awaitable[ChangeSummaryConnection]]
    ]

    @computed(description="Checkouts, the latest started first.")
    async def checkouts(
        self,
        state: Annotated[
            str | None, strawberry.argument(description="Only those at this recovery point.")
        ] = None,
        attention: Annotated[  # noqa: FBT002  # an argument of the API, always given by name
            bool, strawberry.argument(description="Only those that need a person.")
        ] = False,
        first: Annotated[
            int, strawberry.argument(description=f"How many at most; up to {LARGEST_PAGE}.")
        ] = DEFAULT_PAGE,
        after: Annotated[
            str | None, strawberry.argument(description="The cursor behind which to go on.")
        ] = None,
    ) -> CheckoutSummaryConnection:
        """Checkouts."""
        return await self.load_checkouts(state, attention, first, after)

    @computed(description="Changes of booked visits that were requested here, the latest accepted first.")
    async def changes(
        self,
        state: Annotated[str | None, strawberry.argument(description="Only those in this state.")] = None,
        attention: Annotated[  # noqa: FBT002  # an argument of the API, always given by name
            bool, strawberry.argument(description="Only those that need a person.")
        ] = False,
        first: Annotated[
            int, strawberry.argument(description=f"How many at most; up to {LARGEST_PAGE}.")
        ] = DEFAULT_PAGE,
        after: Annotated[
            str | None, strawberry.argument(description="The cursor behind which to go on.")
        ] = None,
    ) -> ChangeSummaryConnection:
        """Requested changes."""
        return await self.load_changes(state, attention, first, after)

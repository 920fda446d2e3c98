"""Ending, pausing and resuming memberships: the queries, the mutations, and the maps from the domain to the API."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeVar

import strawberry
from strawberry import ID

from booking import change_quotes as domain
from booking.changes.access import by_staff
from booking.changes.model import ChangeState, RequestedChange
from booking.errors import NotFound
from booking.principals import Caller
from resolvers import inputs
from resolvers.catalog import to_money
from schema import memberships as api
from schema.context import Info
from schema.fields import computed
from schema.inputs import INPUT, CancelMembershipInput, PauseMembershipInput, ResumeMembershipInput
from schema.permissions import MEMBERS

QuoteT = TypeVar("QuoteT")
SuccessT = TypeVar("SuccessT")

_STATUSES: Mapping[str, api.MembershipChangeStatus] = {
    ChangeState.DONE: api.MembershipChangeStatus.DONE,
    ChangeState.REFUSED: api.MembershipChangeStatus.REFUSED,
    ChangeState.SUPERSEDED: api.MembershipChangeStatus.REFUSED,
    ChangeState.NEEDS_ATTENTION: api.MembershipChangeStatus.NEEDS_ATTENTION,
}


@strawberry.type
class MembershipQuery:
    """What may be done with a membership, and what became of it."""

    @computed(
        description="What ending a membership does now: which payments are not made any more. Null when the caller has no membership with this id.",
        who=MEMBERS,
    )
    async def membership_end_quote(
        self,
        info: Info,
        membership_id: Annotated[strawberry.ID, strawberry.argument(description="The membership's id.")],
    ) -> api.MembershipEndQuoteResult | None:
        """What ending it does."""
        quote = await _own(info, membership_id, info.context.services.memberships.end_quote)
        return api.MembershipEndQuoteSuccess(quote=to_membership_end_quote(quote)) if quote else None

    @computed(
        description="What pausing a membership does now, or why it is not possible. Null when the caller has no membership with this id.",
        who=MEMBERS,
    )
    async def membership_pause_quote(
        self,
        info: Info,
        membership_id: Annotated[strawberry.ID, strawberry.argument(description="The membership's id.")],
    ) -> api.MembershipPauseQuoteResult | None:
        """What pausing it does."""
        quote = await _own(info, membership_id, info.context.services.memberships.pause_quote)
        return api.MembershipPauseQuoteSuccess(quote=to_membership_pause_quote(quote)) if quote else None

    @computed(
        description="What resuming a paused membership does now: when it bills next. Null when the caller has no membership with this id.",
        who=MEMBERS,
    )
    async def membership_resume_quote(
        self,
        info: Info,
        membership_id: Annotated[strawberry.ID, strawberry.argument(description="The membership's id.")],
    ) -> api.MembershipResumeQuoteResult | None:
        """What resuming it does."""
        quote = await _own(info, membership_id, info.context.services.memberships.resume_quote)
        return api.MembershipResumeQuoteSuccess(quote=to_membership_resume_quote(quote)) if quote else None

    @computed(
        description="One change of a membership that is the caller's; null when there is none with this id.",
        who=MEMBERS,
    )
    async def membership_change(
        self,
        info: Info,
        change_id: Annotated[strawberry.ID, strawberry.argument(name="id", description="The change's id.")],
    ) -> api.MembershipChange | None:
        """One change."""
        name = inputs.required_token(change_id, field="id")
        change = await info.context.services.memberships.view(info.context.identified, name)
        return to_membership_change(change) if change else None


@strawberry.type
class MembershipMutation:
    """Changes of a membership."""

    @computed(
        description="End a membership: its later payments are not made any more, and nothing is given back. Ending it again with the same quote joins "
        "the first.",
        who=MEMBERS,
    )
    async def cancel_membership(
        self,
        info: Info,
        asked: Annotated[CancelMembershipInput, INPUT],
    ) -> api.CancelMembershipResult:
        """End."""
        memberships = info.context.services.memberships
        return await _accept(info, asked, memberships.end, api.CancelMembershipSuccess)

    @computed(
        description="Pause a membership: it bills nothing until it is resumed. Pausing it again with the same quote joins the first.",
        who=MEMBERS,
    )
    async def pause_membership(
        self,
        info: Info,
        asked: Annotated[PauseMembershipInput, INPUT],
    ) -> api.PauseMembershipResult:
        """Pause."""
        memberships = info.context.services.memberships
        return await _accept(info, asked, memberships.pause, api.PauseMembershipSuccess)

    @computed(
        description="Resume a paused membership: it bills on. Resuming it again with the same quote joins the first.",
        who=MEMBERS,
    )
    async def resume_membership(
        self,
        info: Info,
        asked: Annotated[ResumeMembershipInput, INPUT],
    ) -> api.ResumeMembershipResult:
        """Resume."""
        memberships = info.context.services.memberships
        return await _accept(info, asked, memberships.resume, api.ResumeMembershipSuccess)


async def _own(
    info: Info, membership_id: str, quote: Callable[[Caller, str], Awaitable[QuoteT]]
) -> QuoteT | None:
    """The quote of a membership of the caller's; None when they have none with this id."""
    wanted = inputs.required_token(membership_id, field="membershipId")
    try:
        return await quote(info.context.identified, wanted)
    except NotFound:
        return None


async def _accept(
    info: Info,
    asked: CancelMembershipInput | PauseMembershipInput | ResumeMembershipInput,
    change_membership: Callable[..., Awaitable[RequestedChange]],
    success: Callable[..., SuccessT],
) -> SuccessT | api.MembershipChangeProcessing:
    """Accept the quote: the success, or the change as it stands while its end is not certain."""
    caller = info.context.identified
    change = await change_membership(
        caller,
        quote_id=inputs.required_token(asked.quote_id, field="quoteId"),
        note=inputs.note(asked.note, by_staff=by_staff(caller)),
    )
    shown = to_membership_change(change)
    if change.state is ChangeState.DONE:
        return success(change=shown)
    return api.MembershipChangeProcessing(change=shown)


def to_membership_end_quote(quote: domain.MembershipEndQuote) -> api.MembershipEndQuote:
    """Map a quote of an end."""
    return api.MembershipEndQuote(
        id=ID(quote.id),
        membership_id=ID(quote.membership_id),
        plan_name=quote.plan_name,
        amount=to_money(quote.amount),
        next_payment_at=quote.next_payment_at,
        payments_left=quote.payments_left,
        credits_kept=quote.credits_kept,
    )


def to_membership_pause_quote(quote: domain.MembershipPauseQuote) -> api.MembershipPauseQuote:
    """Map a quote of a pause."""
    return api.MembershipPauseQuote(
        id=ID(quote.id),
        membership_id=ID(quote.membership_id),
        plan_name=quote.plan_name,
        amount=to_money(quote.amount),
        next_payment_at=quote.next_payment_at,
        payments_left=quote.payments_left,
        pauses_left=quote.pauses_left,
        credits_kept=quote.credits_kept,
    )


def to_membership_resume_quote(quote: domain.MembershipResumeQuote) -> api.MembershipResumeQuote:
    """Map a quote of a resumption."""
    return api.MembershipResumeQuote(
        id=ID(quote.id),
        membership_id=ID(quote.membership_id),
        plan_name=quote.plan_name,
        amount=to_money(quote.amount),
        next_payment_on=quote.next_payment_on,
        payments_left=quote.payments_left,
        credits_kept=quote.credits_kept,
    )


def to_membership_change(change: RequestedChange) -> api.MembershipChange:
    """Map a change that the caller may see."""
    return api.MembershipChange(
        id=ID(change.id),
        kind=api.MembershipChangeKind(change.kind),
        membership_id=ID(change.subject.id),
        status=_STATUSES.get(change.state, api.MembershipChangeStatus.PROCESSING),
        requested_at=change.created_at,
    )

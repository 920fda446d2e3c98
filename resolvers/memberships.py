"""Ending, pausing and resuming memberships: the queries, the mutations, and the maps from the domain to the API."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from strawberry import ID

from booking import change_quotes as domain
from booking.changes.model import ChangeState, RequestedChange
from booking.errors import NotFound
from booking.principals import PrincipalKind
from resolvers import inputs
from resolvers.catalog import to_money
from schema import memberships as api
from schema.context import Info
from schema.fields import computed
from schema.inputs import CancelMembershipInput, PauseMembershipInput, ResumeMembershipInput
from schema.permissions import MEMBERS

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
        wanted = inputs.required_token(membership_id, field="membershipId")
        try:
            quote = await info.context.services.memberships.end_quote(info.context.identified, wanted)
        except NotFound:
            return None
        return api.MembershipEndQuoteSuccess(quote=to_membership_end_quote(quote))

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
        wanted = inputs.required_token(membership_id, field="membershipId")
        try:
            quote = await info.context.services.memberships.pause_quote(info.context.identified, wanted)
        except NotFound:
            return None
        return api.MembershipPauseQuoteSuccess(quote=to_membership_pause_quote(quote))

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
        wanted = inputs.required_token(membership_id, field="membershipId")
        try:
            quote = await info.context.services.memberships.resume_quote(info.context.identified, wanted)
        except NotFound:
            return None
        return api.MembershipResumeQuoteSuccess(quote=to_membership_resume_quote(quote))

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
        asked: Annotated[
            CancelMembershipInput, strawberry.argument(name="input", description="What to do, and with what.")
        ],
    ) -> api.CancelMembershipResult:
        """End."""
        change = await info.context.services.memberships.end(
            info.context.identified,
            quote_id=inputs.required_token(asked.quote_id, field="quoteId"),
            note=inputs.note(asked.note, by_staff=_by_staff(info)),
        )
        shown = to_membership_change(change)
        if change.state is ChangeState.DONE:
            return api.CancelMembershipSuccess(change=shown)
        return api.MembershipChangeProcessing(change=shown)

    @computed(
        description="Pause a membership: it bills nothing until it is resumed. Pausing it again with the same quote joins the first.",
        who=MEMBERS,
    )
    async def pause_membership(
        self,
        info: Info,
        asked: Annotated[
            PauseMembershipInput, strawberry.argument(name="input", description="What to do, and with what.")
        ],
    ) -> api.PauseMembershipResult:
        """Pause."""
        change = await info.context.services.memberships.pause(
            info.context.identified,
            quote_id=inputs.required_token(asked.quote_id, field="quoteId"),
            note=inputs.note(asked.note, by_staff=_by_staff(info)),
        )
        shown = to_membership_change(change)
        if change.state is ChangeState.DONE:
            return api.PauseMembershipSuccess(change=shown)
        return api.MembershipChangeProcessing(change=shown)

    @computed(
        description="Resume a paused membership: it bills on. Resuming it again with the same quote joins the first.",
        who=MEMBERS,
    )
    async def resume_membership(
        self,
        info: Info,
        asked: Annotated[
            ResumeMembershipInput, strawberry.argument(name="input", description="What to do, and with what.")
        ],
    ) -> api.ResumeMembershipResult:
        """Resume."""
        change = await info.context.services.memberships.resume(
            info.context.identified,
            quote_id=inputs.required_token(asked.quote_id, field="quoteId"),
            note=inputs.note(asked.note, by_staff=_by_staff(info)),
        )
        shown = to_membership_change(change)
        if change.state is ChangeState.DONE:
            return api.ResumeMembershipSuccess(change=shown)
        return api.MembershipChangeProcessing(change=shown)


def _by_staff(info: Info) -> bool:
    return info.context.identified.principal.kind is PrincipalKind.STAFF


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

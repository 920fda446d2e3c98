"""The queries: each reads its inputs, calls one service and maps the result."""

from datetime import date
from typing import Annotated

import strawberry

from resolvers import inputs
from resolvers.catalog import (
    names,
    to_clinicians,
    to_locations,
    to_offering_clinicians,
    to_plan,
    to_plan_connection,
    to_practice_policy,
    to_visit_types,
)
from resolvers.change_queries import ChangeQuery
from resolvers.checkouts import to_checkout
from resolvers.group_visits import check_group_filter, to_group_visits, to_wish
from resolvers.invoices import InvoiceQuery
from resolvers.memberships import MembershipQuery
from resolvers.operations import to_operations
from resolvers.quotes import to_quote
from resolvers.records import to_me, to_patient
from resolvers.slots import check_filter, to_days, to_hold, to_query
from schema.catalog import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    BookingPolicy,
    Clinician,
    Location,
    Plan,
    PlanConnection,
    VisitType,
)
from schema.checkouts import Checkout
from schema.context import Info
from schema.fields import computed
from schema.group_visits import GroupVisitConnection, GroupVisitFilter
from schema.inputs import SlotFilter
from schema.operations import Operations
from schema.permissions import ANYBODY, BUYERS, OPERATORS, PATIENTS, SHOPPERS, STAFF
from schema.records import Me, Patient
from schema.results import QuoteResult, QuoteSuccess
from schema.slots import Day, Hold

argument = strawberry.argument

_State = Annotated[
    str | None,
    argument(description="The two-letter US state that the patient is in: only what can be had there."),
]
_Filter = Annotated[SlotFilter, argument(name="filter", description="What the patient looks for.")]
_Id = strawberry.ID


@strawberry.type
class CatalogQuery:
    """The public offer."""

    @computed(description="The practice's plans, by page.", who=ANYBODY)
    async def plans(
        self,
        info: Info,
        state: _State = None,
        keyword: Annotated[str | None, argument(description="Sought in name and description.")] = None,
        first: Annotated[
            int, argument(description=f"How many at most; up to {LARGEST_PAGE}.")
        ] = DEFAULT_PAGE,
        after: Annotated[str | None, argument(description="The cursor behind which to go on.")] = None,
    ) -> PlanConnection:
        """Plans."""
        catalog = await info.context.services.catalog.catalog()
        return to_plan_connection(catalog, state=state, keyword=keyword, first=first, after=after)

    @computed(description="One plan; null when there is none with this id.", who=ANYBODY)
    async def plan(
        self, info: Info, plan_id: Annotated[_Id, argument(name="id", description="The plan's id.")]
    ) -> Plan | None:
        """One plan."""
        catalog = await info.context.services.catalog.catalog()
        plan = catalog.plan(plan_id)
        return to_plan(plan, catalog) if plan else None

    @computed(description="The clinicians who can be booked online.", who=ANYBODY)
    async def clinicians(
        self,
        info: Info,
        state: _State = None,
        visit_type_id: Annotated[
            _Id | None, argument(description="Only clinicians who offer this kind of visit.")
        ] = None,
    ) -> list[Clinician]:
        """Clinicians."""
        catalog = await info.context.services.catalog.catalog()
        return to_offering_clinicians(catalog, state=state, visit_type_id=visit_type_id)

    @computed(description="The kinds of visit that patients may book themselves.", who=ANYBODY)
    async def visit_types(self, info: Info) -> list[VisitType]:
        """Visit types."""
        return to_visit_types(await info.context.services.catalog.catalog())

    @computed(description="The practice's locations, for in-person visits.", who=ANYBODY)
    async def locations(self, info: Info) -> list[Location]:
        """Locations."""
        return to_locations(await info.context.services.catalog.catalog())

    @computed(description="The practice's rules for visits.", who=ANYBODY)
    async def booking_policy(self, info: Info) -> BookingPolicy:
        """The policy."""
        return to_practice_policy(await info.context.services.catalog.catalog())


@strawberry.type
class SearchQuery:
    """Free time and prices."""

    @computed(
        description="The days of a month on which something is free. Holds are not looked at.", who=ANYBODY
    )
    async def available_days(
        self,
        info: Info,
        sought: _Filter,
        month: Annotated[date, argument(description="Any day of the month.")],
    ) -> list[date]:
        """Free days."""
        services = info.context.services
        check_filter(sought)
        services.search.check_month(month, sought.time_zone)
        catalog = await services.catalog.catalog()
        return await services.search.days(to_query(sought, catalog, first=month, last=month))

    @computed(description="Free slots by day; at most 31 days at once.", who=ANYBODY)
    async def slots(
        self,
        info: Info,
        sought: _Filter,
        first: Annotated[
            date, argument(name="from", description="The first day, in the filter's time zone.")
        ],
        last: Annotated[date, argument(name="until", description="The last day, inclusive.")],
    ) -> list[Day]:
        """Free slots."""
        services = info.context.services
        check_filter(sought)
        services.search.check_range(first, last, sought.time_zone)
        catalog = await services.catalog.catalog()
        days = await services.search.slots(to_query(sought, catalog, first=first, last=last))
        return to_days(days, time_zone=sought.time_zone, catalog=catalog)

    @computed(
        description="The practice's group visits of the next 60 days that patients may still join, soonest first, by page. Full ones too. "
        "Seats are as they were at most half a minute ago.",
        who=ANYBODY,
    )
    async def group_visits(
        self,
        info: Info,
        sought: Annotated[
            GroupVisitFilter | None,
            argument(name="filter", description="What the patient looks for; null: all."),
        ] = None,
        first: Annotated[
            int, argument(description=f"How many at most; up to {LARGEST_PAGE}.")
        ] = DEFAULT_PAGE,
        after: Annotated[str | None, argument(description="The cursor behind which to go on.")] = None,
    ) -> GroupVisitConnection:
        """Group visits."""
        services = info.context.services
        check_group_filter(sought, first=first)
        catalog = await services.catalog.catalog()
        found = await services.group_visits.upcoming(catalog, to_wish(sought))
        return to_group_visits(found, catalog, first=first, after=after)

    @computed(
        description="What a plan, or a single visit, costs and on which terms. Name one of them, or both.",
        who=ANYBODY,
    )
    async def quote(
        self,
        info: Info,
        plan_id: Annotated[_Id | None, argument(description="The plan; null: the single visit.")] = None,
        visit_type_id: Annotated[
            _Id | None, argument(description="The kind of visit, which the plan must include.")
        ] = None,
        promo_code: Annotated[str | None, argument(description="A promo code for the plan.")] = None,
        use_credit: Annotated[  # noqa: FBT002 - an argument of the API, by name
            bool,
            argument(
                description="Whether a credit of the signed-in patient pays; without plan and promo code."
            ),
        ] = False,
    ) -> QuoteResult:
        """A price."""
        services, caller = info.context.services, info.context.caller
        quote = (
            await services.credit_quotes.quote(
                caller, visit_type_id, plan_id=plan_id, promo_code=inputs.promo_code(promo_code)
            )
            if use_credit
            else await services.quotes.quote(
                plan_id=plan_id, visit_type_id=visit_type_id, promo_code=inputs.promo_code(promo_code)
            )
        )

        async def credits_left() -> int:
            return await services.credit_quotes.left(caller, visit_type_id) if visit_type_id else 0

        return QuoteSuccess(quote=to_quote(quote), load_credits_left=credits_left)


@strawberry.type
class OwnQuery:
    """The caller's own objects. A foreign id, a missing id and a caller without credentials all get null."""

    @computed(
        description="A fresh token for a visitor who is not signed in. Keep it, and send it with every request in "
        "the header `Frontdoor-Visitor`: it owns the visitor's holds and idempotency keys.",
        who=ANYBODY,
    )
    async def new_visitor_token(self, info: Info) -> str:
        """A token."""
        return info.context.tokens.visitor()

    @computed(description="The caller's live hold; null when there is none with this id.", who=SHOPPERS)
    async def hold(
        self, info: Info, hold_id: Annotated[_Id, argument(name="id", description="The hold's id.")]
    ) -> Hold | None:
        """One hold."""
        services, caller = info.context.services, info.context.caller
        name = inputs.token(hold_id, field="id")
        hold = await services.holds.view(caller, name) if caller and name else None
        if hold is None:
            return None
        return to_hold(hold, clinicians=to_clinicians(await names(services)))

    @computed(description="The caller's checkout; null when there is none with this id.", who=BUYERS)
    async def checkout(
        self, info: Info, checkout_id: Annotated[_Id, argument(name="id", description="The checkout's id.")]
    ) -> Checkout | None:
        """One checkout."""
        services, caller = info.context.services, info.context.caller
        name = inputs.token(checkout_id, field="id")
        checkout = await services.checkouts.view(caller, name) if caller and name else None
        return await to_checkout(checkout, services) if checkout else None

    @computed(description="The signed-in patient; null for everybody else.", who=PATIENTS)
    async def me(self, info: Info) -> Me | None:
        """The patient."""
        services, patient_id = info.context.services, info.context.identified.principal.patient_id
        patient = await services.records.profile(patient_id) if patient_id else None
        return to_me(patient, services) if patient else None


@strawberry.type
class PracticeQuery:
    """Fields for staff and operators, each with what their work needs."""

    @computed(
        description="A patient of the practice, for its staff; null when there is none with this id, and for everybody else.",
        who=STAFF,
    )
    async def patient(
        self, info: Info, patient_id: Annotated[_Id, argument(name="id", description="The patient's id.")]
    ) -> Patient | None:
        """A patient."""
        services = info.context.services
        name = inputs.token(patient_id, field="id")
        patient = await services.records.profile(name) if name else None
        return to_patient(patient, services) if patient else None

    @computed(description="The gateway's work, for its operators; null for everybody else.", who=OPERATORS)
    async def operations(self, info: Info) -> Operations | None:
        """Operations."""
        return to_operations(info.context.services)


@strawberry.type(description="Reading. Changes nothing, needs no idempotency key.")
class Query(OwnQuery, ChangeQuery, MembershipQuery, InvoiceQuery, PracticeQuery, SearchQuery, CatalogQuery):
    """The root of queries."""

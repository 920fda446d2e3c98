"""Maps the practice's offer from the domain to the API."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from weakref import WeakKeyDictionary

from strawberry import ID

from booking.catalog import model as domain
from booking.errors import UpstreamUnavailable
from booking.money import Money
from booking.ports import CatalogSource
from booking.services import Services
from resolvers import inputs
from resolvers.object_cache import ObjectCache
from resolvers.pages import page_of
from schema import catalog as api
from schema.money import Money as ApiMoney
from schema.shared import SharedList

_EMPTY = domain.Catalog(
    plans=(),
    visit_types=(),
    clinicians=(),
    locations=(),
    policy=domain.BookingPolicy(
        schedule_notice=None, cancel_notice=None, late_cancellation_fee=None, no_show_fee=None
    ),
)


# Of one catalog: more plans and visit types than any practice has, and the questions that apps ask.
_OBJECTS = ObjectCache(most=2_000)
_ANSWERS = ObjectCache(most=100)

# By its source: while it cannot be read, clinicians keep their names in answers, and so in clients' caches (ADR 60).
_LAST_READ: WeakKeyDictionary[CatalogSource, domain.Catalog] = WeakKeyDictionary()

# How long a response waits for names alone. They are cached for a minute, and reading them takes well under this.
_PATIENCE_SECONDS = 1.0


async def names(services: Services, *, answer_by: float | None = None) -> domain.Catalog:
    """The catalog, for the names of held or booked things; when it cannot be read by `answer_by`, that of the last call, else an empty one.

    `answer_by` is in the event loop's time. Never raises: after a payment the response must say so in time, if need be
    without the clinician's name; an error would suggest that nothing was done.
    """
    if answer_by is None:
        answer_by = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    try:
        async with asyncio.timeout_at(answer_by):
            read = _LAST_READ[services.catalog] = await services.catalog.catalog()
    except (UpstreamUnavailable, TimeoutError):
        return _LAST_READ.get(services.catalog, _EMPTY)
    return read


def to_money(money: Money) -> ApiMoney:
    """Map an amount."""
    return ApiMoney(amount=money.amount, currency=money.currency)


def to_money_or_none(money: Money | None) -> ApiMoney | None:
    """Map an amount, or None."""
    return to_money(money) if money is not None else None


def to_id(value: str | None) -> ID | None:
    """Map an id, or None."""
    return ID(value) if value is not None else None


def to_clinician(person: domain.Clinician) -> api.Clinician:
    """Map a clinician."""
    return api.Clinician(
        id=ID(person.id),
        name=person.name,
        qualifications=person.qualifications,
        time_zone=person.time_zone,
        licensed_in=sorted(person.licensed_in),
    )


def to_clinicians(catalog: domain.Catalog) -> Mapping[str, api.Clinician]:
    """Map every bookable clinician, by id. The same object for as long as no clinician changes."""
    return _CLINICIANS.of(catalog)


class _MappedClinicians:
    """The mapped clinicians of the catalog that was asked for last."""

    def __init__(self) -> None:
        self._people: tuple[domain.Clinician, ...] = ()
        self._mapped: Mapping[str, api.Clinician] = {}

    def of(self, catalog: domain.Catalog) -> Mapping[str, api.Clinician]:
        # Of the same catalog they are the same objects, which takes no time.
        if catalog.clinicians != self._people:
            self._people = catalog.clinicians
            self._mapped = {person.id: to_clinician(person) for person in self._people}
        return self._mapped


_CLINICIANS = _MappedClinicians()


def to_location(place: domain.Location) -> api.Location:
    """Map a location."""
    return api.Location(id=ID(place.id), name=place.name)


def to_locations(catalog: domain.Catalog) -> list[api.Location]:
    """Map every location; the same list for the same catalog, as of all functions here that take one."""
    return _ANSWERS.of(
        catalog, "locations", lambda: SharedList(to_location(place) for place in catalog.locations)
    )


def to_offering_clinicians(
    catalog: domain.Catalog, *, state: str | None, visit_type_id: str | None
) -> list[api.Clinician]:
    """Map the clinicians who are licensed in the state and offer the visit type, where given. Raises InvalidInput."""

    def mapped() -> SharedList[api.Clinician]:
        found = catalog.clinicians_for(visit_type_id=visit_type_id, state=inputs.state(state))
        people = to_clinicians(catalog)
        return SharedList(people[person.id] for person in found)

    if visit_type_id is not None and catalog.visit_type(visit_type_id) is None:
        return mapped()  # an id that somebody made up, of any length, is no key
    return _ANSWERS.of(catalog, ("clinicians", state, visit_type_id), mapped)


def to_visit_types(catalog: domain.Catalog) -> list[api.VisitType]:
    """Map every visit type."""
    return _ANSWERS.of(
        catalog,
        "visit types",
        lambda: SharedList(to_visit_type(kind, catalog) for kind in catalog.visit_types),
    )


def to_visit_type(kind: domain.VisitType, catalog: domain.Catalog) -> api.VisitType:
    """Map a visit type of the catalog."""
    return _OBJECTS.of(catalog, ("visit type", kind.id), lambda: _visit_type(kind, catalog))


def _visit_type(kind: domain.VisitType, catalog: domain.Catalog) -> api.VisitType:
    return api.VisitType(
        id=ID(kind.id),
        name=kind.name,
        description=kind.description,
        minutes=kind.minutes,
        contact_types=[api.ContactType[way.name] for way in kind.contact_types],
        price=to_money_or_none(kind.price),
        requires_plan=catalog.needs_plan(kind),
        schedule_notice_minutes=_minutes(catalog.policy_for(kind).schedule_notice),
    )


def to_plan(plan: domain.Plan, catalog: domain.Catalog) -> api.Plan:
    """Map a plan of the catalog."""
    return _OBJECTS.of(catalog, ("plan", plan.id), lambda: _plan(plan, catalog))


def _plan(plan: domain.Plan, catalog: domain.Catalog) -> api.Plan:
    return api.Plan(
        id=ID(plan.id),
        name=plan.name,
        description=plan.description,
        price=to_money(plan.price),
        due_today=to_money(plan.due_today),
        frequency=api.BillingFrequency[plan.frequency.name],
        payments=plan.payments,
        visits=[_to_plan_visits(visits, catalog) for visits in plan.visits],
        sold_out=plan.sold_out,
    )


def to_plan_connection(
    catalog: domain.Catalog, *, state: str | None, keyword: str | None, first: int, after: str | None
) -> api.PlanConnection:
    """The page of at most `first` plans after the cursor, of those for state and keyword, where given. Raises InvalidInput."""

    def mapped() -> api.PlanConnection:
        plans = catalog.plans_for(state=inputs.state(state), keyword=inputs.keyword(keyword))
        return _plan_connection(plans, catalog, first=first, after=after)

    return _ANSWERS.of(catalog, ("plans", state, keyword, first, after), mapped)


def _plan_connection(
    plans: Sequence[domain.Plan], catalog: domain.Catalog, *, first: int, after: str | None
) -> api.PlanConnection:
    page = page_of(plans, [f"plan:{plan.id}" for plan in plans], first=first, after=after)
    edges = [api.PlanEdge(node=to_plan(plan, catalog), cursor=cursor) for plan, cursor in page.items]
    return api.PlanConnection(
        edges=edges, nodes=[edge.node for edge in edges], page_info=page.info, total_count=len(plans)
    )


def to_practice_policy(catalog: domain.Catalog) -> api.BookingPolicy:
    """Map the practice's booking policy."""
    return _ANSWERS.of(catalog, "policy", lambda: to_policy(catalog.policy))


def to_policy(policy: domain.BookingPolicy) -> api.BookingPolicy:
    """Map a booking policy: the practice's, or that of a quote."""
    return api.BookingPolicy(
        schedule_notice_minutes=_minutes(policy.schedule_notice),
        cancel_notice_minutes=_minutes(policy.cancel_notice),
        late_cancellation_fee=to_money_or_none(policy.late_cancellation_fee),
        no_show_fee=to_money_or_none(policy.no_show_fee),
    )


def _to_plan_visits(visits: domain.PlanVisits, catalog: domain.Catalog) -> api.PlanVisits:
    kind = catalog.visit_type(visits.visit_type_id)
    return api.PlanVisits(
        visit_type_id=ID(visits.visit_type_id),
        visit_type=to_visit_type(kind, catalog) if kind else None,
        quantity=visits.quantity,
    )


def _minutes(span: timedelta | None) -> int | None:
    return int(span / timedelta(minutes=1)) if span is not None else None

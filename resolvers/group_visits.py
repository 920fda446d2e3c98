"""Maps group visits between the domain and the API."""

from collections.abc import Sequence

from strawberry import ID

from booking.catalog.model import Catalog
from booking.catalog.model import ContactType as DomainContactType
from booking.groups import model as domain
from resolvers import inputs
from resolvers.catalog import to_clinicians, to_id, to_location, to_money_or_none
from resolvers.pages import check_size, page_of
from schema import group_visits as api
from schema.catalog import ContactType

# More clinicians than any legitimate search names, as for slots.
_MOST_CLINICIANS = 100


def check_group_filter(sought: api.GroupVisitFilter | None, *, first: int) -> None:
    """Check what needs no catalog, so that a mistake in it costs no call upstream. Raises InvalidInput."""
    check_size(first)
    if sought is None:
        return
    inputs.state(sought.state or None)
    if sought.clinician_ids and len(sought.clinician_ids) > _MOST_CLINICIANS:
        inputs.refuse("filter.clinicianIds", f"Name at most {_MOST_CLINICIANS} clinicians, or leave it out.")


def to_wish(sought: api.GroupVisitFilter | None) -> domain.GroupWish:
    """The wish of a checked filter. An id that names nothing finds nothing."""
    if sought is None:
        return domain.GroupWish()
    return domain.GroupWish(
        visit_type_id=sought.visit_type_id or None,
        clinician_ids=frozenset(sought.clinician_ids) if isinstance(sought.clinician_ids, list) else None,
        contact_type=DomainContactType[sought.contact_type.name] if sought.contact_type else None,
        state=inputs.state(sought.state or None),
    )


def to_group_visits(
    visits: Sequence[domain.GroupVisit], catalog: Catalog, *, first: int, after: str | None
) -> api.GroupVisitConnection:
    """The page of at most `first` group visits after the cursor. Raises InvalidInput."""
    page = page_of(visits, [f"group:{visit.id}" for visit in visits], first=first, after=after)
    edges = [
        api.GroupVisitEdge(node=node, cursor=cursor)
        for visit, cursor in page.items
        if (node := _group_visit(visit, catalog)) is not None
    ]
    return api.GroupVisitConnection(
        edges=edges, nodes=[edge.node for edge in edges], page_info=page.info, total_count=len(visits)
    )


def _group_visit(visit: domain.GroupVisit, catalog: Catalog) -> api.GroupVisit | None:
    """Map one of the visits that were found with this catalog; None would be one that it does not offer."""
    kind, clinician = (
        catalog.group_type(visit.visit_type_id),
        to_clinicians(catalog).get(visit.clinician_id),
    )
    if kind is None or clinician is None:
        return None
    place = catalog.location(visit.location_id) if visit.location_id else None
    return api.GroupVisit(
        id=ID(visit.id),
        visit_type_id=ID(kind.id),
        name=kind.name,
        description=kind.description,
        minutes=visit.minutes,
        contact_type=ContactType[visit.contact_type.name],
        clinician_id=clinician.id,
        clinician=clinician,
        location_id=to_id(visit.location_id),
        location=to_location(place) if place else None,
        price=to_money_or_none(kind.price),
        requires_plan=catalog.needs_plan(kind),
        seats=visit.seats,
        seats_left=visit.seats_left,
        is_full=visit.is_full,
        has_waitlist=kind.has_waitlist,
        begins=visit.start,
    )

"""Maps the operators' view from the domain to the API."""

from collections.abc import Sequence
from datetime import datetime

from strawberry import ID

from booking.operations import model as domain
from booking.services import Services
from resolvers import inputs
from resolvers.pages import NO_CURSOR, check_size, cursor_of, name_of
from schema import operations as api
from schema.catalog import PageInfo


def to_operations(services: Services) -> api.Operations:
    """Map the gateway's work; each part is read when it is selected."""

    async def checkouts(
        state: str | None,
        attention: bool,  # noqa: FBT001  # as the field gives it
        first: int,
        after: str | None,
    ) -> api.CheckoutSummaryConnection:
        check_size(first)
        found = await services.operations.checkouts(
            state=inputs.token(state, field="state"),
            attention=attention,
            limit=first + 1,
            after=_position(after) if after is not None else None,
        )
        edges = [api.CheckoutSummaryEdge(node=_to_summary(row), cursor=_cursor(row)) for row in found[:first]]
        return api.CheckoutSummaryConnection(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=_page(found, first, after),
        )

    async def changes(
        state: str | None,
        attention: bool,  # noqa: FBT001  # as the field gives it
        first: int,
        after: str | None,
    ) -> api.ChangeSummaryConnection:
        check_size(first)
        found = await services.operations.changes(
            state=inputs.token(state, field="state"),
            attention=attention,
            limit=first + 1,
            after=_position(after) if after is not None else None,
        )
        edges = [api.ChangeSummaryEdge(node=_to_change(row), cursor=_cursor(row)) for row in found[:first]]
        return api.ChangeSummaryConnection(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=_page(found, first, after),
        )

    return api.Operations(load_checkouts=checkouts, load_changes=changes)


def _cursor(row: domain.CheckoutSummary | domain.ChangeSummary) -> str:
    return cursor_of(f"{row.created_at.isoformat()} {row.id}")


def _page(
    found: Sequence[domain.CheckoutSummary] | Sequence[domain.ChangeSummary], first: int, after: str | None
) -> PageInfo:
    """Where the page of the first ones of these rows stands."""
    shown = found[:first]
    return PageInfo(
        has_next_page=len(found) > first,
        has_previous_page=after is not None,
        start_cursor=_cursor(shown[0]) if shown else None,
        end_cursor=_cursor(shown[-1]) if shown else None,
    )


def _position(after: str) -> domain.ListCursor:
    """Decode a cursor. Raises InvalidInput."""
    moment, _, name = name_of(after).partition(" ")
    try:
        created_at = datetime.fromisoformat(moment)
    except ValueError:
        inputs.refuse("after", NO_CURSOR)
    if created_at.tzinfo is None:
        inputs.refuse("after", NO_CURSOR)
    return domain.ListCursor(created_at=created_at, id=name)


def _to_summary(row: domain.CheckoutSummary) -> api.CheckoutSummary:
    return api.CheckoutSummary(
        id=ID(row.id),
        state=row.state,
        attention=list(row.attention),
        clinician_id=ID(row.clinician_id),
        starts_at=row.starts_at,
        tries=row.tries,
        created_at=row.created_at,
        updated_at=row.updated_at,
        due_at=row.due_at,
    )


def _to_change(row: domain.ChangeSummary) -> api.ChangeSummary:
    return api.ChangeSummary(
        id=ID(row.id),
        kind=row.kind,
        state=row.state,
        attention=list(row.attention),
        subject_kind=row.subject_kind,
        subject_id=ID(row.subject_id),
        appointment_id=ID(row.appointment_id) if row.appointment_id is not None else None,
        checkout_id=ID(row.checkout_id) if row.checkout_id is not None else None,
        clinician_id=ID(row.clinician_id) if row.clinician_id is not None else None,
        starts_at=row.starts_at,
        tries=row.tries,
        created_at=row.created_at,
        updated_at=row.updated_at,
        due_at=row.due_at,
    )

"""Relay pages over a list that is in memory."""

import base64
import binascii
from collections.abc import Sequence

from booking.catalog import Catalog, Plan
from resolvers.catalog import to_plan
from resolvers.inputs import refuse
from schema.catalog import PageInfo, PlanConnection, PlanEdge

DEFAULT_PAGE = 20

# What one answer may hold; a practice has some dozens of plans.
LARGEST_PAGE = 100

_PREFIX = "plan:"


def to_plan_connection(
    plans: Sequence[Plan], catalog: Catalog, *, first: int, after: str | None
) -> PlanConnection:
    """The page of at most `first` plans behind the cursor. Raises InvalidInput."""
    if not 0 <= first <= LARGEST_PAGE:
        refuse("first", f"Ask for 0 to {LARGEST_PAGE} plans at once.")
    start = _position(plans, after) if after is not None else 0
    page = plans[start : start + first]
    edges = [PlanEdge(node=to_plan(plan, catalog), cursor=_cursor(plan)) for plan in page]
    return PlanConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=start + first < len(plans),
            has_previous_page=start > 0,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        total_count=len(plans),
    )


def _cursor(plan: Plan) -> str:
    return base64.urlsafe_b64encode(f"{_PREFIX}{plan.id}".encode()).decode()


def _position(plans: Sequence[Plan], after: str) -> int:
    try:
        name = base64.b64decode(after, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        name = ""
    ids = [f"{_PREFIX}{plan.id}" for plan in plans]
    if name not in ids:
        refuse("after", "This is not the cursor of a plan in this list. Start again without it.")
    return ids.index(name) + 1

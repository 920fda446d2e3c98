"""HealthieOnSale: one plan or visit type as Healthie sells it right now; never cached."""

from booking.catalog.model import Plan, VisitType
from integrations.healthie.catalog import currency_of, plan_of, visit_type_of
from integrations.healthie.generated.client import Client
from integrations.upstream.errors import reading


class HealthieOnSale:
    """The port OnSale, read with the organisation's key."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def plan(self, plan_id: str) -> Plan | None:
        """The plan as patients may buy it now; None when they may not. Raises UpstreamUnavailable."""
        with reading():
            answer = await self._client.plan_on_sale(id=plan_id)
        return plan_of(answer.offering, currency_of(answer.current_user)) if answer.offering else None

    async def visit_type(self, visit_type_id: str) -> VisitType | None:
        """The visit type as patients may book it now; None when they may not. Raises UpstreamUnavailable."""
        with reading():
            answer = await self._client.visit_on_sale(id=visit_type_id)
        kind = answer.appointment_type
        return visit_type_of(kind, currency_of(answer.current_user)) if kind else None

"""HealthieChanges: finds changes that no webhook reported, by polling Healthie's lists.

Deleted records are not listed.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from booking.resources import ChangeHint, Kind, Resource
from integrations.healthie.answers import changed_since
from integrations.healthie.errors import GraphQLErrors
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.patients_changed import PatientsChangedUsersNodes
from integrations.healthie.generated.visits_changed import VisitsChangedAppointmentsNodes
from integrations.healthie.patient_search import ACTIVE, ARCHIVED
from integrations.upstream.errors import ContractBroken, InvalidRequest, Unauthorized, reading

# Repeating hours are listed once per occurrence within a range; this range has every weekly one.
_HOURS_AHEAD = timedelta(days=14)

# A retry would not help: the key may not list this, or Healthie's list differs from the contract.
_NEVER_LISTED = (Unauthorized, InvalidRequest, GraphQLErrors, ContractBroken)

log = structlog.get_logger(__name__)


class HealthieChanges:
    """The port Changes."""

    def __init__(self, *, client: Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def since(self, moment: datetime) -> Sequence[ChangeHint]:
        """Hints for all records created or changed at or after `moment`. Raises UpstreamUnavailable.

        When this key cannot list disputes, forms or hours, they are logged and left out, so that the rest is still found.
        """
        client = self._client
        with reading():
            visits = await changed_visits(client, moment)
            patients = [
                *await self._patients(moment, ACTIVE),
                *await self._patients(moment, ARCHIVED),  # also those who were archived since
            ]
            payments = await changed_since(
                moment,
                lambda after: client.payments_changed(after=after),
                lambda answer: answer.billing_items,
            )
            others = [
                *await _if_listed(Kind.DISPUTE, self._disputes(moment)),
                *await _if_listed(Kind.FORM, self._forms(moment)),
                *await _if_listed(Kind.AVAILABILITY, self._hours(moment)),
            ]
        cards = [
            _hint(Kind.CARD, card.id, about=patient.id)
            for patient in patients
            for card in patient.stripe_customer_details or ()
            if card.created_at is None or card.created_at >= moment
        ]
        return [
            *(_hint(Kind.VISIT, visit.id) for visit, _ in visits),
            *(_hint(Kind.PATIENT, patient.id) for patient in patients),
            *(_hint(Kind.PAYMENT, payment.id) for payment, _ in payments),
            *cards,
            *others,
        ]

    async def _patients(self, moment: datetime, status: str) -> list[PatientsChangedUsersNodes]:
        found = await changed_since(
            moment,
            lambda after: self._client.patients_changed(active_status=status, after=after),
            lambda answer: answer.users,
        )
        return [each for each, _ in found]

    async def _disputes(self, moment: datetime) -> Iterable[str]:
        found = await changed_since(
            moment,
            lambda after: self._client.disputes_changed(after=after),
            lambda answer: answer.charge_backs,
        )
        return [each.id for each, _ in found]

    async def _forms(self, moment: datetime) -> Iterable[str]:
        found = await changed_since(
            moment,
            lambda after: self._client.forms_changed(after=after),
            lambda answer: answer.form_answer_groups,
        )
        return [each.id for each, _ in found]

    async def _hours(self, moment: datetime) -> Iterable[str]:
        """Ids of working hours from now on that were set or changed since; Healthie lists them in no order."""
        now = self._now()
        found = await self._client.hours_set(first=now, last=now + _HOURS_AHEAD)
        dated = [(each.id, each.updated_at) for each in found.once or ()]
        dated += [(each.repeating_availability_id or each.id, each.updated_at) for each in found.weekly or ()]
        return dict.fromkeys(one for one, at in dated if at is None or at >= moment)


async def changed_visits(
    client: Client, since: datetime
) -> list[tuple[VisitsChangedAppointmentsNodes, datetime]]:
    """Existing visits that changed at or after `since`, with the time of the change. Raises CallError."""
    return await changed_since(
        since, lambda after: client.visits_changed(after=after), lambda answer: answer.appointments
    )


async def _if_listed(kind: Kind, listing: Awaitable[Iterable[str]]) -> list[ChangeHint]:
    try:
        return [_hint(kind, one) for one in await listing]
    except _NEVER_LISTED as error:
        log.warning("healthie.changes_not_listed", kind=kind, why=error.code)
        return []


def _hint(kind: Kind, one: str, *, about: str | None = None) -> ChangeHint:
    return ChangeHint(resource=Resource(kind=kind, id=one), about=about)

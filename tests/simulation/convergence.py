"""At the end of a schedule: what we remember is what Healthie has, nothing is pending, and the events say so."""

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from booking.events.model import EventName
from booking.models import AppointmentStatus as Status
from booking.resources import ChangeHint, Kind, Resource, ResourceState, VisitState
from integrations.database.tables.events import practice_events
from integrations.database.tables.webhooks import pending_refreshes, resource_snapshots
from tests.simulation.process import Process

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

STANDS_AS = {
    EventName.APPOINTMENT_CREATED: Status.BOOKED,
    EventName.APPOINTMENT_REINSTATED: Status.BOOKED,
    EventName.APPOINTMENT_CANCELLED: Status.CANCELLED,
    EventName.APPOINTMENT_COMPLETED: Status.COMPLETED,
    EventName.APPOINTMENT_NO_SHOW: Status.NO_SHOW,
    EventName.APPOINTMENT_CHECKED_IN: Status.CHECKED_IN,
}

# What happens to one payment, card or form at most once.
ONCE = (
    EventName.PAYMENT_SUCCEEDED,
    EventName.PAYMENT_FAILED,
    EventName.CARD_ADDED,
    EventName.FORM_COMPLETED,
    EventName.PATIENT_CREATED,
)


async def judge(schedule: "Schedule") -> None:
    """Note everything that we remember otherwise than it is."""
    witness, database = schedule.witness, schedule.database
    with database.connect() as connection:
        refreshes = connection.execute(select(pending_refreshes)).mappings().all()
        snapshots = connection.execute(select(resource_snapshots)).mappings().all()
        query = select(practice_events).order_by(practice_events.c.sequence)
        events = connection.execute(query).mappings().all()
    for refresh in refreshes:
        witness.note(f"still marked: {refresh['kind']} {refresh['resource_id']}")
    known = {(row["kind"], row["resource_id"]) for row in snapshots}
    for kind, one in sorted(_touched(schedule) - known):
        witness.note(f"never seen: {kind} {one}")
    process = await schedule.onlooker()
    for kind, one in sorted(known):
        await _compare(schedule, process, Resource(kind=Kind(kind), id=one), events)
    for (name, one), count in Counter((row["name"], row["resource_id"]) for row in events).items():
        if name in ONCE and count > 1:
            witness.note(f"told {count} times: {name} of {one}")


def _touched(schedule: "Schedule") -> set[tuple[str, str]]:
    """Whatever a word was to be sent of, or is of today."""
    kinds = {
        "Appointment": Kind.VISIT,
        "BillingItem": Kind.PAYMENT,
        "ChargeBack": Kind.DISPUTE,
        "User": Kind.PATIENT,
        "FormAnswerGroup": Kind.FORM,
        "StripeCustomerDetail": Kind.CARD,
        "Availability": Kind.AVAILABILITY,
    }
    sent = schedule.upstream.world.sent_webhooks
    return {
        (str(kinds[one.resource_id_type]), one.resource_id) for one in sent if one.resource_id_type in kinds
    }


def _undated(state: ResourceState | None) -> ResourceState | None:
    """The state without its date: Healthie dates a patient anew for a card, and sends no webhook about the patient."""
    return replace(state, updated_at=None) if state is not None else None


async def _compare(schedule: "Schedule", process: Process, resource: Resource, events: Any) -> None:
    before = await process.run(process.remembered(resource))
    state = await process.run(process.resources.read(ChangeHint(resource=resource), known=before.state))
    if before.gone != (state is None) or (state is not None and _undated(state) != _undated(before.state)):
        schedule.witness.note(f"remembered otherwise than it is: {resource}")
    if not isinstance(state, VisitState):
        return
    gone, status = False, None
    for row in events:
        if (row["kind"], row["resource_id"]) == (resource.kind, resource.id):
            gone = row["name"] == EventName.APPOINTMENT_DELETED
            status = STANDS_AS.get(EventName(row["name"]), status)
    if gone != (state.deleted_at is not None):
        schedule.witness.note(f"events tell otherwise whether it stands: {resource}")
    if not gone and status not in {None, state.status} and state.status is not Status.RESCHEDULED:
        schedule.witness.note(f"events tell {status} of {resource}, which is {state.status}")

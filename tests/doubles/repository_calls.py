"""A call of every method of every repository, as the program makes it, on a long history. What is in a unit of work is rolled back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.key_proofs import KeyProof
from booking.changes.model import ChangeState, RequestedChange, Subject, SubjectKind
from booking.changes.repository import ChangeEntry, RescheduleClaim
from booking.checkout.model import Checkout, CheckoutState
from booking.events.deliveries import Endpoint, EventDelivery, Secret
from booking.events.model import DomainEvent, EventName
from booking.models import Hold
from booking.operations.model import Alert, AttentionReason, ClinicianBlock, HistoryKind, ListCursor
from booking.resources import ChangeHint, Kind, Resource, Snapshot
from booking.slots import Interval
from booking.sync.daily import DailyJob
from booking.sync.inbox import PendingRefresh, WebhookDelivery
from booking.sync.webhook_subscriptions import WebhookSubscription
from booking.unit_of_work import UnitOfWork
from booking.waitlist.model import EntryState, Look, OfferState, WaitlistEntry, WaitlistOffer
from integrations.database import audit_reading
from integrations.database.alerts import SqlBlockedClinicians
from integrations.database.audit import SqlAuditTrail
from integrations.database.change_reader import SqlChangeReader
from integrations.database.deliveries import reap_deliveries
from integrations.database.event_outbox import SqlEventLog
from integrations.database.history import calls_since, history_of
from integrations.database.holds import SqlHoldStore
from integrations.database.idempotency import Claimed, IdempotencyKeys, Scope
from integrations.database.inbox import SqlInbox
from integrations.database.key_proofs import SqlKeyProofs
from integrations.database.patient_links import SqlPatientLinks
from integrations.database.send_facts import SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from integrations.database.waitlist import reap_waitlist
from integrations.database.webhook_subscriptions import SqlWebhookSecrets
from integrations.database.write_probe import WriteProbe
from tests.doubles.audit_samples import KEY, an_entry
from tests.doubles.long_history import CLINICIANS, MOVED, NOW, SUBSCRIBERS, LongHistory
from tests.doubles.waitlist_samples import a_wish_for
from tests.integration.change_samples import a_reschedule, with_done
from tests.integration.database_samples import SEALER, a_checkout, a_history_entry, a_slot

S = CheckoutState
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

WEEK = Interval(start=NOW, end=NOW + 7 * DAY)
EVERYBODY = [f"clinician-{number}" for number in range(CLINICIANS)]
EVENT = DomainEvent(
    id="event-new",
    name=EventName.APPOINTMENT_CREATED,
    at=NOW,
    resource=Resource(kind=Kind.VISIT, id="appointment-new"),
)
VISIT = Resource(kind=Kind.VISIT, id="appointment-1")
ALERT = Alert(reason=AttentionReason.LATE_FOUND, subject="checkout_1", raised_at=NOW)
PENDING = PendingRefresh(
    hint=ChangeHint(resource=VISIT),
    marks=1,
    first_marked_at=NOW,
    marked_at=NOW,
    tries=0,
    failing_since=None,
    due_at=NOW,
    lease_owner="worker-1",
)
RUN = DailyJob(job="ledger", day=NOW.date(), owner="worker-1", tries=0)
ENDPOINT = Endpoint(
    id="endpoint-new", url="https://example.com", events=None, secrets=(Secret(text="s"),), created_at=NOW
)
SUBSCRIPTION = WebhookSubscription(
    id="1",
    address="https://example.com",
    events=frozenset(),
    enabled=True,
    retries=True,
    warned_at=None,
    failing_since=None,
    secret="s",
)
WEBHOOK = WebhookDelivery(
    event="appointment.updated",
    resource_type="Appointment",
    resource_id="appointment-1",
    received_at=NOW,
    hint=ChangeHint(resource=VISIT),
)
NOTED = ChangeEntry(
    change_id="chg_1", at=NOW, kind=HistoryKind.MOVED, before="open", after="done", by="driver-1"
)
PROOF = KeyProof(clinician_id="clinician-1", fingerprint="f", theirs=True, answered_at=NOW)

GROUP = "visit-1|video|"
PLACE = WaitlistEntry(
    id="wait_new",
    patient_id="patient-7",
    wish=a_wish_for(a_slot(start=NOW + DAY)),
    state=EntryState.WAITING,
    joined_at=NOW - DAY,
    ends_at=NOW + DAY,
)
OFFER = WaitlistOffer(
    id="off_new",
    version=3,
    entry_id="wait_4000",
    patient_id="patient-1000",
    slot=a_slot(start=NOW + 900 * DAY),
    hold_id="hold_off_new",
    state=OfferState.INTENDED,
    created_at=NOW,
    expires_at=NOW + HOUR,
    due_at=NOW,
)
LOOK = Look(group=GROUP, marks=4, lease_until=NOW + HOUR)


class _Clock:
    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A database with a long history."""

    engine: AsyncEngine
    history: LongHistory

    @property
    def live(self) -> Checkout:
        """A checkout that is under way."""
        number = self.history.checkouts - 1
        return a_checkout(
            f"checkout_{number}", slot=a_slot(clinician=EVERYBODY[number % CLINICIANS]), created_at=NOW - HOUR
        )

    @property
    def change(self) -> RequestedChange:
        """A reschedule that is under way."""
        number = self.history.changes - 1
        return a_reschedule(
            f"chg_{number}",
            version=5,
            to=a_slot(clinician=EVERYBODY[0], start=NOW + 90 * DAY),
            appointment_id=f"appointment-{number * MOVED}",
            checkout_id=f"checkout_{number * MOVED}",
            created_at=NOW,
        )

    @property
    def patient(self) -> str:
        """A patient with some past checkouts."""
        return f"patient-{self.history.checkouts // 10}"

    @property
    def delivery(self) -> EventDelivery:
        """An event that waits for its subscriber."""
        return EventDelivery(
            subscriber_id=SUBSCRIBERS[1],
            sequence=self.history.recent,
            event=EVENT,
            tries=1,
            failing_since=None,
        )

    async def in_unit(self, work: Callable[[UnitOfWork], Awaitable[object]]) -> None:
        """Do it in a transaction, and roll that back."""
        async with sql_unit_of_work(self.engine, SEALER)() as unit:
            await work(unit)


def _hold(name: str = "hold_new") -> Hold:
    slot = a_slot(start=NOW + 30 * DAY, clinician="clinician-1")
    return Hold(
        id=name,
        owner="visitor:1",
        taken_by="visitor:1",
        slot=slot,
        time_zone="UTC",
        created_at=NOW,
        expires_at=NOW + HOUR,
        client="network",
    )


Call: TypeAlias = Callable[[Stored], Awaitable[object]]


def _unit(work: Callable[[Any, Stored], Awaitable[object]]) -> Call:
    return lambda stored: stored.in_unit(lambda unit: work(unit, stored))


async def _until_read(stored: Stored, after: int) -> None:
    async for _ in audit_reading.links(stored.engine, after=after, until=after + 50):
        pass


async def _recorded_soon(stored: Stored) -> None:
    trail = SqlAuditTrail(engine=stored.engine, key=KEY)
    await trail.record_soon(an_entry())
    await trail.aclose()


def _holds(stored: Stored) -> SqlHoldStore:
    return SqlHoldStore(engine=stored.engine, clock=_Clock())


def _keys(stored: Stored) -> tuple[IdempotencyKeys, Claimed]:
    scope = Scope(tenant="practice", principal="visitor:1", field="holdSlot", key="new")
    return IdempotencyKeys(engine=stored.engine), Claimed(scope=scope, attempt=1)


async def _claimed(stored: Stored) -> None:
    keys, claimed = _keys(stored)
    await keys.claim(claimed.scope, fingerprint="f", now=NOW, in_flight_until=NOW + HOUR)


CALLS: Mapping[str, Call] = {
    # checkouts
    "SqlCheckouts.add": _unit(lambda unit, _: unit.checkouts.add(a_checkout("checkout_new"))),
    "SqlCheckouts.get": _unit(lambda unit, stored: unit.checkouts.get(stored.live.id)),
    "SqlCheckouts.live_for_hold": _unit(lambda unit, _: unit.checkouts.live_for_hold("hold_1")),
    "SqlCheckouts.save": _unit(lambda unit, stored: unit.checkouts.save(stored.live.changed(version=9))),
    "SqlCheckouts.due": _unit(lambda unit, _: unit.checkouts.due(NOW, limit=20)),
    "SqlCheckouts.defer": _unit(lambda unit, stored: unit.checkouts.defer(stored.live.id, now=NOW)),
    "SqlCheckouts.note_hold": _unit(lambda unit, _: unit.checkouts.note_hold("hold_1", expires_at=NOW)),
    "SqlCheckouts.of_patient": _unit(
        lambda unit, stored: unit.checkouts.of_patient(stored.patient, besides="checkout_1")
    ),
    "SqlCheckouts.awaiting": _unit(
        lambda unit, stored: unit.checkouts.awaiting(
            S.CHARGE_INTENDED, checkout_id=None, patient_id=stored.patient
        )
    ),
    "SqlCheckouts.in_doubt": _unit(lambda unit, _: unit.checkouts.in_doubt(NOW)),
    "SqlCheckouts.of_unknown_state": _unit(lambda unit, _: unit.checkouts.of_unknown_state()),
    "SqlCheckouts.listed": _unit(
        lambda unit, _: unit.checkouts.listed(
            state=None, attention=False, limit=20, after=ListCursor(created_at=NOW - DAY, id="checkout_1")
        )
    ),
    "SqlCheckouts.listed, a common state": _unit(
        lambda unit, _: unit.checkouts.listed(state=S.CONFIRMED, attention=False, limit=20)
    ),
    "SqlCheckouts.listed, a rare state": _unit(
        lambda unit, _: unit.checkouts.listed(state=S.NEEDS_ATTENTION, attention=False, limit=20)
    ),
    "SqlCheckouts.listed, attention": _unit(
        lambda unit, _: unit.checkouts.listed(state=None, attention=True, limit=20)
    ),
    "SqlSendFactsReader.of": lambda stored: SqlSendFactsReader(engine=stored.engine).of(stored.live),
    "SqlCheckoutHistory.add": _unit(
        lambda unit, _: unit.history.add(replace(a_history_entry(), checkout_id="checkout_1"))
    ),
    "calls_since": lambda stored: calls_since(stored.engine, "checkout_5", since=NOW, until=None),
    "history_of": lambda stored: history_of(stored.engine, stored.live.id),
    "SqlCheckouts.booked": _unit(lambda unit, _: unit.checkouts.booked("appointment-2")),
    # requested changes
    "SqlRequestedChanges.add": _unit(
        lambda unit, _: unit.changes.add(a_reschedule("chg_new"), history=[NOTED])
    ),
    "SqlRequestedChanges.add, another is open": _unit(
        lambda unit, stored: unit.changes.add(stored.change.changed(id="chg_new"))
    ),
    "SqlRequestedChanges.get": _unit(lambda unit, stored: unit.changes.get(stored.change.id)),
    "SqlRequestedChanges.save": _unit(
        lambda unit, stored: unit.changes.save(
            with_done(stored.change, 0).changed(state=ChangeState.DONE), was=stored.change, history=[NOTED]
        )
    ),
    "SqlRequestedChanges.open_for": _unit(lambda unit, _: unit.changes.open_for("appointment-5")),
    "SqlRequestedChanges.live_for_hold": _unit(lambda unit, _: unit.changes.live_for_hold("hold_of_chg_1")),
    "SqlRequestedChanges.of_checkout": _unit(lambda unit, _: unit.changes.of_checkout("checkout_5")),
    "SqlRequestedChanges.of_patient": _unit(lambda unit, stored: unit.changes.of_patient(stored.patient)),
    "SqlRequestedChanges.of_visit": _unit(lambda unit, _: unit.changes.of_visit("appointment-5")),
    "SqlRequestedChanges.of_subject": _unit(
        lambda unit, _: unit.changes.of_subject(Subject(kind=SubjectKind.MEMBERSHIP, id="membership-5"))
    ),
    "SqlRequestedChanges.due": _unit(lambda unit, _: unit.changes.due(NOW, limit=20)),
    "SqlRequestedChanges.defer": _unit(lambda unit, stored: unit.changes.defer(stored.change.id, now=NOW)),
    "SqlRequestedChanges.in_doubt": _unit(lambda unit, _: unit.changes.in_doubt(NOW)),
    "SqlRequestedChanges.of_unknown_state": _unit(lambda unit, _: unit.changes.of_unknown_state()),
    "SqlRequestedChanges.listed": _unit(
        lambda unit, _: unit.changes.listed(
            state=None, attention=False, limit=20, after=ListCursor(created_at=NOW - DAY, id="chg_1")
        )
    ),
    "SqlRequestedChanges.listed, a state": _unit(
        lambda unit, _: unit.changes.listed(state="needs_attention", attention=False, limit=20)
    ),
    "SqlRequestedChanges.listed, attention": _unit(
        lambda unit, _: unit.changes.listed(state=None, attention=True, limit=20)
    ),
    "SqlRequestedChanges.history": _unit(lambda unit, _: unit.changes.history("chg_1")),
    # claims and holds
    "SqlClaims.take, of a reschedule": _unit(
        lambda unit, stored: unit.claims.take(RescheduleClaim.of(stored.change))
    ),
    "SqlClaims.take": _unit(lambda unit, stored: unit.claims.take(stored.live)),
    "SqlClaims.release": _unit(lambda unit, stored: unit.claims.release(stored.live.id)),
    "SqlClaims.against": _unit(lambda unit, _: unit.claims.against("clinician-1", WEEK)),
    "SqlClaims.busy": _unit(lambda unit, _: unit.claims.busy(EVERYBODY, WEEK)),
    "SqlClaims.release_begun": _unit(lambda unit, _: unit.claims.release_begun(NOW)),
    "SqlHoldStore.acquire": lambda stored: _holds(stored).acquire(_hold(), limit=5, client_limit=50),
    "SqlHoldStore.get": lambda stored: _holds(stored).get("hold_1"),
    "SqlHoldStore.extend": lambda stored: _holds(stored).extend(_hold(), expires_at=NOW + HOUR),
    "SqlHoldStore.transfer": lambda stored: _holds(stored).transfer(_hold(), owner="guest:1"),
    "SqlHoldStore.release": lambda stored: _holds(stored).release("hold_new", owners=["guest:1"]),
    "SqlHoldStore.busy": lambda stored: _holds(stored).busy(EVERYBODY, WEEK),
    "SqlHoldStore.anonymous": lambda stored: _holds(stored).anonymous("clinician-1", WEEK),
    "SqlHoldStore.reap": lambda stored: _holds(stored).reap(NOW),
    # live queries
    "SqlChangeReader.versions": lambda stored: SqlChangeReader(engine=stored.engine).versions(
        [f"checkout_{number}" for number in range(20)]
    ),
    "SqlChangeReader.bookings": lambda stored: SqlChangeReader(engine=stored.engine).bookings(
        [f"patient-{number}" for number in range(5)]
    ),
    "SqlChangeReader.claims": lambda stored: SqlChangeReader(engine=stored.engine).claims(EVERYBODY, WEEK),
    "SqlChangeReader.recorded": lambda stored: SqlChangeReader(engine=stored.engine).recorded(
        EVERYBODY, WEEK, since=NOW - HOUR
    ),
    # callers
    "SqlPatientLinks.get": lambda stored: SqlPatientLinks(engine=stored.engine).get("issuer", "subject"),
    "SqlPatientLinks.add": lambda stored: SqlPatientLinks(engine=stored.engine).add(
        "issuer", "subject", "patient-new", now=NOW
    ),
    "SqlPatientLinks.forget": lambda stored: SqlPatientLinks(engine=stored.engine).forget("patient-new"),
    "IdempotencyKeys.claim": _claimed,
    "IdempotencyKeys.renew": lambda stored: _keys(stored)[0].renew(_keys(stored)[1], in_flight_until=NOW),
    "IdempotencyKeys.suspend": lambda stored: _keys(stored)[0].suspend(_keys(stored)[1], now=NOW),
    "IdempotencyKeys.release": lambda stored: _keys(stored)[0].release(_keys(stored)[1]),
    "IdempotencyKeys.complete": lambda stored: _keys(stored)[0].complete(_keys(stored)[1], reference={}),
    "IdempotencyKeys.reap": lambda stored: _keys(stored)[0].reap(NOW),
    # the audit trail
    "SqlAuditTrail.record": lambda stored: SqlAuditTrail(engine=stored.engine, key=KEY).record(an_entry()),
    "SqlAuditTrail.record_soon": _recorded_soon,
    "SqlAuditTrail.head": lambda stored: SqlAuditTrail(engine=stored.engine, key=KEY).head(),
    "links": lambda stored: _until_read(stored, stored.history.audit_records // 2),
    "of_checkout": lambda stored: audit_reading.of_checkout(stored.engine, stored.live.id),
    "span, the last day": lambda stored: audit_reading.span(stored.engine, since=NOW - DAY),
    "span, the first day": lambda stored: audit_reading.span(
        stored.engine, until=stored.history.started(0) + DAY
    ),
    "span, a day in between": lambda stored: audit_reading.span(
        stored.engine, since=NOW - 400 * DAY, until=NOW - 399 * DAY
    ),
    # domain events
    "SqlEventOutbox.add": _unit(lambda unit, _: unit.outbox.add([EVENT])),
    "SqlEventLog.after": lambda stored: SqlEventLog(engine=stored.engine).after(
        stored.history.recent - 5, limit=500
    ),
    "SqlEventLog.last": lambda stored: SqlEventLog(engine=stored.engine).last(),
    "SqlEventLog.about": lambda stored: SqlEventLog(engine=stored.engine).about(VISIT),
    "SqlEventDeliveries.register": _unit(lambda unit, _: unit.deliveries.register("handler:new", now=NOW)),
    "SqlEventDeliveries.pending": _unit(lambda unit, _: unit.deliveries.pending(NOW)),
    "SqlEventDeliveries.fan_out": _unit(
        lambda unit, _: unit.deliveries.fan_out(SUBSCRIBERS[0], None, limit=100)
    ),
    "SqlEventDeliveries.due": _unit(
        lambda unit, _: unit.deliveries.due(SUBSCRIBERS[1], NOW + 2 * HOUR, limit=20)
    ),
    "SqlEventDeliveries.due, none is": _unit(
        lambda unit, _: unit.deliveries.due(SUBSCRIBERS[1], NOW, limit=20)
    ),
    "SqlEventDeliveries.lease": _unit(
        lambda unit, stored: unit.deliveries.lease(stored.delivery, "worker-1", now=NOW, until=NOW)
    ),
    "SqlEventDeliveries.mark_delivered": _unit(
        lambda unit, stored: unit.deliveries.mark_delivered(
            replace(stored.delivery, lease_owner="worker-1"), now=NOW
        )
    ),
    "SqlEventDeliveries.mark_failed": _unit(
        lambda unit, stored: unit.deliveries.mark_failed(
            replace(stored.delivery, lease_owner="worker-1"), due_at=NOW, now=NOW, why="timeout"
        )
    ),
    "SqlEventDeliveries.redeliver": _unit(
        lambda unit, _: unit.deliveries.redeliver(SUBSCRIBERS[0], None, since=NOW - HOUR, until=NOW, now=NOW)
    ),
    "SqlEventDeliveries.retry_all": _unit(lambda unit, _: unit.deliveries.retry_all(SUBSCRIBERS[0], now=NOW)),
    "SqlEventDeliveries.remove": _unit(lambda unit, _: unit.deliveries.remove("handler:gone")),
    "SqlEventDeliveries.standings": _unit(lambda unit, _: unit.deliveries.standings()),
    "SqlEventDeliveries.latest": _unit(lambda unit, _: unit.deliveries.latest(SUBSCRIBERS[1], limit=20)),
    "SqlEndpoints.add": _unit(lambda unit, _: unit.endpoints.add(ENDPOINT)),
    "SqlEndpoints.declare": _unit(lambda unit, _: unit.endpoints.declare([], now=NOW)),
    "SqlEndpoints.get": _unit(lambda unit, _: unit.endpoints.get(ENDPOINT.id)),
    "SqlEndpoints.listed": _unit(lambda unit, _: unit.endpoints.listed()),
    "SqlEndpoints.rotate": _unit(lambda unit, _: unit.endpoints.rotate(ENDPOINT.id, ENDPOINT.secrets)),
    "SqlEndpoints.disable": _unit(lambda unit, _: unit.endpoints.disable("x", because="operator", now=NOW)),
    "SqlEndpoints.enable": _unit(lambda unit, _: unit.endpoints.enable(ENDPOINT.id)),
    "reap_deliveries": lambda stored: reap_deliveries(stored.engine),
    "SqlEventLog.reap": lambda stored: SqlEventLog(engine=stored.engine).reap(NOW),
    # synchronization
    "SqlInbox.accept": lambda stored: SqlInbox(engine=stored.engine).accept(WEBHOOK),
    "SqlInbox.received": lambda stored: SqlInbox(engine=stored.engine).received(NOW - HOUR),
    "SqlInbox.delivery_stats": lambda stored: SqlInbox(engine=stored.engine).delivery_stats(NOW - HOUR),
    "SqlInbox.about": lambda stored: SqlInbox(engine=stored.engine).about("appointment-2"),
    "SqlInbox.reap": lambda stored: SqlInbox(engine=stored.engine).reap(NOW),
    "SqlPendingRefreshes.mark": _unit(lambda unit, _: unit.pending_refreshes.mark(PENDING.hint, now=NOW)),
    "SqlPendingRefreshes.due": _unit(lambda unit, _: unit.pending_refreshes.due(NOW, limit=20)),
    "SqlPendingRefreshes.lease": _unit(
        lambda unit, _: unit.pending_refreshes.lease(VISIT, "worker-1", now=NOW, until=NOW)
    ),
    "SqlPendingRefreshes.done": _unit(lambda unit, _: unit.pending_refreshes.done(PENDING, now=NOW)),
    "SqlPendingRefreshes.failed": _unit(
        lambda unit, _: unit.pending_refreshes.failed(PENDING, due_at=NOW, now=NOW, error="timeout")
    ),
    "SqlPendingRefreshes.listed": _unit(lambda unit, _: unit.pending_refreshes.listed(dead=True, limit=20)),
    "SqlPendingRefreshes.of": _unit(lambda unit, _: unit.pending_refreshes.of(VISIT)),
    "SqlSnapshots.get": _unit(lambda unit, _: unit.snapshots.get(VISIT)),
    "SqlSnapshots.save": _unit(lambda unit, _: unit.snapshots.save(Snapshot(resource=VISIT, seen_at=NOW))),
    "SqlSnapshots.standing_visits": _unit(
        lambda unit, _: unit.snapshots.standing_visits(NOW - HOUR, NOW + HOUR)
    ),
    "SqlPolls.claim": _unit(lambda unit, _: unit.polls.claim("visits", now=NOW, next_at=NOW, begins=NOW)),
    "SqlPolls.seen": _unit(lambda unit, _: unit.polls.seen("visits", NOW)),
    "SqlKnownSubscriptions.all": _unit(lambda unit, _: unit.known_subscriptions.all()),
    "SqlKnownSubscriptions.remember": _unit(
        lambda unit, _: unit.known_subscriptions.remember(SUBSCRIPTION, well_at=NOW)
    ),
    "SqlKnownSubscriptions.forget_secret": _unit(lambda unit, _: unit.known_subscriptions.forget_secret("1")),
    "SqlKnownSubscriptions.forget": _unit(lambda unit, _: unit.known_subscriptions.forget("1")),
    "SqlWebhookSecrets.__call__": lambda stored: SqlWebhookSecrets(engine=stored.engine, sealer=SEALER)(),
    # the waitlist
    "SqlWaitlist.join": _unit(lambda unit, _: unit.waitlist.join(PLACE, per_patient=3, in_all=9_999)),
    "SqlWaitlist.entry": _unit(lambda unit, _: unit.waitlist.entry("wait_8")),
    "SqlWaitlist.entries_of": _unit(
        lambda unit, _: unit.waitlist.entries_of("patient-7", since=NOW - 7 * DAY, ended=20)
    ),
    "SqlWaitlist.waiting": _unit(lambda unit, _: unit.waitlist.waiting(GROUP, limit=100)),
    "SqlWaitlist.waiting, a later page": _unit(
        lambda unit, _: unit.waitlist.waiting(GROUP, limit=100, after=PLACE)
    ),
    "SqlWaitlist.end_entry": _unit(
        lambda unit, _: unit.waitlist.end_entry("wait_8", EntryState.LEFT, now=NOW)
    ),
    "SqlWaitlist.still_waits": _unit(lambda unit, _: unit.waitlist.still_waits("wait_8")),
    "SqlWaitlist.note_answers": _unit(lambda unit, _: unit.waitlist.note_answers("wait_8", 1)),
    "SqlWaitlist.add_offer": _unit(lambda unit, _: unit.waitlist.add_offer(OFFER)),
    "SqlWaitlist.offer": _unit(lambda unit, _: unit.waitlist.offer("off_8")),
    "SqlWaitlist.offers_of": _unit(
        lambda unit, _: unit.waitlist.offers_of([f"wait_{number}" for number in range(200, 250)], now=NOW)
    ),
    "SqlWaitlist.announced": _unit(lambda unit, _: unit.waitlist.announced("clinician-1", WEEK, now=NOW)),
    "SqlWaitlist.save_offer": _unit(lambda unit, _: unit.waitlist.save_offer(OFFER.changed(id="off_8"))),
    "SqlWaitlist.due_offers": _unit(lambda unit, _: unit.waitlist.due_offers(NOW, limit=20)),
    "SqlWaitlist.defer": _unit(lambda unit, _: unit.waitlist.defer("off_8", now=NOW)),
    "SqlWaitlist.hasten": _unit(lambda unit, _: unit.waitlist.hasten(["clinician-1"], now=NOW)),
    "SqlWaitlist.mark": _unit(lambda unit, _: unit.waitlist.mark(GROUP, now=NOW)),
    "SqlWaitlist.mark, every group": _unit(lambda unit, _: unit.waitlist.mark(None, now=NOW)),
    "SqlWaitlist.claim_look": _unit(lambda unit, _: unit.waitlist.claim_look(NOW, until=NOW + HOUR)),
    "SqlWaitlist.end_look": _unit(
        lambda unit, _: unit.waitlist.end_look(LOOK, due_at=NOW + HOUR, rested_at=NOW)
    ),
    "reap_waitlist": lambda stored: reap_waitlist(stored.engine, NOW - 30 * DAY),
    # operations
    "SqlDailyJobs.claim": _unit(
        lambda unit, _: unit.daily_jobs.claim(
            "ledger", date(2026, 1, 1), "worker-1", now=NOW, until=NOW, since=None
        )
    ),
    "SqlDailyJobs.finish": _unit(lambda unit, _: unit.daily_jobs.finish(RUN, now=NOW, seen_until=NOW)),
    "SqlDailyJobs.fail": _unit(lambda unit, _: unit.daily_jobs.fail(RUN, due_at=NOW)),
    "SqlDailyJobs.seen_until": _unit(lambda unit, _: unit.daily_jobs.seen_until("ledger")),
    "SqlAlerts.raise_once": _unit(lambda unit, _: unit.alerts.raise_once(ALERT)),
    "SqlAlerts.due": _unit(lambda unit, _: unit.alerts.due(NOW, limit=20)),
    "SqlAlerts.claim": _unit(lambda unit, _: unit.alerts.claim(ALERT, now=NOW, until=NOW)),
    "SqlAlerts.mark_sent": _unit(lambda unit, _: unit.alerts.mark_sent(ALERT, NOW)),
    "SqlAlerts.defer": _unit(lambda unit, _: unit.alerts.defer(ALERT, NOW)),
    "SqlAlerts.forget": _unit(lambda unit, _: unit.alerts.forget("checkout_1")),
    "SqlClinicianBlocks.block": _unit(
        lambda unit, _: unit.blocks.block(
            ClinicianBlock(
                clinician_id="clinician-2", reason="provider_mismatch", checkout_id="c", blocked_at=NOW
            )
        )
    ),
    "SqlClinicianBlocks.is_blocked": _unit(lambda unit, _: unit.blocks.is_blocked("clinician-1")),
    "SqlClinicianBlocks.standing": _unit(lambda unit, _: unit.blocks.standing()),
    "SqlClinicianBlocks.clear": _unit(lambda unit, _: unit.blocks.clear("clinician-1")),
    "SqlBlockedClinicians.blocked": lambda stored: SqlBlockedClinicians(engine=stored.engine).blocked(),
    "SqlKeyProofs.known": lambda stored: SqlKeyProofs(engine=stored.engine).known(),
    "SqlKeyProofs.claim": lambda stored: SqlKeyProofs(engine=stored.engine).claim(
        "clinician-1", "f", since=NOW, now=NOW, until=NOW
    ),
    "SqlKeyProofs.keep": lambda stored: SqlKeyProofs(engine=stored.engine).keep(PROOF),
    "WriteProbe.__call__": lambda stored: WriteProbe(engine=stored.engine, clock=_Clock())(),
}

"""Fills a migrated, new database with years of history, as it would be found there: how much is chosen by the caller."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import JSON, Table, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.audit.chain import record_of, stamp
from booking.checkout.model import CheckoutState
from integrations.database import change_rows
from integrations.database.checkout_rows import to_row
from integrations.database.tables.callers import idempotency_keys, patient_links
from integrations.database.tables.changes import requested_change_events, requested_changes
from integrations.database.tables.checkouts import checkout_events, checkouts
from integrations.database.tables.events import event_deliveries, practice_events, subscribers
from integrations.database.tables.operations import alerts, audit_records, clinician_blocks, daily_runs
from integrations.database.tables.slots import holds, slot_claims
from integrations.database.tables.waitlist import waitlist_entries, waitlist_looks, waitlist_offers
from integrations.database.tables.webhooks import pending_refreshes, resource_snapshots, webhook_deliveries
from tests.doubles.audit_samples import KEY, an_entry
from tests.integration.change_samples import a_reschedule
from tests.integration.database_samples import NOON, SEALER, a_checkout

S = CheckoutState

# When the history ends, and how far it goes back.
NOW = NOON
YEARS = timedelta(days=3 * 365)

CLINICIANS = 10
SUBSCRIBERS = ("handler:crm", "endpoint-1")

# What is under way at any moment does not grow with history.
LIVE = (
    *(S.STARTED,) * 20,
    *(S.PATIENT_READY, S.CARD_INTENDED, S.CHARGE_INTENDED, S.CHARGED, S.BOOKING_INTENDED) * 2,
    *(S.NEEDS_ATTENTION,) * 5,
    S.LATE_REFUND_INTENDED,
)

# Every fifth visit was moved once; some of the last ones still are under way, or wait for a person.
MOVED = 5
LIVE_CHANGES = (*("open",) * 10, *("needs_attention",) * 5)

# What each waits for on the waitlist, and what was offered to them, as the repository stores it.
WISH = {
    "visit_type_id": "visit-1",
    "contact_type": "video",
    "location_id": None,
    "clinician_ids": None,
    "state": None,
    "weekdays": [1, 3],
    "hours": [{"start": 540, "end": 720}],
    "time_zone": "America/New_York",
    "notice": "PT2H",
    "until": (NOW + timedelta(days=20)).date().isoformat(),
}
SLOT_ROW = {
    "clinician_id": "clinician-1",
    "visit_type_id": "visit-1",
    "contact_type": "video",
    "location_id": None,
    "start": (NOW + timedelta(days=3)).isoformat(),
    "minutes": 30,
}

_ROWS_AT_ONCE = 20_000
_FOLLOWED_UP = timedelta(hours=72)
_RETAINED = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class LongHistory:
    """So many checkouts over three years, with all that comes with them. Ids are numbered from 0, the oldest."""

    checkouts: int
    recent: int  # webhooks, events and idempotency keys, each: those of a month, and some that are overdue

    @property
    def changes(self) -> int:
        """How many visits their patients have changed."""
        return self.checkouts // MOVED

    @property
    def audit_records(self) -> int:
        """How many records the audit trail has."""
        return 5 * self.checkouts

    def started(self, number: int) -> datetime:
        """When the checkout of this number was started."""
        return NOW - YEARS * ((self.checkouts - number) / self.checkouts)

    def received(self, number: int) -> datetime:
        """When the webhook, event or key of this number was stored: over 40 days, of which the first ten are past the retention."""
        return NOW - (_RETAINED + timedelta(days=10)) * ((self.recent - number) / self.recent)


async def fill(engine: AsyncEngine, history: LongHistory) -> None:
    """Store the history, and let the database gather its statistics."""
    for table, rows in _tables(history):
        await _store(engine, table, rows)
    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("VACUUM ANALYZE"))
        else:
            await connection.execute(text("ANALYZE"))
            await connection.commit()


async def _store(engine: AsyncEngine, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while part := list(islice(rows, _ROWS_AT_ONCE)):
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await _copy((await connection.get_raw_connection()).driver_connection, table, part)
            else:
                await connection.execute(insert(table), part)


async def _copy(driver: Any, table: Table, rows: list[dict[str, Any]]) -> None:
    """PostgreSQL's COPY, a tenth of the time of inserts."""
    names = list(rows[0])
    documents = {name for name in names if isinstance(table.c[name].type, JSON)}

    def value(name: str, stored: Any) -> Any:
        return json.dumps(stored) if name in documents and stored is not None else stored

    records = [[value(name, row[name]) for name in names] for row in rows]
    await driver.copy_records_to_table(table.name, columns=names, records=records)


def _tables(history: LongHistory) -> Iterable[tuple[Table, Iterator[dict[str, Any]]]]:
    yield checkouts, _checkouts(history)
    yield checkout_events, _checkout_events(history)
    yield requested_changes, _requested_changes(history)
    yield requested_change_events, _requested_change_events(history)
    yield slot_claims, _slot_claims(history)
    yield holds, _holds()
    yield audit_records, _audit_records(history)
    yield patient_links, _patient_links(history)
    yield idempotency_keys, _idempotency_keys(history)
    yield subscribers, _subscribers(history)
    yield practice_events, _practice_events(history)
    yield event_deliveries, _event_deliveries(history)
    yield webhook_deliveries, _webhook_deliveries(history)
    yield pending_refreshes, _pending_refreshes()
    yield resource_snapshots, _resource_snapshots(history)
    yield alerts, _alerts(history)
    yield daily_runs, _daily_runs()
    yield clinician_blocks, _clinician_blocks()
    yield waitlist_entries, _waitlist_entries(history)
    yield waitlist_offers, _waitlist_offers(history)
    yield waitlist_looks, _waitlist_looks()


def _state(history: LongHistory, number: int) -> S:
    """The latest are under way; of a hundred others 69 are confirmed, 29 expired, one cancelled and one refunded."""
    newest = history.checkouts - 1 - number
    if newest < len(LIVE):
        return LIVE[newest]
    return {0: S.CANCELLED, 1: S.REFUNDED}.get(number % 100, S.EXPIRED if number % 100 < 31 else S.CONFIRMED)


def _checkouts(history: LongHistory) -> Iterator[dict[str, Any]]:
    sample = to_row(a_checkout(version=9), SEALER)
    for number in range(history.checkouts):
        state, started = _state(history, number), history.started(number)
        over = history.checkouts - number > len(LIVE)
        paid = over and state in {S.CONFIRMED, S.REFUNDED}
        starts = _visit_start(history, number)
        yield sample | {
            "id": f"checkout_{number}",
            "state": state,
            "owner": f"guest:checkout_{number}",
            "hold_id": f"hold_{number}",
            "clinician_id": f"clinician-{number % CLINICIANS}",
            "starts_at": starts,
            "ends_at": starts + timedelta(minutes=30),
            "patient_id": f"patient-{number // 5}" if over else f"patient-live-{number}",
            "billing_item_id": f"billing-item-{number}" if paid else None,
            "charge_id": f"charge-{number}" if paid else None,
            "appointment_id": f"appointment-{number}" if paid else None,
            "attention": "refund_failed" if state is S.NEEDS_ATTENTION else None,
            "intended_at": started if state.endswith("_intended") else None,
            "confirm_deadline": started + timedelta(minutes=15),
            "created_at": started,
            "updated_at": started + timedelta(minutes=5),
            "ended_at": started + timedelta(minutes=5) if over else None,
            "due_at": NOW + timedelta(minutes=1) if not over or started > NOW - _FOLLOWED_UP else None,
        }


def _visit_start(history: LongHistory, number: int) -> datetime:
    """Some days after the checkout; no two of one clinician at once among the live."""
    return history.started(number).replace(minute=0, second=0, microsecond=0) + timedelta(
        days=7, hours=number // CLINICIANS % 24
    )


def _checkout_events(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.checkouts):
        for step, (before, after) in enumerate(
            (("started", "charged"), ("charged", "booked"), ("booked", "confirmed"))
        ):
            yield {
                "checkout_id": f"checkout_{number}",
                "at": history.started(number) + timedelta(seconds=step),
                "kind": "moved",
                "before": before,
                "after": after,
                "attempt": 1,
                "by": "driver-1",
            }


def _requested_changes(history: LongHistory) -> Iterator[dict[str, Any]]:
    """Moves by a day, each two days after its checkout was started."""
    sample = change_rows.to_row(a_reschedule(version=5), SEALER)
    for number in range(history.changes):
        checkout = number * MOVED
        over = history.changes - number > len(LIVE_CHANGES)
        at = history.started(checkout) + timedelta(days=2) if over else NOW
        clinician = f"clinician-{checkout % CLINICIANS}"
        starts = _visit_start(history, checkout)
        yield sample | {
            "id": f"chg_{number}",
            "state": "done" if over else LIVE_CHANGES[history.changes - number - 1],
            "patient_id": f"patient-{checkout // 5}",
            "appointment_id": f"appointment-{checkout}",
            "subject_id": f"appointment-{checkout}",
            "checkout_id": f"checkout_{checkout}",
            "hold_id": f"hold_of_chg_{number}",
            "clinician_id": clinician,
            "starts_at": starts,
            "new_clinician_id": clinician,
            "new_starts_at": starts + timedelta(days=1),
            "new_ends_at": starts + timedelta(days=1, minutes=30),
            "attention": None if over or number % 2 else "visit_not_cancelled",
            "freed_at": at if over else None,
            "created_at": at,
            "updated_at": at,
            "ended_at": at if over else None,
            "due_at": None if over else NOW + timedelta(minutes=1),
        }


def _requested_change_events(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.changes):
        for before, after in (("open", "move_visit:intended"), ("move_visit:intended", "done")):
            yield {
                "change_id": f"chg_{number}",
                "at": history.started(number * MOVED),
                "kind": "moved",
                "before": before,
                "after": after,
                "by": "driver-1",
                "note": None,
            }


def _slot_claims(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.checkouts - len(LIVE), history.checkouts):
        starts = _visit_start(history, number)
        yield {
            "checkout_id": f"checkout_{number}",
            "clinician_id": f"clinician-{number % CLINICIANS}",
            "starts_at": starts,
            "ends_at": starts + timedelta(minutes=30),
        }


def _holds() -> Iterator[dict[str, Any]]:
    """Those of a busy practice without Redis, half of them expired."""
    for number in range(100):
        starts = NOW + timedelta(days=1, hours=number)
        yield {
            "id": f"hold_{number}",
            "owner": f"visitor:{number}",
            "taken_by": f"visitor:{number}",
            "clinician_id": f"clinician-{number % CLINICIANS}",
            "visit_type_id": "visit-1",
            "contact_type": "video",
            "location_id": None,
            "starts_at": starts,
            "ends_at": starts + timedelta(minutes=30),
            "minutes": 30,
            "time_zone": "UTC",
            "created_at": NOW - timedelta(minutes=9),
            "expires_at": NOW + timedelta(minutes=1 if number % 2 else -1),
            "extensions": 0,
            "client": None,
        }


def _audit_records(history: LongHistory) -> Iterator[dict[str, Any]]:
    """Five for each checkout, of which three name it. They are of the right size, and of no right chain."""
    record = record_of(an_entry(checkout_id="CHECKOUT"), KEY).record
    for number in range(history.audit_records):
        checkout = f"checkout_{number // 5}"
        yield {
            "sequence": number + 1,
            "at": stamp(history.started(number // 5) + timedelta(seconds=number % 5)),
            "checkout_id": checkout if number % 5 < 3 else None,
            "record": record.replace("CHECKOUT", checkout),
            "mac": f"{number:064x}",
        }


def _patient_links(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.checkouts // 5):
        yield {"person": f"{number:064x}", "patient_id": f"patient-{number}", "linked_at": NOW}


def _idempotency_keys(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.recent):
        yield {
            "tenant": "practice",
            "principal": f"visitor:{number}",
            "field": "startCheckout",
            "key_digest": f"{number:064x}",
            "fingerprint": f"{number:064x}",
            "attempt": 1,
            "in_flight_until": history.received(number),
            "completed": True,
            "reference": {"checkout": f"checkout_{number}"},
            "created_at": history.received(number),
        }


def _subscribers(history: LongHistory) -> Iterator[dict[str, Any]]:
    for name in SUBSCRIBERS:
        yield {"id": name, "place": history.recent, "created_at": NOW - YEARS}


def _practice_events(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.recent):
        yield {
            "id": f"event-{number}",
            "name": "appointment.created",
            "at": history.received(number),
            "kind": "visit",
            "resource_id": f"appointment-{number}",
            "ids": {"appointment": f"appointment-{number}", "clinician": f"clinician-{number % CLINICIANS}"},
            "by": None,
        }


def _event_deliveries(history: LongHistory) -> Iterator[dict[str, Any]]:
    """One subscriber got everything; the other fails, so that the last tenth of the events wait for it, each until later."""
    for number in range(history.recent):
        for name in SUBSCRIBERS:
            waits = name == SUBSCRIBERS[1] and number >= history.recent * 9 // 10
            yield {
                "subscriber_id": name,
                "sequence": number + 1,
                "tries": 1,
                "told_at": None if waits else history.received(number),
                "due_at": NOW + timedelta(hours=1) if waits else None,
            }


def _webhook_deliveries(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.recent):
        yield {
            "received_at": history.received(number),
            "source": "webhook",
            "event": "appointment.updated",
            "resource_type": "Appointment",
            "resource_id": f"appointment-{number}",
            "kind": "visit",
        }


def _pending_refreshes() -> Iterator[dict[str, Any]]:
    for number in range(20):
        yield {
            "kind": "visit",
            "resource_id": f"appointment-{number}",
            "merged": False,
            "marks": 1,
            "first_marked_at": NOW,
            "marked_at": NOW,
            "tries": 0,
            "due_at": NOW,
        }


def _resource_snapshots(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.checkouts):
        yield {
            "kind": "visit",
            "resource_id": f"appointment-{number}",
            "version": 2,
            "state": None,
            "gone": False,
            "seen_at": history.started(number),
            "starts_at": _visit_start(history, number),
        }


def _alerts(history: LongHistory) -> Iterator[dict[str, Any]]:
    for number in range(history.checkouts // 100):
        yield {
            "id": f"late_found:checkout_{number}",
            "reason": "late_found",
            "subject": f"checkout_{number}",
            "raised_at": history.started(number),
            "told_at": history.started(number),
            "tries": 0,
            "due_at": None,
        }


def _daily_runs() -> Iterator[dict[str, Any]]:
    for day in range(YEARS.days):
        at = NOW - timedelta(days=day)
        yield {"job": "ledger", "day": at.date().isoformat(), "tries": 0, "finished_at": at, "seen_until": at}


def _clinician_blocks() -> Iterator[dict[str, Any]]:
    yield {
        "clinician_id": "clinician-9",
        "reason": "provider_mismatch",
        "checkout_id": "checkout_1",
        "blocked_at": NOW,
    }


def _waitlist_entries(history: LongHistory) -> Iterator[dict[str, Any]]:
    """As many wait as may, most of them for the same visit, and as many have ended within a month; each patient waits for two."""
    for number in range(2 * history.recent):
        waits, place = number % 2 == 0, number // 2
        joined = history.received(place)
        yield {
            "id": f"wait_{number}",
            "patient_id": f"patient-{place // 2}",
            "group_key": "visit-1|video|" if place % 50 else f"visit-{2 + place // 50 % 20}|video|",
            "digest": f"{place:032x}",
            "wish": WISH,
            "state": "waiting" if waits else "left",
            "unanswered": 0,
            "joined_at": joined,
            "ends_at": joined + timedelta(days=45),
            "ended_at": None if waits else joined + timedelta(hours=1),
        }


def _waitlist_offers(history: LongHistory) -> Iterator[dict[str, Any]]:
    """Each who waits has let one pass, and lost one; the latest have one, some of which are due."""
    for number in range(2 * history.recent):
        state, place = ("passed_on", "lost")[number % 2], number // 2
        live = number < 60
        made = history.received(place)
        yield {
            "id": f"off_{number}",
            "version": 3,
            "entry_id": f"wait_{2 * place}" if not live else f"wait_{2 * number}",
            "patient_id": f"patient-{place // 2}",
            "clinician_id": f"clinician-{place % CLINICIANS}",
            "starts_at": NOW + timedelta(hours=number),
            "slot": SLOT_ROW,
            "hold_id": f"hold_off_{number}",
            "state": "offered" if live else state,
            "created_at": made,
            "expires_at": NOW + timedelta(minutes=15) if live else made + timedelta(minutes=15),
            "due_at": NOW + timedelta(seconds=number - 30) if live else None,
            "ended_at": None if live else made + timedelta(minutes=15),
        }


def _waitlist_looks() -> Iterator[dict[str, Any]]:
    for number in range(21):
        due = NOW + timedelta(minutes=number - 2)
        yield {
            "group_key": f"visit-{number + 1}|video|",
            "due_at": due,
            "rested_at": due,
            "lease_until": None,
            "marks": 4,
        }

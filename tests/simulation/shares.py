"""How much of a clinician's day strangers hold, by the hold store's rows and the hours that the practice truly works."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, or_, select

from booking.principals import STRANGERS
from booking.scheduling.hold_capacity import ShareRules
from integrations.database.tables.slots import holds
from integrations.healthie_emulator.hours import Wanted, working_hours
from integrations.healthie_emulator.state import World

# Any visit: hours that are for one kind only are hours too.
ANY = Wanted(kind=None, length=0)


def overheld(
    connection: Connection, world: World, *, confirmed: Collection[str], now: datetime
) -> Iterator[tuple[str, date]]:
    """Answer the clinicians and days (UTC) of which strangers hold more than their share, by more than one hold.

    What stands on a confirmed checkout is no stranger's any more.
    """
    held: dict[tuple[str, date], list[int]] = defaultdict(list)
    strangers = or_(*(holds.c.owner.startswith(f"{kind}:") for kind in STRANGERS))
    live = select(holds.c.id, holds.c.clinician_id, holds.c.starts_at, holds.c.minutes).where(
        strangers, holds.c.expires_at > now
    )
    for hold_id, clinician_id, starts_at, minutes in connection.execute(live):
        if hold_id not in confirmed:
            held[clinician_id, starts_at.date()].append(minutes)
    for (clinician_id, day), taken in held.items():
        share = ShareRules().everybody * working_minutes(world, clinician_id, day)
        if len(taken) > 1 and sum(taken) > share:
            yield clinician_id, day


def working_minutes(world: World, clinician_id: str, day: date) -> float:
    """Answer the minutes of a day (UTC) on which the clinician sees patients: never less than what is offered of it."""
    start = datetime.combine(day, time.min, UTC)
    end = start + timedelta(days=1)
    spans = set(working_hours(world, clinician_id, ANY, start, end))
    inside = (min(closes, end) - max(opens, start) for opens, closes in spans)
    return sum(max(span, timedelta()) / timedelta(minutes=1) for span in inside)

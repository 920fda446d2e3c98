"""A sample handler: lists cancelled visits, so that the front desk can offer the hour to patients on its waiting list."""

import asyncio
import os
import sqlite3
from contextlib import closing

from booking.events.handlers import handler
from booking.events.model import DomainEvent, EventName

_LIST = "CREATE TABLE IF NOT EXISTS freed_hours (event_id TEXT PRIMARY KEY, appointment_id TEXT, at TEXT)"


@handler(EventName.APPOINTMENT_CANCELLED, EventName.APPOINTMENT_DELETED)
async def note_freed_hour(event: DomainEvent) -> None:
    """Note the visit, once however often the event is delivered."""
    await asyncio.to_thread(_note, event)  # what blocks would keep the whole worker waiting


def _note(event: DomainEvent) -> None:
    with closing(sqlite3.connect(os.environ["FRONT_DESK_LIST"])) as database, database:
        database.execute(_LIST)
        row = (event.id, event.ids["appointment"], event.at.isoformat())
        database.execute("INSERT OR IGNORE INTO freed_hours VALUES (?, ?, ?)", row)

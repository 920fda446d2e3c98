"""Reads of the audit trail, in pages, so that memory does not grow with its length."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, LargeBinary, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from booking.audit.chain import NOTHING_YET, Anchor, Link, stamp
from integrations.database.engine import reading
from integrations.database.tables.operations import audit_records

# Rows: large enough that round trips cost little, small enough for memory.
PAGE = 1000

_c = audit_records.c


async def links(engine: AsyncEngine, *, after: int = 0, until: int) -> AsyncIterator[Link]:
    """The records with numbers above `after` up to `until`, in order; they are not verified."""
    while True:
        async with reading(engine) as connection:
            page = await _links(connection, _c.sequence > after, _c.sequence <= until, limit=PAGE)
        for link in page:
            yield link
        if len(page) < PAGE:
            return
        after = page[-1].sequence


async def of_checkout(engine: AsyncEngine, checkout_id: str) -> Sequence[Link]:
    """The records of one checkout's calls, in order."""
    async with reading(engine) as connection:
        return await _links(connection, _c.checkout_id == checkout_id)


async def span(
    engine: AsyncEngine, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[Anchor, int]:
    """The part of the chain that contains every record with `since` <= time < `until`: the anchor before it, and its last number.

    Records are numbered as they are written, a moment after their time, so a few of other times may be at either end. The part is
    empty when the number is not above the anchor's.
    """
    ends_of = select(func.min(_c.sequence), func.max(_c.sequence))
    if since is not None or until is not None:
        # Counted too, since PostgreSQL would look for the least number alone by walking the chain from its beginning. The index of
        # times leads to the records of that time, and to no others; whoever asks for their span reads all of them next.
        ends_of = ends_of.add_columns(func.count())
    if since is not None:
        ends_of = ends_of.where(_c.at >= stamp(since))
    if until is not None:
        ends_of = ends_of.where(_c.at < stamp(until))
    async with reading(engine) as connection:
        begins, ends = (await connection.execute(ends_of)).one()[:2]
        if begins is None or ends is None:
            return NOTHING_YET, 0
        before = await _links(connection, _c.sequence == begins - 1)
    return Anchor(sequence=before[0].sequence, mac=before[0].mac) if before else NOTHING_YET, ends


async def _links(
    connection: AsyncConnection, *where: ColumnElement[bool], limit: int | None = None
) -> list[Link]:
    texts = (_c.at, _c.checkout_id, _c.record, _c.mac)
    # SQLite stores text that is not valid UTF-8, and its driver then fails to read it; as bytes it can be read.
    as_bytes = connection.dialect.name == "sqlite"
    columns = [cast(column, LargeBinary) for column in texts] if as_bytes else texts
    asked = select(_c.sequence, *columns).where(*where).order_by(_c.sequence).limit(limit)
    rows = (await connection.execute(asked)).all()
    return [_decoded(*row) if as_bytes else _link(*row) for row in rows]


def _decoded(sequence: int, at: bytes, checkout_id: bytes | None, record: bytes, mac: bytes) -> Link:
    decoded = None if checkout_id is None else checkout_id.decode(errors="replace")
    return _link(
        sequence,
        at.decode(errors="replace"),
        decoded,
        record.decode(errors="replace"),
        mac.decode(errors="replace"),
    )


def _link(sequence: int, at: str, checkout_id: str | None, record: str, mac: str) -> Link:
    return Link(sequence=sequence, at=at, checkout_id=checkout_id, record=record, mac=mac)

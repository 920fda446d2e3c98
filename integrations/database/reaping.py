"""Reaping: deletes rows whose retention is over, in small transactions, so that no other writer waits for long."""

import asyncio
from typing import Any

from sqlalchemy import Column, ColumnClause, ColumnElement, delete, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncEngine

# Rows in one transaction: some milliseconds, for which SQLite has no other writer.
BATCH = 1000

# Seconds between two transactions. On SQLite a waiting writer tries again every few milliseconds, and gets its turn here.
PAUSE = 0.01

# The physical address of a row, by the dialect's name: tables with composite keys have no shorter one.
_ADDRESS = {"postgresql": "ctid", "sqlite": "rowid"}


async def reap(engine: AsyncEngine, old: ColumnElement[bool], *, oldest_first: Column[Any]) -> int:
    """Delete the rows that are `old`, and return how many. `oldest_first` is an indexed column of their table.

    Rows that another transaction has locked are left for the next time, so that it neither waits nor deadlocks.
    """
    address: ColumnClause[Any] = literal_column(_ADDRESS[engine.dialect.name])
    table = oldest_first.table
    # Ordered, so that it is read by the index: a scan of the table would pass all that was deleted before, batch after batch.
    batch = (
        select(address)
        .select_from(table)
        .where(old)
        .order_by(oldest_first)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .correlate(None)
    )
    # An array is read once; a subquery may be executed again for another plan's sake, and finds another batch.
    found = (
        address == func.any(func.array(batch.scalar_subquery()))
        if engine.dialect.name == "postgresql"
        else address.in_(batch)
    )
    deletion, reaped = delete(table).where(found), 0
    while True:
        async with engine.begin() as connection:
            deleted = (await connection.execute(deletion)).rowcount
        reaped += deleted
        if deleted < BATCH:
            return reaped
        await asyncio.sleep(PAUSE)

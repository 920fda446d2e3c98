"""The foundation: database, audit trail and shared state, which every other part is built on.

Only the functions of the composition root take it; no service does.
"""

import os
import secrets
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.checkout.checkout_holds import CheckoutHolds
from booking.live.announced_holds import AnnouncedHolds
from booking.ports import Clock
from booking.unit_of_work import UnitOfWorkFactory
from gateway.runtime.audit import Anchoring, anchor_sinks, audit_keys
from gateway.runtime.sealing import sealer
from gateway.runtime.shared import Shared, share
from gateway.settings import Settings
from integrations.database.audit import SqlAuditTrail
from integrations.database.change_reader import SqlChangeReader
from integrations.database.engine import connect_database
from integrations.database.send_facts import SendFactsCache, SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from integrations.database.write_probe import WriteProbe


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The parts that all others are built on."""

    settings: Settings
    clock: Clock
    name: str  # unique to this process: a restarted process has another one
    engine: AsyncEngine
    write_probe: WriteProbe
    trail: SqlAuditTrail
    anchoring: Anchoring  # of that trail
    shared: Shared
    units: UnitOfWorkFactory
    send_facts: SqlSendFactsReader  # for the guards of checkouts
    changes: SqlChangeReader  # small reads, for searches and live queries
    holds: AnnouncedHolds
    checkout_holds: CheckoutHolds


def build_foundation(settings: Settings, clock: Clock, exits: AsyncExitStack) -> Foundation:
    """Builds the foundation without any I/O; `exits` closes it."""
    engine = connect_database(settings.database_url)
    exits.push_async_callback(engine.dispose)
    write_probe = WriteProbe(engine=engine, clock=clock)
    exits.push_async_callback(write_probe.aclose)
    trail = SqlAuditTrail(engine=engine, key=audit_keys(settings)[0])
    anchoring = Anchoring(trail=trail, sinks=anchor_sinks(settings), clock=clock)
    exits.push_async_callback(anchoring.close)  # after everything that calls upstream has ended
    shared = share(settings, engine=engine, clock=clock, exits=exits)
    fresh = SendFactsCache()
    units = sql_unit_of_work(engine, sealer(settings), shared.change_signals, fresh=fresh)
    holds = AnnouncedHolds(store=shared.holds, change_signals=shared.change_signals)
    return Foundation(
        settings=settings,
        clock=clock,
        name=_process_name(),
        engine=engine,
        write_probe=write_probe,
        trail=trail,
        anchoring=anchoring,
        shared=shared,
        units=units,
        send_facts=SqlSendFactsReader(engine=engine, fresh=fresh),
        changes=SqlChangeReader(engine=engine),
        holds=holds,
        checkout_holds=CheckoutHolds(holds=holds, units=units, clock=clock),
    )


def _process_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

"""The commands of those who look after webhooks: `frontdoor webhooks …`."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from gateway.commands.common import moment, on_database
from gateway.commands.webhooks_health import health

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from booking.events.model import RecordedEvent
    from booking.resources import Snapshot
    from booking.sync.inbox import PendingRefresh, WebhookDelivery

# As many as a person reads.
LISTED = 100

KINDS = ("visit", "payment", "dispute", "patient", "form", "card", "availability")

_kind = click.argument("kind", type=click.Choice(KINDS))
_id = click.argument("resource_id", metavar="ID")


@click.group()
def webhooks() -> None:
    """See what webhooks pointed at and what came of it, and have it looked at again."""


@webhooks.command(name="list")
@click.option("--dead", is_flag=True, help="Only what was given up after a day of failures.")
def list_marks(dead: bool) -> None:
    """List what waits to be looked at, the latest first."""
    from integrations.database.pending_refreshes import SqlPendingRefreshes

    async def rows(engine: "AsyncEngine") -> "Sequence[PendingRefresh]":
        async with engine.connect() as connection:
            return await SqlPendingRefreshes(connection).listed(dead=dead, limit=LISTED)

    found = on_database(rows)
    for mark in found:
        click.echo(_line(mark))
    if not found:
        click.echo("None.")


@webhooks.command()
@_kind
@_id
def show(kind: str, resource_id: str) -> None:
    """Tell what is known of a resource: its mark, what was last seen, what came in and what happened. Holds no patient data."""
    from booking.resources import Kind, Resource
    from integrations.database.event_outbox import SqlEventLog
    from integrations.database.inbox import SqlInbox
    from integrations.database.pending_refreshes import SqlPendingRefreshes
    from integrations.database.snapshots import SqlSnapshots

    resource = Resource(kind=Kind(kind), id=resource_id)

    async def history(engine: "AsyncEngine") -> list[str]:
        async with engine.connect() as connection:
            mark = await SqlPendingRefreshes(connection).of(resource)
            snapshot = await SqlSnapshots(connection).get(resource)
        deliveries = await SqlInbox(engine=engine).about(resource_id)
        events = await SqlEventLog(engine=engine).about(resource)
        told = [(one.received_at, _received(one)) for one in deliveries]
        told += [(one.event.at, _happened(one)) for one in events]
        lines = [_line(mark) if mark else f"{resource}  nothing is to be looked at"]
        lines += _seen(snapshot)
        return [*lines, *(line for _, line in sorted(told, key=lambda entry: entry[0]))]

    click.echo("\n".join(on_database(history)))


@webhooks.command()
@_kind
@_id
def replay(kind: str, resource_id: str) -> None:
    """Let a worker look at a resource again now, as if a webhook had come; what was given up is taken up again."""
    from booking.resources import ChangeHint, Kind, Resource
    from booking.sync.inbox import Source, WebhookDelivery
    from gateway.clock import SystemClock
    from integrations.database.inbox import SqlInbox

    resource = Resource(kind=Kind(kind), id=resource_id)

    async def again(engine: "AsyncEngine") -> None:
        await SqlInbox(engine=engine).accept(
            WebhookDelivery(
                event="replayed",
                resource_type=kind,
                resource_id=resource_id,
                received_at=SystemClock().now(),
                hint=ChangeHint(resource=resource),
                source=Source.OPERATOR,
            )
        )

    on_database(again)
    click.echo(f"{resource} is due now; a worker looks at it.")


webhooks.add_command(health)


def _line(mark: "PendingRefresh") -> str:
    parts = [str(mark.resource), f"marked {mark.marks} times since {moment(mark.first_marked_at)}"]
    if mark.tries:
        parts.append(f"failed {mark.tries} times ({mark.error})")
    if mark.dead_at is not None:
        parts.append(f"given up {moment(mark.dead_at)}")
    elif mark.due_at is not None:
        parts.append(f"due {moment(mark.due_at)}")
    return "  ".join(parts)


def _seen(snapshot: "Snapshot") -> list[str]:
    if snapshot.seen_at is None:
        return ["never seen"]
    gone = ", gone" if snapshot.gone else ""
    lines = [f"seen {moment(snapshot.seen_at)}, version {snapshot.version}{gone}"]
    values = vars(snapshot.state) if snapshot.state is not None else {}
    shown = {name: moment(value) if isinstance(value, datetime) else value for name, value in values.items()}
    return lines + [f"  {name:<20}{value}" for name, value in shown.items() if value is not None]


def _received(delivery: "WebhookDelivery") -> str:
    return f"{moment(delivery.received_at)}  {delivery.source:<8} {delivery.event}"


def _happened(recorded: "RecordedEvent") -> str:
    event = recorded.event
    by = f"  by {event.by}" if event.by else ""
    return f"{moment(event.at)}  event    {event.name}{by}  {event.id}"

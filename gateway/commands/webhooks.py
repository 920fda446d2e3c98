"""`frontdoor webhooks …`: commands for operators to inspect and repeat the processing of webhooks."""

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

# Rows shown by `list`: as many as a person reads.
LISTED = 100

KINDS = ("visit", "payment", "dispute", "patient", "form", "card", "availability")

_kind = click.argument("kind", type=click.Choice(KINDS))
_id = click.argument("resource_id", metavar="ID")


@click.group()
def webhooks() -> None:
    """Show what webhooks have led to, and fetch resources again."""


@webhooks.command(name="list")
@click.option("--dead", is_flag=True, help="Only dead letters: given up after a day of failures.")
def list_pending(dead: bool) -> None:
    """List the resources that wait to be fetched, the latest first."""
    from integrations.database.pending_refreshes import SqlPendingRefreshes

    async def rows(engine: "AsyncEngine") -> "Sequence[PendingRefresh]":
        async with engine.connect() as connection:
            return await SqlPendingRefreshes(connection).listed(dead=dead, limit=LISTED)

    found = on_database(rows)
    for pending in found:
        click.echo(_line(pending))
    if not found:
        click.echo("None.")


@webhooks.command()
@_kind
@_id
def show(kind: str, resource_id: str) -> None:
    """Show what is known of a resource.

    Its pending refresh, snapshot, webhooks and events; no patient data.
    """
    from booking.resources import Kind, Resource
    from integrations.database.event_outbox import SqlEventLog
    from integrations.database.inbox import SqlInbox
    from integrations.database.pending_refreshes import SqlPendingRefreshes
    from integrations.database.snapshots import SqlSnapshots

    resource = Resource(kind=Kind(kind), id=resource_id)

    async def history(engine: "AsyncEngine") -> list[str]:
        async with engine.connect() as connection:
            pending = await SqlPendingRefreshes(connection).of(resource)
            snapshot = await SqlSnapshots(connection).get(resource)
        deliveries = await SqlInbox(engine=engine).about(resource_id)
        events = await SqlEventLog(engine=engine).about(resource)
        entries = [(one.received_at, _received(one)) for one in deliveries]
        entries += [(one.event.at, _happened(one)) for one in events]
        lines = [_line(pending) if pending else f"{resource}  no refresh is pending"]
        lines += _seen(snapshot)
        return [*lines, *(line for _, line in sorted(entries, key=lambda entry: entry[0]))]

    click.echo("\n".join(on_database(history)))


@webhooks.command()
@_kind
@_id
def replay(kind: str, resource_id: str) -> None:
    """Have a worker fetch a resource again, as if a webhook had come. Dead letters can be fetched again too."""
    from booking.resources import ChangeHint, Kind, Resource
    from booking.sync.inbox import DeliverySource, WebhookDelivery
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
                source=DeliverySource.OPERATOR,
            )
        )

    on_database(again)
    click.echo(f"{resource} is due now; a worker fetches it.")


webhooks.add_command(health)


def _line(pending: "PendingRefresh") -> str:
    parts = [str(pending.resource), f"marked {pending.marks} times since {moment(pending.first_marked_at)}"]
    if pending.tries:
        parts.append(f"failed {pending.tries} times ({pending.error})")
    if pending.dead_at is not None:
        parts.append(f"given up {moment(pending.dead_at)}")
    elif pending.due_at is not None:
        parts.append(f"due {moment(pending.due_at)}")
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

"""`frontdoor handlers …`: commands for operators to manage event handlers."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from gateway.commands.common import on_units
from gateway.commands.subscribers import LISTED, delivery, span, standing, times

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from integrations.database.unit_of_work import Units


@click.group()
def handlers() -> None:
    """Show event handlers, replay events to them, and remove them."""


@handlers.command(name="list")
def list_handlers() -> None:
    """List the registered handlers, and how many events wait for each."""

    async def rows(units: "Units") -> list[str]:
        async with units() as unit:
            found = [row for row in await unit.deliveries.standings() if row["id"].startswith("handler:")]
        return [f"{row['id'].removeprefix('handler:')}  {standing(row)}" for row in found]

    click.echo("\n".join(on_units(rows)) or "None.")


@handlers.command(name="show")
@click.argument("name")
def show_handler(name: str) -> None:
    """Show a handler's latest events."""

    async def latest(units: "Units") -> "Sequence[RowMapping]":
        async with units() as unit:
            if f"handler:{name}" not in {row["id"] for row in await unit.deliveries.standings()}:
                raise click.ClickException("There is no such handler.")
            return await unit.deliveries.latest(f"handler:{name}", limit=LISTED)

    click.echo("\n".join(map(delivery, on_units(latest))) or "None.")


@handlers.command(name="replay")
@click.argument("name")
@span
def replay_handler(name: str, since: datetime, until: datetime | None) -> None:
    """Deliver the events of a period to a handler once more. Events are kept for 30 days."""
    from gateway.clock import SystemClock
    from gateway.runtime.event_dispatch import installed_handlers

    handler = next((one for one in installed_handlers()[0] if one.name == name), None)
    if handler is None:
        raise click.ClickException("No such handler is installed here.")
    first, last = times(since, until)

    async def redeliver(units: "Units") -> int:
        async with units() as unit:
            now = SystemClock().now()
            await unit.deliveries.register(handler.id, now=now)
            count = await unit.deliveries.redeliver(
                handler.id, handler.events, since=first, until=last, now=now
            )
            await unit.commit()
        return count

    click.echo(f"{on_units(redeliver)} events are due; a worker delivers them.")


@handlers.command(name="remove")
@click.argument("name")
def remove_handler(name: str) -> None:
    """Delete a handler that is no longer installed. The events that wait for it are deleted too."""
    from importlib.metadata import entry_points

    from gateway.runtime.event_dispatch import GROUP

    if name in entry_points(group=GROUP).names:
        raise click.ClickException("It is installed here: a worker would register it again.")

    async def forget(units: "Units") -> bool:
        async with units() as unit:
            known = await unit.deliveries.remove(f"handler:{name}")
            await unit.alerts.forget(f"handler:{name}")
            await unit.commit()
        return known

    if not on_units(forget):
        raise click.ClickException("There is no such handler.")
    click.echo(f"{name} is forgotten.")

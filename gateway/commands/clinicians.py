"""`frontdoor clinicians …`: lists clinicians who are blocked from booking, and unblocks them."""

from typing import TYPE_CHECKING

import click

from gateway.commands.common import moment, on_units
from gateway.commands.operator_action import act

if TYPE_CHECKING:
    from integrations.database.unit_of_work import Units


@click.group()
def clinicians() -> None:
    """List and unblock clinicians who are blocked from booking."""


@clinicians.command(name="list")
def list_blocks() -> None:
    """List blocked clinicians.

    A clinician is blocked when a booked visit came back with another clinician's name.
    """

    async def blocks(units: "Units") -> None:
        async with units() as unit:
            standing = await unit.blocks.standing()
        for one in standing:
            click.echo(f"{one.clinician_id}  {one.reason}  {one.checkout_id}  {moment(one.blocked_at)}")
        if not standing:
            click.echo("None.")

    on_units(blocks)


@clinicians.command()
@click.argument("clinician_id", metavar="ID")
def unblock(clinician_id: str) -> None:
    """Make a clinician bookable again."""
    act(lambda actions: actions.unblock(clinician_id), command="clinicians unblock")
    click.echo(f"{clinician_id} is bookable again.")

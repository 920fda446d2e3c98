"""The operator commands `frontdoor clinicians …`: list blocked clinicians, and unblock them."""

from typing import TYPE_CHECKING

import click

from gateway.commands.common import moment, on_units
from gateway.commands.operator_action import act

if TYPE_CHECKING:
    from gateway.commands.common import Units


@click.group()
def clinicians() -> None:
    """List blocked clinicians, and unblock them."""


@clinicians.command(name="list")
def list_blocks() -> None:
    """List clinicians who are blocked because a visit was read back under another clinician's name."""

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
    """Unblock a clinician, so that patients can book them again."""
    act(lambda operator_action: operator_action.unblock(clinician_id), command="clinicians unblock")
    click.echo(f"{clinician_id} is bookable again.")

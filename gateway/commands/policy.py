"""`frontdoor policy …`: shows the practice's policy for changes of booked visits, and explains what it does with one visit."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import click

from gateway.commands.common import note_access, operator, prove_database, with_a_hint

if TYPE_CHECKING:
    from gateway.commands.policy_words import Asked
    from gateway.settings import Settings


@click.group()
def policy() -> None:
    """Show and explain what cancelling and moving a visit does."""


@policy.command()
def show() -> None:
    """Print the policy of the settings in plain words. Asks nobody."""
    from gateway.commands.policy_words import shown, shown_of_memberships
    from gateway.commands.starting import settings_of_process

    settings = settings_of_process()
    for line in (*shown(settings.change_policy), *shown_of_memberships(settings.membership_policy)):
        click.echo(line)


@policy.command()
@click.option(
    "--appointment", "appointment_id", required=True, metavar="ID", help="The visit's id in Healthie."
)
@click.option(
    "--at", metavar="TIME", help="As if asked then: ISO 8601, on the practice's clock without an offset."
)
@click.option("--staff", is_flag=True, help="As staff, who are not bound by the policy.")
def explain(appointment_id: str, at: str | None, *, staff: bool) -> None:
    """Explain what cancelling and moving a visit does, and why.

    Reads the visit, the practice's rules for it and its payment from Healthie as the gateway does, and prints every rule with whose
    setting it is. Changes nothing, and prints no patient data. That you looked is recorded.
    """
    from gateway.commands.policy_explanation import explained
    from gateway.commands.starting import settings_of_process

    settings = settings_of_process()
    now = _moment(at, settings) if at else None
    for line in explained(asyncio.run(_asked(settings, appointment_id, now=now, by_staff=staff))):
        click.echo(line)


def _moment(text: str, settings: "Settings") -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("write it like 2026-06-01T09:30", param_hint="--at") from error
    return given if given.tzinfo else given.replace(tzinfo=settings.time_zone)


async def _asked(
    settings: "Settings", appointment_id: str, *, now: datetime | None, by_staff: bool
) -> "Asked":
    """Reads the visit and its payment. Raises ClickException when that fails."""
    from booking.changes.access import VisitAccess
    from booking.errors import NotFound, UpstreamUnavailable
    from booking.principals import Caller, Principal, PrincipalKind
    from booking.refusals.changes import ChangeInProgress
    from booking.work_context import asked_by
    from gateway.commands.policy_words import Asked
    from gateway.runtime.composition import compose

    await prove_database(settings)
    async with compose(settings) as system:
        await note_access(settings, system.foundation.engine, "policy explain")
        access = VisitAccess(
            visits=system.upstream.visits,
            payments=system.upstream.change_payments,
            units=system.foundation.units,
            clock=system.clock,
        )
        caller = Caller(principal=Principal(kind=PrincipalKind.STAFF, id=operator()))
        try:
            with asked_by(operator()):
                own = await access.get(caller, appointment_id)
                paid = await access.paid(own)
        except NotFound as error:
            raise click.ClickException("There is no such visit in Healthie.") from error
        except ChangeInProgress as error:
            raise click.ClickException("The checkout that books this visit has not ended.") from error
        except UpstreamUnavailable as error:
            raise click.ClickException(with_a_hint(f"Healthie could not be asked: {error}")) from error
        return Asked(
            visit=own.visit,
            paid=paid,
            policy=settings.change_policy,
            now=now or system.clock.now(),
            zone=settings.time_zone,
            by_staff=by_staff,
        )

"""`frontdoor checkouts …`: lists and shows checkouts, and lets operators retry or resolve them."""

from typing import TYPE_CHECKING

import click

from gateway.commands.common import ended, moment, on_database, on_units
from gateway.commands.operator_action import UNKNOWN_STATE, act

if TYPE_CHECKING:
    from booking.audit.model import AuditEntry
    from booking.checkout.model import Checkout
    from booking.checkout.operator_actions import OperatorActions
    from booking.operations.model import HistoryEntry
    from integrations.database.unit_of_work import Units

# The most checkouts that one list prints.
LISTED = 100

RESOLUTIONS = ("booked", "refunded")


@click.group()
def checkouts() -> None:
    """List, show, retry and resolve checkouts."""


@checkouts.command()
def graph() -> None:
    """Print the saga's states and transitions as a Mermaid diagram."""
    from booking.checkout.transitions import to_mermaid

    click.echo(to_mermaid(), nl=False)


@checkouts.command(name="list")
@click.option("--state", help="Only those in this state.")
@click.option("--attention", is_flag=True, help="Only those that need a person.")
def list_checkouts(state: str | None, attention: bool) -> None:
    """List checkouts, the latest first. That you looked is recorded."""
    from booking.checkout.model import CheckoutState

    async def rows(units: "Units") -> None:
        async with units() as unit:
            found = await unit.checkouts.listed(state=state, attention=attention, limit=LISTED)
        for row in found:
            parts = [row.id, row.state, moment(row.updated_at), f"clinician {row.clinician_id}"]
            parts += [f"visit {moment(row.starts_at)}" if row.starts_at else "no visit"]
            parts += [",".join(row.attention)]
            click.echo("  ".join(parts).rstrip())
        if found:
            return
        if state is not None and state not in set(CheckoutState):
            raise click.UsageError(f"{state!r} is none of {', '.join(CheckoutState)}.")
        click.echo("None.")

    on_units(rows, command="checkouts list")


@checkouts.command()
@click.argument("checkout_id", metavar="ID")
def show(checkout_id: str) -> None:
    """Print a checkout's history in order, with its upstream calls. Holds no patient data. That you looked is recorded."""
    from booking.errors import UnknownState
    from booking.operations.model import HistoryEntry
    from integrations.database.history import history_of

    async def row(units: "Units") -> "Checkout | None":
        async with units() as unit:
            try:
                return await unit.checkouts.get(checkout_id)
            except UnknownState as error:
                raise click.ClickException(UNKNOWN_STATE) from error

    checkout = on_units(row, command="checkouts show", checkout_id=checkout_id)
    if checkout is None:
        raise click.ClickException("There is no such checkout.")
    click.echo("\n".join(_facts(checkout)))
    click.echo("")
    for entry in on_database(lambda engine: history_of(engine, checkout_id)):
        click.echo(_entry_line(entry) if isinstance(entry, HistoryEntry) else call_line(entry))


@checkouts.command()
@click.argument("checkout_id", metavar="ID")
def retry(checkout_id: str) -> None:
    """Have a worker retry a checkout's failed step.

    Where the outcome of its last call is unknown, that is checked again first, once the call has settled.
    """

    async def again(actions: "OperatorActions") -> "Checkout":
        return await actions.retry(checkout_id)

    row = act(again, command="checkouts retry", checkout_id=checkout_id)
    due = moment(row.due_at) if row.due_at else "now"
    click.echo(f"{row.id} stands at {row.state}; a worker takes it up from {due} on.")


@checkouts.command()
@click.argument("checkout_id", metavar="ID")
@click.option("--as", "resolution", required=True, type=click.Choice(RESOLUTIONS), help="How it ends.")
@click.option("--note", required=True, help="What you did; no patient data.")
def resolve(checkout_id: str, resolution: str, note: str) -> None:
    """End a checkout that a person has dealt with.

    Booked: it ends at once and is reconciled with Healthie; what is missing or wrong returns to the attention list. Refunded: a
    worker deletes its visit, cancels its recurring payment, refunds the charge and reads each back; what was done by hand is
    verified. It ends when nothing is left, and returns to the attention list otherwise.
    """
    from booking.checkout.operator_actions import Resolution

    async def settle(actions: "OperatorActions") -> "Checkout":
        return await actions.resolve(checkout_id, Resolution(resolution), note=note)

    row = act(settle, command="checkouts resolve", checkout_id=checkout_id)
    click.echo(_resolved(row))


def _resolved(checkout: "Checkout") -> str:
    """The text that tells the operator what happens next."""
    from booking.checkout.transitions import TERMINAL

    if checkout.state in TERMINAL:
        return (
            f"{checkout.id} has ended as {checkout.state}. It is looked at once more: what does not agree with Healthie comes "
            "back to the attention list."
        )
    return (
        f"{checkout.id} stands at {checkout.state}: a worker undoes what was made of it, and proves that nothing stands. It ends "
        "then, as refunded, or as cancelled where nothing was charged; what cannot be proved comes back to the attention list."
    )


def _facts(checkout: "Checkout") -> list[str]:
    """The checkout's fields that help an operator to find it upstream, one line each."""
    charge = checkout.charge
    facts = {
        "checkout": checkout.id,
        "state": checkout.state,
        "attention": ", ".join(checkout.attention) or None,
        "given up at": checkout.attention_from,
        "ended because": checkout.end_reason,
        "clinician": checkout.clinician_id,
        "visit": moment(checkout.slot.start) if checkout.slot else None,
        "plan": checkout.quote.plan_id,
        "patient": checkout.patient_id,
        "due today": checkout.quote.due_today,
        "attempt": checkout.attempt,
        "upstream key": checkout.upstream_key if checkout.attempts else None,
        "billing item": charge.billing_item_id if charge else None,
        "charge": charge.charge_id if charge else None,
        "charged": charge.net if charge else None,
        "charged otherwise": ", ".join(charge.differs) or None if charge else None,
        "refunded": checkout.refunded,
        "appointment": checkout.appointment_id,
        "found late, settled": ", ".join(checkout.resolved_ids) or None,
        "next due": moment(checkout.due_at) if checkout.due_at else None,
    }
    return [f"{name:<20}{value}" for name, value in facts.items() if value is not None]


def _entry_line(entry: "HistoryEntry") -> str:
    moved = f"{entry.before} -> {entry.after}" if entry.before != entry.after else entry.after
    note = f"  “{entry.note}”" if entry.note else ""
    return f"{moment(entry.at)}  {entry.kind:<16} {moved}  attempt {entry.attempt}  by {entry.by}{note}"


def call_line(call: "AuditEntry") -> str:
    """One upstream call, as `show` prints it."""
    extra = f"  try {call.attempt}" if call.attempt > 1 else ""
    request = f"  request {call.upstream_request_id}" if call.upstream_request_id else ""
    return f"{moment(call.at)}      {call.operation_kind} {call.operation} as {call.acting}: {ended(call)}{extra}{request}"

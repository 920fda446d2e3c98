"""`frontdoor changes …`: lists and shows requested changes of booked visits and memberships, and lets operators retry or resolve them."""

from typing import TYPE_CHECKING

import click

from gateway.commands.checkouts import LISTED, call_line
from gateway.commands.common import moment, on_database, on_units
from gateway.commands.operator_action import UNKNOWN_STATE, act_on_change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from booking.changes.model import Action, RequestedChange
    from booking.changes.operator_actions import ChangeOperatorActions
    from booking.changes.repository import ChangeEntry
    from integrations.database.unit_of_work import Units

RESOLUTIONS = ("done", "partly", "refused")


@click.group()
def changes() -> None:
    """List, show, retry and resolve requested changes: of booked visits (cancellations, moves) and of memberships."""


@changes.command(name="list")
@click.option("--state", help="Only those in this state.")
@click.option("--attention", is_flag=True, help="Only those that need a person.")
def list_changes(state: str | None, attention: bool) -> None:
    """List changes, the latest first. That you looked is recorded."""
    from booking.changes.model import ChangeState

    async def rows(units: "Units") -> None:
        async with units() as unit:
            found = await unit.changes.listed(state=state, attention=attention, limit=LISTED)
        for row in found:
            parts = [row.id, row.kind, row.state, moment(row.updated_at)]
            if row.starts_at is None:
                parts += [f"{row.subject_kind} {row.subject_id}"]
            else:
                parts += [f"appointment {row.appointment_id}", f"clinician {row.clinician_id}"]
                parts += [f"visit {moment(row.starts_at)}"]
            parts += [",".join(row.attention)]
            click.echo("  ".join(parts).rstrip())
        if found:
            return
        if state is not None and state not in set(ChangeState):
            raise click.UsageError(f"{state!r} is none of {', '.join(ChangeState)}.")
        click.echo("None.")

    on_units(rows, command="changes list")


@changes.command()
@click.argument("change_id", metavar="ID")
def show(change_id: str) -> None:
    """Print a change with its actions, its history and its upstream calls. Holds no patient data. That you looked is recorded."""
    from booking.errors import UnknownState
    from integrations.database.history import calls_since

    async def row(units: "Units") -> "tuple[RequestedChange | None, Sequence[ChangeEntry]]":
        async with units() as unit:
            try:
                return await unit.changes.get(change_id), await unit.changes.history(change_id)
            except UnknownState as error:
                raise click.ClickException(UNKNOWN_STATE) from error

    change, history = on_units(row, command="changes show", checkout_id=change_id)
    if change is None:
        raise click.ClickException("There is no such change.")
    audited_as = change.checkout_id or change.id
    calls = on_database(
        lambda engine: calls_since(engine, audited_as, since=change.created_at, until=change.ended_at)
    )
    lines = [(entry.at, _entry_line(entry)) for entry in history] + [
        (call.at, call_line(call)) for call in calls
    ]
    shown = [line for _, line in sorted(lines, key=lambda line: line[0])]
    click.echo("\n".join([*_facts(change), "", *map(_action_line, change.actions), "", *shown]))


@changes.command()
@click.argument("change_id", metavar="ID")
def retry(change_id: str) -> None:
    """Have a worker go on with a change that was given up, or is stuck.

    It looks upstream for what was sent before it sends again, once that has settled.
    """

    async def again(actions: "ChangeOperatorActions") -> "RequestedChange":
        return await actions.retry(change_id)

    row = act_on_change(again, command="changes retry", change_id=change_id)
    due = moment(row.due_at) if row.due_at else "now"
    click.echo(f"{row.id} stands at {_place(row)}; a worker takes it up from {due} on.")


@changes.command()
@click.argument("change_id", metavar="ID")
@click.option("--as", "resolution", required=True, type=click.Choice(RESOLUTIONS), help="How it ends.")
@click.option("--note", required=True, help="What you did; no patient data.")
def resolve(change_id: str, resolution: str, note: str) -> None:
    """End a change that a person has dealt with.

    Done: all that was accepted is done, the rest of it by hand. Partly: what was done stands, and nothing more will be. Refused: the visit
    or membership stands as it was. The visit and the payment are read again, and the checkout that booked the visit is compared with the card
    processor's books as long as it is followed up.
    """
    from booking.changes.operator_actions import ChangeResolution

    async def settle(actions: "ChangeOperatorActions") -> "RequestedChange":
        return await actions.resolve(change_id, ChangeResolution(resolution), note=note)

    row = act_on_change(settle, command="changes resolve", change_id=change_id)
    again = "Its visit is read again, and its" if row.appointment_id is not None else "Its"
    click.echo(f"{row.id} has ended as {row.state}. {again} patient sees how it stands.")


def _place(change: "RequestedChange") -> str:
    """The action that a worker goes on with."""
    return change.state if change.at is None else str(change.actions[change.at].kind)


def _facts(change: "RequestedChange") -> list[str]:
    """The change's fields that help an operator to find it upstream, one line each."""
    slot, new = change.slot, change.new_slot
    facts = {
        "change": change.id,
        "kind": change.kind,
        "state": change.state,
        "attention": ", ".join(change.attention) or None,
        "ended because": change.end_reason,
        "requested by": "staff" if change.by_staff else None,
        "appointment": change.appointment_id,
        "visit": f"{moment(slot.start)} with clinician {slot.clinician_id}" if slot else None,
        "membership": change.membership_id,
        "to": f"{moment(new.start)} with clinician {new.clinician_id}" if new else None,
        "new appointment": change.new_appointment_id,
        "patient": change.patient_id,
        "checkout": change.checkout_id,
        "billing item": change.payment_id,
        "charge": change.charge_id,
        "refunded before": change.refunded_before,
        "tries": change.tries,
        "next due": moment(change.due_at) if change.due_at else None,
    }
    return [f"{name:<20}{value}" for name, value in facts.items() if value is not None]


def _action_line(action: "Action") -> str:
    amount = f"  {action.amount}" if action.amount is not None else ""
    results = "".join(f"  {name} {value}" for name, value in action.result.items())
    return f"{action.kind:<16}  {action.state}{amount}{results}"


def _entry_line(entry: "ChangeEntry") -> str:
    moved = f"{entry.before} -> {entry.after}" if entry.before != entry.after else entry.after
    note = f"  “{entry.note}”" if entry.note else ""
    return f"{moment(entry.at)}  {entry.kind:<16} {moved}  by {entry.by}{note}"

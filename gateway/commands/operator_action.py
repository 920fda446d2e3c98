"""Runs operators' actions for the commands on checkouts, changes and clinicians: audited, with domain errors as clear texts."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from gateway.commands.common import on_units, operator

if TYPE_CHECKING:
    from booking.changes.operator_actions import ChangeOperatorActions
    from booking.checkout.operator_actions import OperatorActions
    from integrations.database.unit_of_work import Units

T = TypeVar("T")

UNKNOWN_STATE = "A newer version of Frontdoor wrote the row: use that one, or, if there is none, see whether a migration is missing."


def act(
    action: "Callable[[OperatorActions], Awaitable[T]]", *, command: str, checkout_id: str | None = None
) -> T:
    """Runs the action as the user of this machine, recorded in the audit trail. Raises ClickException when it is refused."""
    from booking.checkout.operator_actions import OperatorActions
    from gateway.clock import SystemClock

    async def done(units: "Units") -> T:
        return await action(OperatorActions(units=units, clock=SystemClock(), operator=operator()))

    return _explained(done, command=command, checkout_id=checkout_id)


def act_on_change(
    action: "Callable[[ChangeOperatorActions], Awaitable[T]]", *, command: str, change_id: str
) -> T:
    """The same for an action on a requested change."""
    from booking.changes.operator_actions import ChangeOperatorActions
    from gateway.clock import SystemClock

    async def done(units: "Units") -> T:
        return await action(ChangeOperatorActions(units=units, clock=SystemClock(), operator=operator()))

    return _explained(done, command=command, checkout_id=change_id)


def _explained(work: "Callable[[Units], Awaitable[T]]", *, command: str, checkout_id: str | None) -> T:
    from booking.errors import InvalidInput, NotFound, StaleRow, UnknownState
    from booking.refusals import PaymentInProgress

    async def done(units: "Units") -> T:
        try:
            return await work(units)
        except InvalidInput as error:
            raise click.ClickException(error.reason) from error
        except StaleRow as error:
            raise click.ClickException("It was written in this very moment. Look at it again.") from error
        except UnknownState as error:
            raise click.ClickException(UNKNOWN_STATE) from error
        except NotFound as error:
            raise click.ClickException(f"There is no such {error.kind}.") from error
        except PaymentInProgress as error:
            raise click.ClickException(str(error)) from error

    return on_units(done, command=command, checkout_id=checkout_id)

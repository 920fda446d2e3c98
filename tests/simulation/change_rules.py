"""The rules of changes of booked visits, each with the means to take it out, as rules.py has the saga's."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import booking.changes.service
import integrations.healthie.visit_changes
from booking.change_quotes import CancellationQuote
from booking.changes.actions import ACTIONS
from booking.changes.cancelling import cancellation_quote
from booking.changes.model import ActionKind, RequestedChange
from booking.changes.policy import ChangePolicy, PlanVisitTreatment, RefundTier
from booking.changes.steps import ChangeSteps
from booking.checkout.model import Checkout
from integrations.database.claims import SqlClaims
from integrations.healthie import refund_calls
from integrations.healthie.credits import HealthieCredits
from integrations.healthie.generated.client import Client
from tests.simulation.change_scenarios import MONEY, MOVING, WITH_FEE, cancelling, moving, single
from tests.simulation.fate import Trouble
from tests.simulation.later import Later
from tests.simulation.practice_changes import practice_answers
from tests.simulation.rule import Removal, Rule, first, replaced
from tests.simulation.schedule import Scenario, Schedule

NOTHING_KNOWN = (Trouble.LOST_ANSWER, Trouble.SILENCE, Trouble.LATE)

HALF = replace(MONEY, refunds=(RefundTier(notice=WITH_FEE.refunds[0].notice, percent=50),))


async def take_nothing_for_changes(self: SqlClaims, claimant: Any) -> None:
    """A checkout has its claim, a change has none."""
    if isinstance(claimant, Checkout):
        await _take(self, claimant)


_take = SqlClaims.take


class _AnyOf(str):
    """An id that every other one is as good as."""

    __slots__ = ()

    def __ne__(self, other: object) -> bool:
        return False

    __eq__ = str.__eq__
    __hash__ = str.__hash__


class _Whatever(CancellationQuote):
    """Terms that count as accepted, whichever were."""

    @property
    def id(self) -> str:
        return _AnyOf(super().id)


@contextmanager
def without_acceptance() -> Iterator[None]:
    """The terms of this moment are carried out, whichever were accepted."""
    quote = cancellation_quote

    def whatever(*args: Any, **named: Any) -> CancellationQuote:
        made = quote(*args, **named)
        return _Whatever(**{name: getattr(made, name) for name in made.__dataclass_fields__})

    with patch.object(booking.changes.service, "cancellation_quote", whatever):
        yield


async def late_status_anyway(*_: Any) -> bool:
    """The status of a late cancellation is set, whoever charges its fee."""
    return True


@contextmanager
def without_look_at_refunds() -> Iterator[None]:
    """Nothing counts as given back before a refund is sent."""
    real = refund_calls.give_back

    async def at_once(client: Client, comparison: Any, payment: Any, **named: Any) -> Any:
        with patch.object(refund_calls, "given_back", _first_nothing(refund_calls.given_back)):
            return await real(client, comparison, payment, **named)

    with patch("integrations.healthie.change_payments.give_back", at_once):
        yield


def _first_nothing(given_back: Any) -> Any:
    calls = itertools.count()

    def nothing_first(payment: Any, currency: str) -> Any:
        found = given_back(payment, currency)
        return found - found if next(calls) == 0 else found

    return nothing_first


@contextmanager
def without_key_of_refunds() -> Iterator[None]:
    """Every refund has a key of its own."""
    send, numbers = Client.refund, itertools.count(1)

    async def refund(self: Client, **given: Any) -> Any:
        return await send(self, **{**given, "stripe_idempotency_key": f"another-{next(numbers)}"})

    with patch.object(Client, "refund", refund):
        yield


async def believe(self: HealthieCredits, change: RequestedChange) -> bool:
    """The settings say that it comes back."""
    return True


def _without(kind: ActionKind, **parts: Any) -> Removal:
    return lambda: patch.dict(ACTIONS, {kind: replace(ACTIONS[kind], **parts)})


async def _leave_it(self: ChangeSteps, change: RequestedChange) -> None:
    """Nothing is undone."""


async def _no_credit_back(schedule: Schedule) -> None:
    """The practice stops giving credits back in the moment between the acceptance and the cancellation."""
    while not any(sent.operation == "CancelVisit" for sent in schedule.upstream.sent):  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.001)
    world = schedule.upstream.world
    world.appointment_settings.change(world.settings.id, restore_credit_on_cancel=False)


async def _refund_between(schedule: Schedule) -> None:
    """Half of the money goes back between the quote and its acceptance."""
    while not any("PaymentById" in sent.operation and sent.executed_at for sent in schedule.upstream.sent):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.sleep(2.0)
    booked = [one for sent in schedule.upstream.sent for one in sent.appointments]
    schedule.practice.refund(schedule.upstream.world.appointments[booked[0]], 0.5)


def _with_plan(schedule: Schedule) -> Any:
    return single(
        schedule,
        Later(),
        slot=schedule.a_slot("Initial Visit"),
        plan_id=schedule.seed["plans"]["Starter Plan"],
    )


CHANGE_RULES = (
    Rule(
        name="claim before a move",
        removal=replaced(SqlClaims, "take", take_nothing_for_changes),
        guards={},
        scenario=MOVING,
        troubles=(),
        noticed_as="no claim before the move",
    ),
    Rule(
        name="quote accepted",
        removal=without_acceptance,
        guards={},
        scenario=cancelling(events=(_refund_between,)),
        troubles=(),
        noticed_as="quote not accepted",
    ),
    Rule(
        name="either fee or status",
        removal=replaced(integrations.healthie.visit_changes, "_charges_as_accepted", late_status_anyway),
        guards={},
        scenario=cancelling(WITH_FEE),
        troubles=(),
        noticed_as="both fee and status",
    ),
    Rule(
        name="look before refunding again",
        removal=without_look_at_refunds,
        guards={"upstream key": without_key_of_refunds},
        scenario=cancelling(HALF),
        troubles=first("Refund", *NOTHING_KNOWN),
        noticed_as="refunded more than accepted",
        guarded=True,
    ),
    Rule(
        name="upstream key of a refund",
        removal=without_key_of_refunds,
        guards={},
        scenario=cancelling(HALF),
        troubles=first("Refund", Trouble.VERY_LATE),
        noticed_as="refunded more than accepted",
    ),
    Rule(
        name="credit read back",
        removal=replaced(HealthieCredits, "given_back", believe),
        guards={},
        scenario=Scenario(
            wishes=(_with_plan,),
            policy=ChangePolicy(plan_visits=PlanVisitTreatment.CREDIT),
            settings={"restore_credit_on_cancel": True},
            events=(_no_credit_back,),
        ),
        troubles=(),
        noticed_as="credit said to be given back and was not",
    ),
    Rule(
        name="the practice's change wins",
        removal=_without(ActionKind.MOVE_VISIT, guards=()),
        guards={
            "read right before the request": replaced(
                integrations.healthie.visit_changes, "_require_as_accepted", lambda *_: None
            )
        },
        scenario=moving(events=(practice_answers("MoveVisit", "move"),)),
        troubles=first("MoveVisit", Trouble.LOST_REQUEST),
        noticed_as="the practice's change was not respected",
        guarded=True,
    ),
    Rule(
        name="undo of the new visit",
        removal=_without(ActionKind.BOOK_VISIT, undo=_leave_it),
        guards={},
        scenario=moving(clinician=2, hour=15, events=(practice_answers("Book", "move", number=2),)),
        troubles=(),
        noticed_as="ended as superseded and booked",
    ),
)

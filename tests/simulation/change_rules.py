"""The rules of changes of booked visits, each with the means to take it out, as rules.py has the saga's."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import booking.changes.driver
import booking.changes.service
import integrations.healthie.visit_changes
from booking.change_quotes import CancellationQuote
from booking.changes.actions import ACTIONS
from booking.changes.cancelling import cancellation_quote
from booking.changes.driver import ChangeDriver
from booking.changes.late_looks import LateLooks
from booking.changes.model import Action, ActionKind, RequestedChange
from booking.changes.policy import ChangePolicy, PlanVisitTreatment, RefundTier
from booking.changes.steps import ChangeSteps
from booking.checkout.model import Checkout
from integrations.database.claims import SqlClaims
from integrations.database.requested_changes import SqlRequestedChanges
from integrations.healthie import refund_calls
from integrations.healthie.credits import HealthieCredits
from integrations.healthie.generated.client import Client
from tests.simulation.change_scenarios import (
    CANCELLING,
    MONEY,
    MOVING,
    MOVING_ELSEWHERE,
    WITH_FEE,
    cancelling,
    moving,
    single,
)
from tests.simulation.fate import Trouble
from tests.simulation.later import Later
from tests.simulation.practice_changes import practice_answers
from tests.simulation.rule import Removal, Rule, first, replaced, second
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


@contextmanager
def without_fence_of_changes() -> Iterator[None]:
    """A write goes through whatever version it expects, and whoever has the lease."""
    save = SqlRequestedChanges.save

    async def save_anyway(
        self: SqlRequestedChanges, change: RequestedChange, *, was: RequestedChange, **rest: Any
    ) -> RequestedChange:
        standing = await self.get(change.id)
        assert standing is not None
        version = standing.version
        return await save(self, replace(change, version=version), was=replace(was, version=version), **rest)

    with patch.object(SqlRequestedChanges, "save", save_anyway):
        yield


def _at_once(self: ChangeDriver, action: Action) -> None:
    """It is never too early to look."""


@contextmanager
def without_waiting_for_changes() -> Iterator[None]:
    """Whatever is not known is looked for at once."""
    with (
        patch.object(ChangeDriver, "_ensure_settled", _at_once),
        patch.object(booking.changes.driver, "pause_after", lambda _: timedelta(seconds=1)),
    ):
        yield


@contextmanager
def without_key_of_fees() -> Iterator[None]:
    """Every charge has a key of its own."""
    send, numbers = Client.charge, itertools.count(1)

    async def charge(self: Client, **given: Any) -> Any:
        return await send(self, **{**given, "stripe_idempotency_key": f"another-{next(numbers)}"})

    with patch.object(Client, "charge", charge):
        yield


async def look_no_more(
    self: LateLooks, change: RequestedChange, changes: Any, *, now: datetime
) -> RequestedChange:
    """What has ended has ended."""
    return change.changed(due_at=None)


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


def _moving_on(schedule: Schedule) -> Any:
    """Move the visit, and minutes later again, to a third time."""
    second = Later(to=schedule.a_slot("Single Visit", hour=16), after=300.0)
    return single(schedule, Later(to=schedule.a_slot("Single Visit", hour=14), again=second))


LATE_LOOK = {"late look": replaced(LateLooks, "look", look_no_more)}
KEY_OF_FEES = {"upstream key of a fee": without_key_of_fees}

# A driver that others overtake is overtaken at any of its points.
OVERTAKEN = tuple(
    ((f"{what} {operation}", number), Trouble.FREEZE)
    for what in ("call", "answer")
    for operation, number in (("CancelVisit", 1), ("BookedVisit", 4), ("BookedVisit", 5), ("Refund", 1))
) + tuple((("database committed", number), Trouble.FREEZE) for number in range(8, 24, 2))

CHANGE_RULES = (
    Rule(
        name="version fence of a change",
        removal=without_fence_of_changes,
        guards={},
        scenario=cancelling(HALF),
        troubles=OVERTAKEN,
        noticed_as="",
    ),
    Rule(
        name="look before moving again",
        removal=_without(ActionKind.MOVE_VISIT, look=None),
        guards=LATE_LOOK,
        scenario=MOVING,
        troubles=first("MoveVisit", *NOTHING_KNOWN),
        noticed_as="ended as superseded and changed",
    ),
    Rule(
        name="look before cancelling again",
        removal=_without(ActionKind.CANCEL_VISIT, look=None),
        guards=LATE_LOOK,
        scenario=CANCELLING,
        troubles=first("CancelVisit", *NOTHING_KNOWN),
        noticed_as="ended as superseded and changed",
        guarded=True,
    ),
    Rule(
        name="look before booking elsewhere again",
        removal=_without(ActionKind.BOOK_VISIT, look=None),
        guards=LATE_LOOK,
        scenario=MOVING_ELSEWHERE,
        troubles=second("Book", *NOTHING_KNOWN),
        noticed_as="ended as refused and booked",
        guarded=True,
    ),
    Rule(
        name="look before charging a fee again",
        removal=_without(ActionKind.CHARGE_FEE, look=None),
        guards=KEY_OF_FEES,
        scenario=cancelling(WITH_FEE),
        troubles=second("Charge", *NOTHING_KNOWN),
        noticed_as="fee charged twice",
        guarded=True,
    ),
    Rule(
        name="wait before looking for a fee",
        removal=without_waiting_for_changes,
        guards=KEY_OF_FEES,
        scenario=cancelling(WITH_FEE),
        troubles=second("Charge", Trouble.LATE),
        noticed_as="fee charged twice",
        guarded=True,
    ),
    Rule(
        name="late look after a move",
        removal=replaced(LateLooks, "look", look_no_more),
        guards={},
        scenario=Scenario(wishes=(_moving_on,), policy=MONEY),
        troubles=first("MoveVisit", Trouble.VERY_LATE),
        noticed_as="done and not moved",
    ),
    Rule(
        name="late look after a booking elsewhere",
        removal=replaced(LateLooks, "look", look_no_more),
        guards={},
        scenario=moving(clinician=2, hour=15, events=(practice_answers("Book", "move", number=2),)),
        troubles=second("Book", Trouble.VERY_LATE),
        noticed_as="ended as superseded and booked",
    ),
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

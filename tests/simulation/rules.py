"""The rules of the saga, each with the means to take it out: a simulation that does not notice is too weak.

A removal reaches into the real program and changes that one thing. Behind some rules stands another that would mend
what happens; it is named here and taken out with it, so that it is seen that each of the two is enough by itself.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from sqlalchemy import insert

import booking.aftercare
import booking.guards
import booking.recording
import booking.saga
import booking.steps
import booking.trials
import integrations.database.holds
from booking.aftercare import Aftercare
from booking.catalog import BookingPolicy
from booking.checkout_holds import CheckoutHolds
from booking.checkout_row import Checkout
from booking.checkout_row import CheckoutState as S
from booking.compensation import Compensation
from booking.errors import OutcomeUnknown
from booking.guards import GUARDS
from booking.late import LateTruth
from booking.models import Appointment, Charge, Hold, Quote
from booking.operators import OperatorDesk
from booking.refusals import CardDeclined, DeclineReason, HoldExpired
from booking.saga import Saga
from booking.steps import Steps
from booking.terms import PresentTerms
from integrations.database.checkouts import SqlCheckouts
from integrations.database.claims import SqlClaims
from integrations.database.tables.oversight import clinician_blocks
from integrations.healthie import late_payments, payments
from integrations.healthie.billing import HealthieBilling
from integrations.healthie.generated.client import Client
from integrations.healthie_emulator import billing_changes
from integrations.healthie_emulator.amounts import from_minor
from integrations.healthie_emulator.state import Actor, Request
from tests.simulation.fate import Trouble
from tests.simulation.patients import Wish
from tests.simulation.plans import Point, Scripted
from tests.simulation.scenarios import CANONICAL, canonical, see_to
from tests.simulation.schedule import Scenario, Schedule

Removal = Callable[[], AbstractContextManager[object]]


def _with(owner: Any, name: str, value: Any) -> Removal:
    return lambda: patch.object(owner, name, value)


def _without_guard(name: str) -> Removal:
    """The guard of this name is not asked before a send."""
    others = {other: guard for other, guard in GUARDS.items() if other != name}
    return _with(booking.guards, "GUARDS", others)


@contextmanager
def _without_upstream_key() -> Iterator[None]:
    """Every request has a key of its own, as if it were the first."""
    send, numbers = Client.charge, itertools.count(1)

    async def charge(self: Client, **given: Any) -> Any:
        return await send(self, **{**given, "stripe_idempotency_key": f"another-{next(numbers)}"})

    with patch.object(Client, "charge", charge):
        yield


@contextmanager
def _without_fence() -> Iterator[None]:
    """A write goes through whatever version it expects."""
    save = SqlCheckouts.save

    async def save_anyway(self: SqlCheckouts, checkout: Checkout, *, was: Checkout | None = None) -> Checkout:
        standing = await self.get(checkout.id)
        return await save(self, checkout if standing is None else replace(checkout, version=standing.version))

    with patch.object(SqlCheckouts, "save", save_anyway):
        yield


async def _take_nothing(self: SqlClaims, checkout: Checkout) -> None:
    """No claim is taken."""


async def _see_nothing(self: Steps, checkout: Checkout) -> None:
    """Nothing is looked for, and so nothing is found; it is waited all the same."""
    self._settled(checkout)


def _at_once(self: Steps, checkout: Checkout) -> datetime:
    """It is never too early to look."""
    assert checkout.intended_at is not None
    return checkout.intended_at


@contextmanager
def _without_waiting() -> Iterator[None]:
    """Whoever does not know looks at once, and a parked row is due at once."""
    with ExitStack() as patches:
        patches.enter_context(patch.object(Steps, "_settled", _at_once))
        patches.enter_context(patch.object(booking.saga, "SETTLE", timedelta(seconds=1)))
        patches.enter_context(patch.object(booking.aftercare, "SETTLE", timedelta(seconds=1)))
        patches.enter_context(patch.object(booking.recording, "SETTLE", timedelta(seconds=1)))
        yield


@contextmanager
def _without_deadline() -> Iterator[None]:
    """However long ago the patient confirmed, the charge is sent."""
    never = lambda *_: False  # noqa: E731
    with _without_guard("deadline passed")(), patch.object(Saga, "_deadline_passed", never):
        yield


@contextmanager
def _without_allow_list() -> Iterator[None]:
    """Whatever is not a success is a refusal."""
    charge = HealthieBilling.charge

    async def charge_or_decline(self: HealthieBilling, checkout: Checkout) -> Charge:
        try:
            return await charge(self, checkout)
        except OutcomeUnknown:
            raise CardDeclined(DeclineReason.TRY_AGAIN) from None

    with patch.object(HealthieBilling, "charge", charge_or_decline):
        yield


async def _look_no_more(self: LateTruth, checkout: Checkout, others: Sequence[Checkout]) -> Checkout:
    """What has ended has ended."""
    return checkout.changed(looks=checkout.looks + 1)


async def _leave_it(self: Aftercare, checkout: Checkout) -> bool:
    """Whoever ended it will have given its hold back."""
    return True


async def _let_it_go(self: CheckoutHolds, checkout: Checkout) -> Hold:
    """What its store does not know is over."""
    raise HoldExpired


@contextmanager
def _without_read_back() -> Iterator[None]:
    """Whoever it was booked with is the right one."""
    booked = booking.steps._booked

    def believed(checkout: Checkout, appointment: Appointment) -> Checkout:
        return booked(checkout, replace(appointment, clinician_id=checkout.slot.clinician_id))

    with patch.object(booking.steps, "_booked", believed):
        yield


def _whatever_did_not_pay(checkout: Checkout, *, is_new: bool) -> bool:
    """Whether it was sent does not matter."""
    return checkout.charge is None


async def _take_the_match(self: Steps, checkout: Checkout) -> Checkout | None:
    """Whoever has this email and name is whom the lost answer was about."""
    self._settled(checkout)
    assert checkout.guest is not None
    match = await self._patients.find(checkout.guest)
    return checkout.changed(state=S.PATIENT_READY, patient_id=match, guest=None) if match else None


async def _refund_at_once(self: Compensation, checkout: Checkout) -> Checkout:
    """The money goes back, and the series goes on."""
    return checkout.changed(state=S.REFUND_INTENDED)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: how it is taken out, with what stands behind it, and schedules in which it is needed."""

    name: str
    removal: Removal
    guards: Mapping[str, Removal]
    scenario: Scenario
    troubles: tuple[
        tuple[Point, Trouble], ...
    ]  # each of them alone meets the scenario; none: only the scenario
    noticed_as: str  # how a violation that shows it begins
    guarded: bool = False  # the guards alone keep these schedules right


def _first(operation: str, *troubles: Trouble) -> tuple[tuple[Point, Trouble], ...]:
    return tuple(((f"call {operation}", 1), trouble) for trouble in troubles)


KEY: Mapping[str, Removal] = {"upstream key": _without_upstream_key}
SERIES: Mapping[str, Removal] = {"series in late looks": _with(late_payments, "bills_on", lambda _: False)}
SWEEP: Mapping[str, Removal] = {"late sweep": _with(LateTruth, "look", _look_no_more)}


def _leaving(seconds: float) -> Scenario:
    """The canonical patient cancels so long after they confirmed."""
    return Scenario(wishes=(lambda schedule: replace(canonical(schedule), cancels_after=seconds),))


async def _charge_sent(schedule: Schedule) -> None:
    while not any(sent.operation == "Charge" for sent in schedule.upstream.sent):  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.05)


async def _outage(schedule: Schedule) -> None:
    """Healthie is down for longer than a confirm is good for, from the moment the charge is sent."""
    await _charge_sent(schedule)
    schedule.upstream.down_until = schedule.loop.time() + 20 * 60


async def _lose_holds(schedule: Schedule) -> None:
    """Lose the holds while the first patient's charge is out."""
    await _charge_sent(schedule)
    schedule.empty_holds()


async def _hand_on(schedule: Schedule) -> None:
    """Hand the clinician's key on while the patient types."""
    await asyncio.sleep(30.0)
    keys = schedule.upstream.world.api_keys
    key = next(one for one in keys if one.user_id == schedule.clinician_ids[0])
    keys.change(key.id, user_id=schedule.clinician_ids[2])


async def _staff_book(schedule: Schedule) -> None:
    """Put a visit of the practice's own into the slot while the patient types."""
    await asyncio.sleep(30.0)
    slot = schedule.a_slot("Initial Visit")
    schedule.upstream.world.appointments.add(
        provider_id=slot.clinician_id,
        user_id=schedule.patient_ids[2],
        appointment_type_id=slot.visit_type_id,
        starts_at=slot.start,
        length=slot.minutes,
    )


async def _as_quoted(self: PresentTerms, quote: Quote) -> Quote | None:
    """What was quoted once holds."""
    return quote


async def _change_terms_early(schedule: Schedule) -> None:
    """Let the practice give less off while the patient types in their card, long before they confirm."""
    await asyncio.sleep(90.0)
    schedule.upstream.change_terms("coupons", "WELCOME20", percent_off=5)


async def _change_terms_late(schedule: Schedule) -> None:
    """Let the practice give less off in the moment between the last look at the terms and the charge."""

    def looked() -> bool:
        return [sent.operation for sent in schedule.upstream.sent if sent.executed_at].count(
            "ValidateCoupon"
        ) > 1

    while not looked():  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.05)
    schedule.upstream.change_terms("coupons", "WELCOME20", percent_off=5)


async def _refund_by_hand(schedule: Schedule) -> None:
    """Give a payment back on Healthie's own pages when it turns up, and leave its recurring payment as it is."""
    world = schedule.upstream.world
    staff = Request(world=world, actor=Actor(user=world.users[world.organization.owner_id]))
    while not (paid := [item for item in world.billing_items if item.stripe_charge_id and item.note]):  # noqa: ASYNC110
        await asyncio.sleep(10.0)
    for item in paid:
        billing_changes.update(
            staff, {"id": item.id, "chosen_refund_amount": from_minor(item.amount, item.currency)}
        )


async def _block(schedule: Schedule) -> None:
    """Block the clinician while a row is parked at an intent."""
    for _ in range(600):
        await asyncio.sleep(0.5)
        parked = [
            row
            for row in schedule.witness.rows()
            if row.state in {S.CHARGE_INTENDED, S.BOOKING_INTENDED} and row.lease_owner is None
        ]
        if parked:
            break
    else:
        return
    (row,) = parked
    with schedule.database.begin() as connection:
        connection.execute(
            insert(clinician_blocks),
            {
                "clinician_id": row.slot.clinician_id,
                "reason": "provider_mismatch",
                "checkout_id": row.id,
                "blocked_at": schedule.loop.now(),
            },
        )
    schedule.witness.see()


async def _empty_holds(schedule: Schedule) -> None:
    """Lose the holds between the patient's start and their confirm."""
    await asyncio.sleep(32.0)
    schedule.empty_holds()


def _last_minute(*, arrives: float, thinks: float) -> Callable[[Schedule], Wish]:
    """The canonical patient wants a visit of which the practice's notice ends a quarter of an hour after the beginning."""

    def wish(schedule: Schedule) -> Wish:
        slot = schedule.a_slot("Initial Visit", clinician=2, days=0, hour=11, minute=15)
        return replace(canonical(schedule), slot=slot, arrives=arrives, thinks=thinks)

    return wish


async def _resolve_unrefunded(schedule: Schedule) -> None:
    """Let staff have booked the slot, refunds do nothing for hours, and an operator say then that it is refunded."""
    noops = schedule.upstream.world.switches.silent_noop
    noops.add("updateBillingItem")
    await _staff_book(schedule)
    await asyncio.sleep(4 * 3600.0)
    noops.discard("updateBillingItem")
    await see_to(schedule)


def _believed(self: OperatorDesk, before: Checkout) -> Checkout:
    """Whatever they call refunded is."""
    ended = before.changed(state=S.REFUNDED, attention=(), attention_from=None)
    return booking.recording.entered(before, ended, now=before.updated_at)


def _another(schedule: Schedule) -> Wish:
    """Somebody else who wants the same hour while the first patient pays for it."""
    return replace(canonical(schedule), number=2, arrives=48.0)


def _strangers(schedule: Schedule, *, hour: int) -> Wish:
    """One of many guests who want the same clinician's day, each an hour of it, and think for long."""
    return replace(
        canonical(schedule),
        number=hour,
        slot=schedule.a_slot("Initial Visit", hour=hour),
        arrives=float(hour),
        thinks=100.0,
    )


# All of a working day but its lunch break.
CROWD = Scenario(wishes=tuple(partial(_strangers, hour=hour) for hour in (9, 10, 11, 13, 14, 15, 16)))


def _claiming(schedule: Schedule) -> Wish:
    """A guest who gives the email and name of a patient whom the practice knows."""
    return replace(canonical(schedule), claims=1)


TROUBLED_CHARGE = (Trouble.LOST_ANSWER, Trouble.SILENCE, Trouble.LATE, Trouble.VERY_LATE)
# A driver that others overtake is overtaken at any of its points: every third will do.
FREEZES = (
    *(
        ((point, number), Trouble.FREEZE)
        for point in ("database", "database committed")
        for number in range(3, 30, 3)
    ),
    (("answer Charge", 1), Trouble.FREEZE),
    (("answer Book", 1), Trouble.FREEZE),
)

RULES = (
    Rule(
        name="upstream key",
        removal=_without_upstream_key,
        guards={},
        scenario=CANONICAL,
        troubles=_first("Charge", *TROUBLED_CHARGE),
        noticed_as="charged twice",
    ),
    Rule(
        name="version fence",
        removal=_without_fence,
        guards={},
        scenario=CANONICAL,
        troubles=FREEZES,
        noticed_as="",
    ),
    Rule(
        name="claim before money",
        removal=_with(SqlClaims, "take", _take_nothing),
        guards={},
        scenario=Scenario(wishes=(canonical, _another), events=(_lose_holds,)),
        troubles=_first("Charge", Trouble.SLOW),
        noticed_as="charged and given back for a slot of ours",
    ),
    Rule(
        name="look before booking",
        removal=_with(Steps, "_look_for_booking", _see_nothing),
        guards=SWEEP,
        scenario=CANONICAL,
        troubles=_first("Book", *TROUBLED_CHARGE),
        noticed_as="ended as refunded and booked",
    ),
    Rule(
        name="look before charging again",
        removal=_with(Steps, "_look_for_charge", _see_nothing),
        guards=KEY,
        scenario=CANONICAL,
        troubles=_first("Charge", *TROUBLED_CHARGE),
        noticed_as="charged twice",
        guarded=True,
    ),
    Rule(
        name="wait before looking",
        removal=_without_waiting,
        guards=KEY,
        scenario=CANONICAL,
        troubles=_first("Charge", Trouble.LATE),
        noticed_as="charged twice",
        guarded=True,
    ),
    Rule(
        name="deadline",
        removal=_without_deadline,
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(_outage,)),
        troubles=_first("Charge", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR),
        noticed_as="charge sent after the deadline",
    ),
    Rule(
        name="allow-list of refusals",
        removal=_without_allow_list,
        guards={},
        scenario=Scenario(
            wishes=(lambda schedule: replace(canonical(schedule), cards=("tok_visa", "tok_visa")),)
        ),
        troubles=_first("Charge", *TROUBLED_CHARGE),
        noticed_as="charged twice",
    ),
    Rule(
        name="late sweep",
        removal=SWEEP["late sweep"],
        guards={},
        scenario=_leaving(4.0),
        troubles=_first("Charge", Trouble.VERY_LATE) + _first("Book", Trouble.VERY_LATE),
        noticed_as="",
    ),
    Rule(
        name="provider read-back",
        removal=_without_read_back,
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(_hand_on,)),
        troubles=(),
        noticed_as="wrong clinician",
    ),
    Rule(
        name="nobody else's record",
        removal=_with(booking.steps, "may_use_match", lambda *_: True),
        guards={},
        scenario=Scenario(wishes=(_claiming,)),
        troubles=_first("CreatePatient", Trouble.SLOW) + _first("AttachCard", Trouble.SLOW),
        noticed_as="guest in another's record",
    ),
    Rule(
        name="only a record of one's own after a lost answer",
        removal=_with(Steps, "_look_for_patient", _take_the_match),
        guards={},
        scenario=Scenario(wishes=(_claiming,)),
        troubles=_first("CreatePatient", Trouble.LOST_ANSWER, Trouble.SILENCE, Trouble.LOST_REQUEST),
        noticed_as="guest in another's record",
    ),
    Rule(
        name="recurring cancelled on refund",
        removal=_with(Compensation, "_compensating", _refund_at_once),
        guards=SERIES,
        scenario=Scenario(wishes=(canonical,), events=(_staff_book,)),
        troubles=(),
        noticed_as="refunded and still billed",
    ),
    Rule(
        name="terms read anew",
        removal=_with(PresentTerms, "of", _as_quoted),
        guards={},
        scenario=Scenario(
            wishes=(lambda schedule: replace(canonical(schedule), thinks=80.0),),
            events=(_change_terms_early,),
        ),
        troubles=(),
        noticed_as="charged on terms that had changed",
    ),
    Rule(
        name="charged wrongly",
        removal=_with(payments, "_is_shown", lambda *_: False),
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(_change_terms_late,)),
        troubles=(),
        noticed_as="charged on other terms and kept",
    ),
    Rule(
        name="series in late looks",
        removal=SERIES["series in late looks"],
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(_refund_by_hand,)),
        troubles=_first("Charge", Trouble.VERY_LATE),
        noticed_as="refunded and still billed",
    ),
    Rule(
        name="refunded is proved",
        removal=_with(OperatorDesk, "_undone", _believed),
        guards=SWEEP,
        scenario=Scenario(wishes=(canonical,), events=(_resolve_unrefunded,)),
        troubles=(),
        noticed_as="charged and not booked",
    ),
    Rule(
        name="blocks asked before every send",
        removal=_without_guard("clinician blocked"),
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(_block,)),
        troubles=_first("Charge", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR, Trouble.NO_CONNECTION)
        + _first("Book", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR, Trouble.NO_CONNECTION),
        noticed_as="sent for a blocked clinician",
    ),
    Rule(
        name="too late to be confirmed",
        removal=_with(BookingPolicy, "is_too_late", lambda *_: False),
        guards={},
        scenario=Scenario(wishes=(_last_minute(arrives=840.0, thinks=50.0),)),
        troubles=(),
        noticed_as="sent too late",
    ),
    Rule(
        name="too late to be sent again",
        removal=_without_guard("too late"),
        guards={},
        scenario=Scenario(wishes=(_last_minute(arrives=830.0, thinks=30.0),)),
        troubles=_first("Charge", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR, Trouble.NO_CONNECTION),
        noticed_as="sent too late",
    ),
    Rule(
        name="lost hold taken again",
        removal=_with(CheckoutHolds, "again", _let_it_go),
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(_empty_holds,)),
        troubles=(),
        noticed_as="hold given up before its time",
    ),
    Rule(
        name="share of a day for strangers",
        removal=_with(integrations.database.holds, "room_again_at", lambda *_: None),
        guards={},
        scenario=CROWD,
        troubles=(),
        noticed_as="strangers hold a day",
    ),
    Rule(
        name="only what a bank has judged is counted",
        removal=_with(booking.trials, "was_trial", _whatever_did_not_pay),
        guards={},
        scenario=CANONICAL,
        troubles=_first("AttachCard", Trouble.NO_CONNECTION, Trouble.THROTTLED, Trouble.SWALLOWED),
        noticed_as="counted a card that was not sent",
    ),
    Rule(
        name="hold given back once more",
        removal=_with(Aftercare, "_free_hold", _leave_it),
        guards={},
        scenario=CANONICAL,
        troubles=(
            (("database committed", 12), Trouble.KILL),  # the end
            (("holds", 6), Trouble.KILL),  # the hold given back with it
            (("holds", 6), Trouble.HOLDS_DOWN),
        ),
        noticed_as="hold left behind",
    ),
)


def hunt(rule: Rule, *removals: Removal) -> list[str]:
    """Play the rule's schedules without what is removed, and answer what was noticed in each."""
    noticed: list[str] = []
    for fault in rule.troubles or (None,):
        with ExitStack() as removed:
            for removal in removals:
                removed.enter_context(removal())
            plan = Scripted(dict([fault]) if fault else {})
            noticed += Schedule(rule.scenario, plan).play().violations
    return noticed

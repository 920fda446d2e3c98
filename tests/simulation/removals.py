"""Removals: each reaches into the real program and takes one rule out of it."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import booking.checkout.follow_up
import booking.checkout.leases
import booking.checkout.step_results
import booking.checkout.timing
from booking.catalog.terms import PresentTerms
from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.compensation import Compensation
from booking.checkout.follow_up import FollowUp
from booking.checkout.guards import SendFacts
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.operator_actions import OperatorActions
from booking.checkout.reconciliation import LateReconciler
from booking.checkout.steps import Steps
from booking.checkout.transitions import OPERATOR_TRANSITIONS
from booking.checkout.writer import entered
from booking.errors import OutcomeUnknown
from booking.models import Appointment, Charge, Hold, Quote
from booking.refusals import CardDeclined, DeclineReason, HoldExpired
from integrations.database.checkouts import SqlCheckouts
from integrations.database.claims import SqlClaims
from integrations.database.send_facts import SqlSendFactsReader
from integrations.healthie.billing import HealthieBilling
from integrations.healthie.generated.client import Client


@contextmanager
def without_upstream_key() -> Iterator[None]:
    """Every request has a key of its own, as if it were the first."""
    send, numbers = Client.charge, itertools.count(1)

    async def charge(self: Client, **given: Any) -> Any:
        return await send(self, **{**given, "stripe_idempotency_key": f"another-{next(numbers)}"})

    with patch.object(Client, "charge", charge):
        yield


@contextmanager
def without_fence() -> Iterator[None]:
    """A write goes through whatever version it expects, and so does a send."""
    save, of = SqlCheckouts.save, SqlSendFactsReader.of

    async def save_anyway(
        self: SqlCheckouts,
        checkout: Checkout,
        *,
        was: Checkout | None = None,  # all columns are written
        **rest: Any,
    ) -> Checkout:
        standing = await self.get(checkout.id)
        at_any_version = checkout if standing is None else replace(checkout, version=standing.version)
        return await save(self, at_any_version, **rest)

    async def as_read(self: SqlSendFactsReader, checkout: Checkout) -> SendFacts:
        return replace(await of(self, checkout), version=checkout.version)

    with patch.object(SqlCheckouts, "save", save_anyway), patch.object(SqlSendFactsReader, "of", as_read):
        yield


async def take_nothing(self: SqlClaims, checkout: Checkout) -> None:
    """No claim is taken."""


async def see_nothing(self: Steps, checkout: Checkout) -> None:
    """Nothing is looked for, and so nothing is found; it is waited all the same."""
    self._ensure_settled(checkout)


def _at_once(self: Steps, checkout: Checkout) -> datetime:
    """It is never too early to look."""
    assert checkout.intended_at is not None
    return checkout.intended_at


@contextmanager
def without_waiting() -> Iterator[None]:
    """A driver that does not know looks at once, and a parked row is due at once."""
    with ExitStack() as patches:
        patches.enter_context(patch.object(Steps, "_ensure_settled", _at_once))
        patches.enter_context(patch.object(booking.checkout.timing, "SETTLE", timedelta(seconds=1)))
        patches.enter_context(patch.object(booking.checkout.follow_up, "SETTLE", timedelta(seconds=1)))
        patches.enter_context(patch.object(booking.checkout.leases, "SETTLE", timedelta(seconds=1)))
        yield


@contextmanager
def without_allow_list() -> Iterator[None]:
    """Whatever is not a success is a refusal."""
    charge = HealthieBilling.charge

    async def charge_or_decline(self: HealthieBilling, checkout: Checkout) -> Charge:
        try:
            return await charge(self, checkout)
        except OutcomeUnknown:
            raise CardDeclined(DeclineReason.TRY_AGAIN) from None

    with patch.object(HealthieBilling, "charge", charge_or_decline):
        yield


async def check_no_more(self: LateReconciler, checkout: Checkout, others: Sequence[Checkout]) -> Checkout:
    """What has ended has ended."""
    return checkout.changed(checks=checkout.checks + 1)


async def leave_it(self: FollowUp, checkout: Checkout) -> bool:
    """The process that ended it will have given its hold back."""
    return True


async def let_it_go(self: CheckoutHolds, checkout: Checkout) -> Hold:
    """What its store does not know is over."""
    raise HoldExpired


@contextmanager
def without_read_back() -> Iterator[None]:
    """Any clinician that it was booked with is the right one."""
    booked = booking.checkout.step_results.booked

    def believed(checkout: Checkout, appointment: Appointment) -> Checkout:
        return booked(checkout, replace(appointment, clinician_id=checkout.visit_slot.clinician_id))

    with patch.object(booking.checkout.step_results, "booked", believed):
        yield


def whatever_did_not_pay(checkout: Checkout, *, is_new: bool) -> bool:
    """Whether it was sent does not matter."""
    return checkout.charge is None


async def take_the_match(self: Steps, checkout: Checkout) -> Checkout | None:
    """Any patient with this email and name is the one of the lost answer."""
    self._ensure_settled(checkout)
    assert checkout.guest is not None
    match = await self._patients.find(checkout.guest)
    return checkout.changed(state=S.PATIENT_READY, patient_id=match.id, guest=None) if match else None


async def refund_at_once(self: Compensation, checkout: Checkout) -> Checkout:
    """The money goes back, and the series goes on."""
    return checkout.changed(state=S.REFUND_INTENDED)


async def as_quoted(self: PresentTerms, quote: Quote) -> Quote | None:
    """What was quoted once holds."""
    return quote


@contextmanager
def without_proof_of_refunds() -> Iterator[None]:
    """Whatever an operator calls refunded is."""
    moves = {S.NEEDS_ATTENTION: OPERATOR_TRANSITIONS[S.NEEDS_ATTENTION] | {S.REFUNDED}}
    with patch.object(OperatorActions, "_to_compensate", _believed), patch.dict(OPERATOR_TRANSITIONS, moves):
        yield


def _believed(self: OperatorActions, before: Checkout) -> Checkout:
    """Whatever they call refunded is."""
    ended = before.changed(state=S.REFUNDED, attention=(), attention_from=None)
    return entered(before, ended, now=before.updated_at)

"""The only writer of checkout rows, for drivers, patients' requests and operators' commands; it enforces the transitions.

A write is one transaction: the row at its next version, the slot claim taken or released with the transition, the history
entry, alerts, and domain events in the outbox. It rejects the write when the row's version has moved on (optimistic
locking).
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from booking.checkout.history import effects_of, history_entry, history_of
from booking.checkout.model import Attempt, Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import BEFORE_MONEY, CALLING, CLAIMING, ENDED, TERMINAL, legal
from booking.operations.model import HistoryEntry, HistoryKind
from booking.principals import kind_of
from booking.unit_of_work import Scope, UnitOfWorkFactory


class CheckoutWriter:
    """Writes checkout rows. Raises AssertionError on a transition that checkout/states.py does not list."""

    def __init__(self, *, units: UnitOfWorkFactory) -> None:
        self._units = units

    async def load(self, checkout_id: str) -> Checkout:
        """Read the current row; the checkout must exist (AssertionError)."""
        async with self._units(Scope.READING) as unit:
            checkout = await unit.checkouts.get(checkout_id)
        if checkout is None:
            raise AssertionError("a checkout that is driven exists")
        return checkout

    async def insert(self, checkout: Checkout, *, by: str) -> Checkout | None:
        """Insert a new row at version 1. Returns None; or, with nothing inserted, the live checkout on the same hold."""
        entry = history_entry(checkout, HistoryKind.STARTED, by=by)
        async with self._units(Scope.ONE_WRITE) as unit:
            live = await unit.checkouts.add(checkout, history=[entry])
            await unit.commit()
        return live

    async def write(self, before: Checkout, *rows: Checkout, by: str) -> Checkout:
        """Write a driver's transitions, each row following from the one before it, with the effects of all.

        `before` is the row as it was read. Returns the last row at its new version: one write is one version.
        Raises StaleCheckout (the version has moved on); SlotTaken (another checkout has the slot claim);
        PaymentInProgress (the patient pays for another checkout); AlreadyCounted (the billing item or visit is on another
        row).
        """
        for left, entered_at in pairwise((before, *rows)):
            _check(left, entered_at)
        return await self._write(before, *rows, history=history_of(before, *rows, by=by))

    async def write_accepted(self, before: Checkout, *rows: Checkout, by: str) -> Checkout:
        """Write a patient's confirm with the lease of the driver `by`, and the transitions that follow from it. Raises as `write`."""
        for left, entered_at in pairwise((before, *rows)):
            _check(left, entered_at)
        accepted = rows[0]
        confirm = history_of(before, accepted, by=kind_of(accepted.owner), entry=HistoryKind.ACCEPTED)
        return await self._write(before, *rows, history=[*confirm, *history_of(*rows, by=by)])

    async def write_for_patient(self, before: Checkout, after: Checkout, entry: HistoryKind) -> Checkout:
        """Write a patient's action; the state does not change. `before` is the row as it was read.

        Raises StaleCheckout (the version has moved on); UnknownState (the row is at a state of a newer release).
        """
        _check(before, after)
        history = history_of(before, after, by=kind_of(after.owner), entry=entry)
        return await self._write(before, after, history=history)

    async def write_for_operator(
        self, before: Checkout, after: Checkout, entry: HistoryKind, *, operator: str, note: str | None
    ) -> Checkout:
        """Write an operator's action. Forgets alerts sent for the checkout, so that what is still wrong is alerted again.

        Raises StaleCheckout, PaymentInProgress.
        """
        _check(before, after, by_operator=True)
        history = history_of(before, after, by=operator, entry=entry, note=note)
        return await self._write(before, after, history=history, forget_alerts=True)

    async def _write(
        self,
        before: Checkout,
        *rows: Checkout,
        history: Sequence[HistoryEntry],
        forget_alerts: bool = False,
    ) -> Checkout:
        """Write the last of the rows, its slot claim, and the history and effects of all. Returns it at its new version.

        The claim is taken or released where the transitions enter or leave the claiming states. Only what `before` and the
        row differ in is written: `extendHold` moves the hold's expiry without a new version.
        """
        after = rows[-1]
        claims, claimed = after.state in CLAIMING, before.state in CLAIMING
        effects = effects_of(before, *(row.changed(version=before.version + 1) for row in rows))
        takes, frees = claims and not claimed, claimed and not claims
        # Attempts are merged with what a newer release has stored of them, which is read first.
        alone = not takes and not forget_alerts and effects.are_events and after.attempts == before.attempts
        async with self._units(Scope.ONE_WRITE if alone else Scope.TRANSACTION) as unit:
            if takes:
                await unit.claims.take(after)
            saved = await unit.checkouts.save(
                after,
                was=before,
                history=history,
                frees_claim=frees,
                events=effects.events if alone else (),
            )
            if forget_alerts:
                await unit.alerts.forget(saved.id)
            if not alone:
                await effects.write(unit)
            await unit.commit()
        return saved


def entered(before: Checkout, after: Checkout, *, now: datetime) -> Checkout:
    """Return `after` with what entering its state sets; `now` is in UTC.

    These are tries, intent time, the attempt and the end time; an end clears the patient's details.
    """
    calling = after.state in CALLING
    after = after.changed(tries=0, intended_at=now if calling else None)
    if calling and after.state in CLAIMING and before.state in BEFORE_MONEY:
        charged = None if after.quote.due_today.is_zero else after.card_id
        tried = Attempt(number=after.attempt, card_id=charged, intended_at=now)
        after = after.changed(attempts=(*after.attempts, tried))
    if after.state in TERMINAL:
        # Who they are and how they paid is upstream's to keep. A card that no bank has answered for was not declined.
        declined = None if after.card_unjudged else after.declined
        after = after.changed(guest=None, email_code=None, card=None, declined=declined)
    if after.state in TERMINAL | {S.NEEDS_ATTENTION} and before.state not in ENDED:
        after = after.changed(ended_at=now, checks=0)
    return after


def _check(before: Checkout, after: Checkout, *, by_operator: bool = False) -> None:
    if not legal(before.state, after.state, by_operator=by_operator):
        raise AssertionError(f"no transition from {before.state} to {after.state}")

"""The rules of the waitlist, each with a way to take it out: the witness must notice that."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from booking.models import Hold, taker_of
from booking.waitlist import choosing, matching, passing_on
from booking.waitlist.model import Look, WaitlistEntry, WaitlistOffer
from booking.waitlist.offers import OfferDriver
from booking.waitlist.passing_on import PassingOn
from booking.waitlist.rules import QuietHours
from integrations.database.waitlist import SqlWaitlist

Removal = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, kw_only=True)
class WaitingRule:
    """What is taken out, how a violation that shows it begins, and the first schedule to look for it in."""

    name: str
    removal: Removal
    noticed_as: str
    seed: int = 0


async def _held_without_asking(
    _: OfferDriver, offer: WaitlistOffer, entry: WaitlistEntry, *, now: datetime, until: datetime
) -> Hold:
    return Hold(
        id=offer.hold_id,
        owner=offer.owner,
        taken_by=taker_of(entry.id),
        slot=offer.slot,
        time_zone="UTC",
        created_at=now,
        expires_at=until,
    )


async def _left_lost(_: OfferDriver, offer: WaitlistOffer, entry: WaitlistEntry, *, now: datetime) -> None:
    """The hold store is believed to lose nothing."""


async def _not_added(_: SqlWaitlist, offer: WaitlistOffer) -> bool:
    return True


@contextlib.contextmanager
def _last_come_first_served() -> Iterator[None]:
    chosen, next_for = choosing._chosen, matching.next_for

    async def last(entries: Sequence[WaitlistEntry], *rest: Any) -> Any:
        return await chosen(list(reversed(entries)), *rest)

    def last_for(slot: Any, entries: Sequence[WaitlistEntry], situation: Any) -> Any:
        return next_for(slot, list(reversed(entries)), situation)

    with patch.object(choosing, "_chosen", last), patch.object(passing_on, "next_for", last_for):
        yield


@contextlib.contextmanager
def _looks_that_only_signals_bring() -> Iterator[None]:
    end_look = SqlWaitlist.end_look

    async def for_ever(
        self: SqlWaitlist, look: Look, *, due_at: datetime | None, rested_at: datetime
    ) -> None:
        far = due_at and due_at + timedelta(days=9)
        await end_look(self, look, due_at=far, rested_at=rested_at)

    with patch.object(SqlWaitlist, "end_look", for_ever):
        yield


@contextlib.contextmanager
def _announced_offers_alone_are_taken_up() -> Iterator[None]:
    """Whoever intended an offer carries it out, or nobody does."""
    due_offers = SqlWaitlist.due_offers

    async def announced(self: SqlWaitlist, now: datetime, *, limit: int) -> Sequence[str]:
        found = [(one, await self.offer(one)) for one in await due_offers(self, now, limit=limit)]
        return [name for name, offer in found if offer is not None and offer.state == "offered"]

    with patch.object(SqlWaitlist, "due_offers", announced):
        yield


@contextlib.contextmanager
def _declined_without_passing_on() -> Iterator[None]:
    async def nothing(*_: object, **__: object) -> None:
        """An offer that ended stays as it is."""

    with patch.object(PassingOn, "pass_on", nothing):
        yield


RULES = (
    WaitingRule(
        name="an offer has a hold",
        removal=lambda: patch.object(OfferDriver, "_held", _held_without_asking),
        noticed_as="offered to two",
    ),
    WaitingRule(name="in the order of joining", removal=_last_come_first_served, noticed_as="order", seed=2),
    WaitingRule(
        name="quiet hours",
        removal=lambda: patch.object(QuietHours, "covers", lambda *_: False),
        noticed_as="quiet hours",
        seed=2,
    ),
    WaitingRule(
        name="a hold that was lost is taken again",
        removal=lambda: patch.object(OfferDriver, "_take_again", _left_lost),
        noticed_as="lost: no hold",
        seed=2,
    ),
    WaitingRule(
        name="looks need no signal",
        removal=_looks_that_only_signals_bring,
        noticed_as="lost: nobody",
        seed=13,
    ),
    WaitingRule(
        name="an intent is committed before the hold",
        removal=lambda: patch.object(SqlWaitlist, "add_offer", _not_added),
        noticed_as="lost: nobody",
    ),
    WaitingRule(
        name="whoever finds an intent due carries it out",
        removal=_announced_offers_alone_are_taken_up,
        noticed_as="lost",
    ),
    WaitingRule(
        name="an offer that ended passes on", removal=_declined_without_passing_on, noticed_as="lost"
    ),
)

"""The practice at work on booked visits, on Healthie's own pages: it moves, cancels and deletes them, gives money back and charges."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from integrations.healthie_emulator import billing_changes
from integrations.healthie_emulator.amounts import from_minor
from integrations.healthie_emulator.hours import FREEING_STATUSES
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Actor, Request

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

# Staff look for something to do so often.
LOOKS_EVERY = 5.0

# Without a visit by then there is nothing to change.
UNTIL = 3600.0


class Practice:
    """What staff did by hand, kept for the witness."""

    def __init__(self, schedule: "Schedule") -> None:
        self._schedule = schedule
        self.changed: defaultdict[str, list[float]] = defaultdict(list)  # visits, and when
        # Where it moved visits: clinician, from when to when. A patient may have moved one on since.
        self.moved_to: list[tuple[str, datetime, datetime]] = []
        self.given_back: Counter[str] = Counter()  # minor units, by the charge's id at Stripe

    def change(self, visit: Appointment, **values: Any) -> None:
        """Change a visit."""
        self._schedule.upstream.world.appointments.change(visit.id, **values)
        self.changed[visit.id].append(self._schedule.loop.time())
        self._schedule.trace.troubles.append("practice_change")
        self._schedule.trace.say("staff", f"change visit {visit.id}: {sorted(values)}")

    def move(self, visit: Appointment) -> None:
        """Move it to the next hour of its clinician's that nobody has."""
        hour = timedelta(hours=1)
        starts = (visit.starts_at + hour * number for number in range(1, 6))
        free = next((start for start in starts if self._is_free(visit, start)), None)
        if free is not None:
            self.change(visit, starts_at=free)
            self.moved_to.append((visit.provider_id, free, free + timedelta(minutes=visit.length)))

    def cancel(self, visit: Appointment) -> None:
        """Cancel it."""
        self.change(visit, pm_status="Cancelled", pm_status_changed_at=self._schedule.loop.now())

    def delete(self, visit: Appointment) -> None:
        """Delete it."""
        self.change(visit, deleted_at=self._schedule.loop.now())

    def refund(self, visit: Appointment, share: float = 1.0) -> None:
        """Give back what is left of its patient's payments, or a share of it."""
        world = self._schedule.upstream.world
        staff = Request(world=world, actor=Actor(user=world.users[world.organization.owner_id]))
        for item in [each for each in world.billing_items if each.sender_id == visit.user_id]:
            charge = world.stripe.charges.get(item.stripe_charge_id or "")
            if charge is None or charge.decline is not None or charge.refunded >= charge.amount:
                continue
            before = charge.refunded
            amount = max(int((charge.amount - before) * share), 1)
            billing_changes.update(
                staff, {"id": item.id, "chosen_refund_amount": from_minor(amount, item.currency)}
            )
            after = world.stripe.charges[charge.id].refunded
            self.given_back[charge.id] += after - before
            self._schedule.trace.troubles.append("practice_refund")
            self._schedule.trace.say("staff", f"give back {after - before} of {charge.id}")

    def _is_free(self, visit: Appointment, start: Any) -> bool:
        ends = start + timedelta(minutes=visit.length)
        return all(
            each.provider_id != visit.provider_id
            or each.id == visit.id
            or each.deleted_at is not None
            or each.pm_status in FREEING_STATUSES
            or each.starts_at >= ends
            or each.starts_at + timedelta(minutes=each.length) <= start
            for each in self._schedule.upstream.world.appointments
        )


Act = Callable[[Practice, Appointment], None]

ACTS: dict[str, Act] = {
    "move": Practice.move,
    "cancel": Practice.cancel,
    "delete": Practice.delete,
    "refund": Practice.refund,
    "half": lambda practice, visit: practice.refund(visit, 0.5),
}


def practice_does(act: str, *, after: float) -> Callable[["Schedule"], Coroutine[Any, Any, None]]:
    """An event: so many seconds after a patient's visit is booked the practice does this to it."""

    async def does(schedule: "Schedule") -> None:
        while schedule.loop.elapsed < UNTIL:
            booked = [one for sent in schedule.upstream.sent for one in sent.appointments]
            if booked:
                await asyncio.sleep(after)
                visit = schedule.upstream.world.appointments[booked[0]]
                if visit.deleted_at is None and visit.pm_status not in FREEING_STATUSES:
                    ACTS[act](schedule.practice, visit)
                return
            await asyncio.sleep(LOOKS_EVERY)

    return does


def practice_answers(
    operation: str, act: str, *, number: int = 1, executed: bool = False
) -> Callable[["Schedule"], Coroutine[Any, Any, None]]:
    """An event: the practice does this to the first visit when a request of this name was sent, or executed, so many times."""

    async def answers(schedule: "Schedule") -> None:
        while schedule.loop.elapsed < UNTIL:
            seen = [
                one
                for one in schedule.upstream.sent
                if one.operation == operation and (not executed or one.executed_at is not None)
            ]
            if len(seen) >= number:
                booked = [one for sent in schedule.upstream.sent for one in sent.appointments]
                ACTS[act](schedule.practice, schedule.upstream.world.appointments[booked[0]])
                return
            await asyncio.sleep(0.01)

    return answers

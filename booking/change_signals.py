"""ChangeSignals: notifications that something may have changed. They carry no data; subscribers read the current state.

Best effort: a signal may be lost, and `ChangePoller` finds what was missed. A topic names its subject by id and holds no
patient data:

`checkout:<id>`    a checkout, and its visit
`change:<id>`      a requested change of a booked visit
`clinician:<id>`   the holds, claims and bookings made here of a clinician's time
`calendar:<id>`    a clinician's free time in the system of record; `calendar:` alone: everybody's
`booked:<id>`      a visit was booked here with a clinician
`patient:<id>`     a patient's visits
`waitlist:<id>`    a patient's places on the waitlist, and their offers
`blocks:`          which clinicians are not bookable until cleared
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

from booking.changes.model import ActionKind, ActionState, RequestedChange
from booking.checkout.model import Checkout, CheckoutState
from booking.events.model import DomainEvent, EventName
from booking.resources import Kind
from booking.stored_names import Unknown

EVERY_CALENDAR = "calendar:"
BLOCKS = "blocks:"

# Events that change the clinician's free time; other events of a visit do not.
_MOVES_TIME = frozenset(
    {
        EventName.APPOINTMENT_CREATED,
        EventName.APPOINTMENT_RESCHEDULED,
        EventName.APPOINTMENT_CANCELLED,
        EventName.APPOINTMENT_REINSTATED,
        EventName.APPOINTMENT_DELETED,
        EventName.AVAILABILITY_CHANGED,
    }
)

_OF_WAITLIST = frozenset({EventName.WAITLIST_OFFERED, EventName.WAITLIST_PASSED_ON})

# Actions of a requested change that change a visit.
_CHANGES_VISIT = frozenset({ActionKind.CANCEL_VISIT, ActionKind.MOVE_VISIT, ActionKind.BOOK_VISIT})


class ChangeSignals(Protocol):
    """The publishing side. Signals may be lost; `ChangePoller` finds the changes that nobody was notified of."""

    def publish(self, topics: Collection[str]) -> None:
        """Notify the listeners of these topics in every reachable process. Never blocks and never raises.

        Call it only after the change is committed.
        """


class TopicListener(Protocol):
    """Who is notified of signals in its own process."""

    @property
    def topics(self) -> frozenset[str]:
        """The topics that it listens to."""

    def notify(self, topic: str) -> None:
        """Take note that this topic was signalled. Must not block or raise."""


class Listener:
    """One subscriber. Collects which of its topics were signalled, not how often, so its memory is bounded by its topics."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        self._changed_topics: set[str] = set()
        self._notified = asyncio.Event()

    def notify(self, topic: str) -> None:
        """Record the topic and wake the waiter."""
        self._changed_topics.add(topic)
        self._notified.set()

    async def wait_for_changes(self, *, within: float | None = None) -> frozenset[str]:
        """Wait for a signal and return all topics signalled since the last call; empty after `within` seconds without one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._notified.wait()
        self._notified.clear()
        changed_topics, self._changed_topics = frozenset(self._changed_topics), set()
        return changed_topics


class LocalChangeSignals:
    """The port ChangeSignals among the tasks of one process."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[TopicListener]] = defaultdict(set)
        self._observers: list[Callable[[Collection[str]], object]] = []

    def observe(self, observer: Callable[[Collection[str]], object]) -> None:
        """Call this with the topics of every publication from now on, before any listener is notified of them."""
        self._observers.append(observer)

    def publish(self, topics: Collection[str]) -> None:
        """Notify the listeners in this process."""
        for observer in self._observers:
            observer(topics)
        for topic in topics:
            for listener in self._listeners.get(topic, ()):
                listener.notify(topic)

    @contextlib.contextmanager
    def subscribe(self, listener: TopicListener) -> Iterator[None]:
        """Notify the listener of its topics while the context is open."""
        for topic in listener.topics:
            self._listeners[topic].add(listener)
        try:
            yield
        finally:
            for topic in listener.topics:
                self._listeners[topic].discard(listener)
                if not self._listeners[topic]:
                    del self._listeners[topic]

    def listened(self, kind: str) -> list[str]:
        """The ids that have a listener, of topics with this prefix (such as `checkout:`)."""
        return [topic.removeprefix(kind) for topic in self._listeners if topic.startswith(kind)]


def of_checkout(checkout: Checkout) -> set[str]:
    """The topics to signal after this checkout was written."""
    topics = {f"checkout:{checkout.id}", f"clinician:{checkout.clinician_id}"}
    if checkout.state is CheckoutState.CONFIRMED:
        if checkout.slot is not None:
            topics.add(f"booked:{checkout.clinician_id}")
        if checkout.patient_id is not None:
            topics.add(f"patient:{checkout.patient_id}")
    return topics


def of_change(change: RequestedChange) -> set[str]:
    """The topics to signal after this change was written.

    As soon as the visit was cancelled, moved or booked anew, the free time of its clinicians is another one.
    """
    clinicians = {slot.clinician_id for slot in (change.slot, change.new_slot) if slot is not None}
    topics = {f"change:{change.id}", *(f"clinician:{clinician}" for clinician in clinicians)}
    if change.checkout_id is not None:  # whose visit it is
        topics.add(f"checkout:{change.checkout_id}")
    if any(one.kind in _CHANGES_VISIT and one.state is ActionState.DONE for one in change.actions):
        topics |= {f"patient:{change.patient_id}", *(f"calendar:{clinician}" for clinician in clinicians)}
    return topics


def moved_calendars(topics: Iterable[str]) -> set[str] | None:
    """The clinicians whose free time in the system of record has changed by these topics; None: everybody's has."""
    moved = {topic.split(":", 1)[1] for topic in topics if topic.startswith(("calendar:", "booked:"))}
    return None if "" in moved else moved


def of_event(event: DomainEvent) -> set[str]:
    """The topics to signal after this event. A visit that was booked here was signalled when its checkout was written.

    An event whose name only a newer version knows signals everything it may concern: one read too many does no harm.
    """
    topics = set()
    if "patient" in event.ids and ("appointment" in event.ids or event.name is EventName.PATIENT_MERGED):
        topics.add(f"patient:{event.ids['patient']}")
    if "checkout" in event.ids and "appointment" in event.ids:
        topics.add(f"checkout:{event.ids['checkout']}")  # whose visit it is
    if event.name in _OF_WAITLIST and "patient" in event.ids:
        topics.add(f"waitlist:{event.ids['patient']}")
    ours = event.name is EventName.APPOINTMENT_CREATED and "checkout" in event.ids
    if (event.name in _MOVES_TIME or _may_move_time(event)) and not ours:
        clinician = event.ids.get("clinician")
        topics.add(f"calendar:{clinician}" if clinician is not None else EVERY_CALENDAR)
    return topics


def _may_move_time(event: DomainEvent) -> bool:
    return isinstance(event.name, Unknown) and event.resource.kind in {Kind.VISIT, Kind.AVAILABILITY}

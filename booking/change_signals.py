"""ChangeSignals: word that a thing may have changed, never what it is now. Whoever hears it reads the thing anew.

A topic names a thing by its id, and holds no patient data:

`checkout:<id>`    a checkout
`clinician:<id>`   what is held, claimed or booked here of a clinician's time
`calendar:<id>`    what the system of record offers of a clinician's time; `calendar:` of everybody's
`patient:<id>`     a patient's visits
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from booking.checkout.model import Checkout, CheckoutState
from booking.events.model import DomainEvent, EventName
from booking.resources import Kind
from booking.stored_names import Unknown

EVERY_CALENDAR = "calendar:"

# The calendar of whoever treats is another one after these; what else happens to a visit takes and gives no time.
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


class ChangeSignals(Protocol):
    """Where pokes are given. They may be lost: a `ChangePoller` finds what nobody heard of."""

    def publish(self, topics: Collection[str]) -> None:
        """Tell whoever listens, in every process that can be reached; waits for nobody and never fails.

        Never called before what it is about is committed.
        """


class Listener:
    """One listener. It keeps which of its topics rang, and not how often: its memory is bounded by what it listens to."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        self._changed_topics: set[str] = set()
        self._bell = asyncio.Event()

    def notify(self, topic: str) -> None:
        """Wake it."""
        self._changed_topics.add(topic)
        self._bell.set()

    async def heard(self, *, within: float | None = None) -> frozenset[str]:
        """What rang since it was last asked, as soon as something did; nothing when nothing did `within` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._bell.wait()
        self._bell.clear()
        changed_topics, self._changed_topics = frozenset(self._changed_topics), set()
        return changed_topics


class LocalChangeSignals:
    """The port ChangeSignals among the tasks of one process."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)

    def publish(self, topics: Collection[str]) -> None:
        """Tell whoever listens in this process."""
        for topic in topics:
            for listener in self._listeners.get(topic, ()):
                listener.notify(topic)

    @contextlib.contextmanager
    def subscribe(self, listener: Listener) -> Iterator[None]:
        """Inside, the listener is rung for."""
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
        """The ids of this kind that somebody listens to."""
        return [topic.removeprefix(kind) for topic in self._listeners if topic.startswith(kind)]


def of_checkout(checkout: Checkout) -> set[str]:
    """What a write of this row may have changed."""
    topics = {f"checkout:{checkout.id}", f"clinician:{checkout.slot.clinician_id}"}
    if checkout.state is CheckoutState.CONFIRMED and checkout.patient_id is not None:
        topics.add(f"patient:{checkout.patient_id}")
    return topics


def of_event(event: DomainEvent) -> set[str]:
    """What is other than it was after this event. A visit that was booked here is known before the event comes.

    A newer version's event may have changed whatever it names: whoever looks once too often finds nothing new.
    """
    topics = set()
    if "patient" in event.ids and ("appointment" in event.ids or event.name is EventName.PATIENT_MERGED):
        topics.add(f"patient:{event.ids['patient']}")
    ours = event.name is EventName.APPOINTMENT_CREATED and "checkout" in event.ids
    if (event.name in _MOVES_TIME or _may_move_time(event)) and not ours:
        clinician = event.ids.get("clinician")
        topics.add(f"calendar:{clinician}" if clinician is not None else EVERY_CALENDAR)
    return topics


def _may_move_time(event: DomainEvent) -> bool:
    return isinstance(event.name, Unknown) and event.resource.kind in {Kind.VISIT, Kind.AVAILABILITY}

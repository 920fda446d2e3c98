"""Patients of one practice who wait, and the worker of its processes."""

from datetime import date, time, timedelta

from booking.catalog.model import ContactType
from booking.models import Hold
from booking.principals import Caller, Principal, PrincipalKind
from booking.slots import Slot
from booking.waitlist.model import EntryState, OfferState, WaitlistOffer, Wish
from booking.waitlist.rules import QuietHours, WaitlistRules
from booking.waitlist.service import WaitlistPlace
from tests.doubles.booking_world import PRICED, World, a_slot

AT_ANY_HOUR = QuietHours(start=time(), end=time())
RULES = WaitlistRules(quiet=AT_ANY_HOUR)
SLOT = a_slot(PRICED, hours=24)


def patient(name: str) -> Caller:
    return Caller(principal=Principal(kind=PrincipalKind.PATIENT, id=name))


def a_wish(**changes: object) -> Wish:
    values: dict[str, object] = {
        "visit_type_id": PRICED.id,
        "contact_type": ContactType.VIDEO,
        "location_id": None,
        "clinician_ids": None,
        "state": None,
        "weekdays": (),
        "hours": (),
        "time_zone": "UTC",
        "notice": timedelta(),
        "until": date(2026, 6, 20),
    }
    return Wish(**(values | changes))  # type: ignore[arg-type]  # names as in Wish


class Scene:
    """Patients who wait for one time of one clinician, which somebody else has."""

    def __init__(self, rules: WaitlistRules = RULES, *, free: tuple[Slot, ...] = ()) -> None:
        self.world = World()
        self.world.offer.free = list(free)
        self.rules = rules
        self.service = self.world.waitlist_service(rules)

    async def join(self, name: str, **wish: object) -> WaitlistPlace:
        place = await self.service.join(patient(name), a_wish(**wish))
        self.world.clock.advance(seconds=1)
        return place

    def free(self, *slots: Slot) -> None:
        self.world.offer.free = list(slots)

    async def work(self) -> None:
        """What a worker of a process that has just started does, until nothing is due."""
        looker, driver = (
            self.world.waitlist_looker(self.rules),
            self.world.waitlist_service(self.rules).driver,
        )
        for _ in range(10):
            await looker.run_due()
            async with self.world.database() as unit:
                due = await unit.waitlist.due_offers(self.world.clock.now(), limit=20)
            for offer_id in due:
                await driver.resume(offer_id)

    async def later(self, **span: float) -> None:
        self.world.clock.advance(**span)
        await self.work()

    @property
    def offers(self) -> list[WaitlistOffer]:
        return list(self.world.database.waitlist.offers.values())

    def offered(self) -> list[str]:
        """Whom the time is offered to at this moment."""
        return [one.patient_id for one in self.offers if one.state is OfferState.OFFERED]

    def state(self, place: WaitlistPlace) -> EntryState:
        return self.world.database.waitlist.entries[place.entry.id].state

    def holds(self) -> list[Hold]:
        return self.world.holds.live

    def told(self) -> list[tuple[str, str]]:
        return [(event.name, event.ids["patient"]) for event in self.world.database.outbox]

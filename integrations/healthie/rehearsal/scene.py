"""Scene: what a rehearsal makes to work on. Each thing is made once, when a question first needs it, and carries the run's name."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from integrations.healthie.generated.client import Client
from integrations.healthie.rehearsal.asking import Account, Reply, Unknown
from integrations.healthie.rehearsal.listening import Ear
from integrations.healthie.rehearsal.notebook import Notebook
from integrations.healthie.version_choice import VersionChoice

# Far enough away that no real patient is offered the time, near enough for calendars that end after a year.
DAYS_AHEAD = 200
FIRST_HOUR, LAST_HOUR = 14, 23  # UTC, in working hours of American time zones
MINUTES = 30  # of one visit
PLACES = (LAST_HOUR - FIRST_HOUR) * 60 // MINUTES  # visits in a day
ZONE = "UTC"
CONTACT = "Healthie Video Call"
CARD = "tok_visa"  # Stripe's test card; a live account refuses it
PRICE = "1.00"

# In English whatever the locale, as Healthie's guide on availability wants a day.
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

Find = Callable[[], Awaitable[str | None]]
Make = Callable[[], Awaitable[Reply]]


class Scene:
    """The people and things of one rehearsal, and the accounts that act. Every method raises Unknown when Healthie refuses."""

    def __init__(
        self,
        *,
        notebook: Notebook,
        organization: Account,
        clinician: Account,
        client: Callable[[str], Client],
        versions: VersionChoice,
        ear: Ear | None = None,
    ) -> None:
        """`client` makes a client of a key. `ear`: where Healthie can deliver webhooks; without it none is asked for."""
        self.notebook = notebook
        self.organization = organization
        self.clinician = clinician
        self.client = client
        self.versions = versions
        self.ear = ear

    @property
    def name(self) -> str:
        """The name that everything carries."""
        return f"Frontdoor rehearsal {self.notebook.pages.run}"

    @property
    def email(self) -> str:
        """The synthetic patient's email; nobody can receive it (RFC 2606)."""
        return f"rehearsal-{self.notebook.pages.run}@example.com"

    @property
    def days_ahead(self) -> int:
        """How many days from now the visits are."""
        return DAYS_AHEAD

    @property
    def day(self) -> datetime:
        """The day of the working hours, at midnight UTC; visits are on it and on the days after."""
        far = self.notebook.pages.started_at + timedelta(days=DAYS_AHEAD)
        return far.replace(hour=0, minute=0, second=0, microsecond=0)

    async def once(self, kind: str, *, find: Find, make: Make) -> str:
        """The id of the thing of that kind, which is made if it was not yet. What was interrupted while it was made is looked for first."""
        made, intended = self.notebook.pages.made, self.notebook.pages.intended
        if kind in made:
            return made[kind]
        found = await find() if kind in intended else None
        if found is None:
            self.notebook.intend(kind)
            found = self.created(await make())
        self.notebook.note_made(kind, found)
        return found

    def created(self, reply: Reply) -> str:
        """The id of what a mutation made. Raises Unknown if it was refused, or done silently not at all."""
        value = reply.require() or {}
        records = (each for key, each in value.items() if key not in {"messages", "stripeError"})
        record = next((each for each in records if isinstance(each, dict) and each.get("id")), None)
        if record is None:
            raise self.nothing_done(reply)
        return str(record["id"])

    def nothing_done(self, reply: Reply) -> Unknown:
        """Note that a mutation answered as done and did nothing; the reason why a question has no answer then."""
        self.notebook.note_silent(reply.root)
        return Unknown(f"{reply.root} answered as done and did nothing")

    async def patient(self) -> str:
        """The synthetic patient."""

        async def find() -> str | None:
            people = (await self.organization.ask("PeopleByKeywords", keywords=self.email)).nodes()
            return next((each["id"] for each in people if each["email"] == self.email), None)

        return await self.once(
            "patient",
            find=find,
            make=lambda: self.organization.ask(
                "MakePatient",
                dietitian_id=self.clinician.id,
                email=self.email,
                first_name="Rehearsal",
                last_name=f"Frontdoor {self.notebook.pages.run}",
                skipped_email=False,
            ),
        )

    async def visit_type(self, *, price: str | None = None) -> str:
        """A hidden visit type; with a price in dollars, one that costs money."""
        name = self.name if price is None else f"{self.name} priced"
        return await self.once(
            "visit type" if price is None else "priced visit type",
            find=lambda: self.named("VisitTypes", name),
            make=lambda: self.organization.ask(
                "MakeVisitType",
                name=name,
                length=MINUTES,
                contact_type_overrides=[CONTACT],
                **({} if price is None else {"pricing_option": "CUSTOM", "pricing": price}),
            ),
        )

    async def hours(self) -> str:
        """The clinician's working hours on the day of the visits."""
        start, end = self.day.replace(hour=FIRST_HOUR), self.day.replace(hour=LAST_HOUR)

        async def find() -> str | None:
            found = await self.clinician.ask(
                "Hours",
                provider_id=self.clinician.id,
                start=start.isoformat(),
                end=end.isoformat(),
            )
            return next((each["id"] for each in found.nodes()), None)

        return await self.once(
            "working hours",
            find=find,
            make=lambda: self.clinician.ask(
                "MakeHours",
                user_id=self.clinician.id,
                day=f"{MONTHS[self.day.month - 1]} {self.day.day:02}, {self.day.year}",
                **{"from": f"{FIRST_HOUR:02} 00", "until": f"{LAST_HOUR:02} 00"},
                timezone=ZONE,
            ),
        )

    async def plan(self) -> str:
        """A hidden plan with two visits of the hidden type."""
        visit_type = await self.visit_type()
        return await self.once(
            "plan",
            find=lambda: self.named("Plans", self.name),
            make=lambda: self.organization.ask(
                "MakePlan", name=self.name, price=PRICE, appointment_type_id=visit_type
            ),
        )

    async def card(self) -> str:
        """A test card of the patient."""
        patient = await self.patient()

        async def find() -> str | None:
            cards = (await self.organization.ask("CardsOf", user_id=patient)).nodes()
            return next((each["id"] for each in cards), None)

        return await self.once(
            "card", find=find, make=lambda: self.organization.ask("MakeCard", user_id=patient, token=CARD)
        )

    async def named(self, listing: str, name: str) -> str | None:
        """The id of the record of that name in a list."""
        records = (await self.organization.ask(listing, keywords=name)).nodes()
        return next((each["id"] for each in records if each["name"] == name), None)

    def next_time(self) -> datetime:
        """A time of the clinician's after the day of the working hours, never the same twice."""
        pages = self.notebook.pages
        days, place = divmod(pages.times_used, PLACES)
        pages.times_used += 1
        self.notebook.save()
        return self.day + timedelta(days=1 + days, hours=FIRST_HOUR, minutes=place * MINUTES)

    async def open_time(self) -> datetime:
        """A free time in the working hours, never the same twice. Raises Unknown."""
        await self.hours()
        pages = self.notebook.pages
        if pages.open_times_used == PLACES:
            raise Unknown("the rehearsal's day has no more time")
        pages.open_times_used += 1
        self.notebook.save()
        return self.day + timedelta(hours=FIRST_HOUR, minutes=(pages.open_times_used - 1) * MINUTES)

    async def book(
        self,
        at: datetime,
        *,
        by: Account | None = None,
        enforce: bool = False,
        visit_type: str | None = None,
        **more: object,
    ) -> Reply:
        """Try to book a visit of the patient's, by the clinician's key unless another account is named."""
        return await (by or self.clinician).ask(
            "MakeVisit",
            user_id=await self.patient(),
            appointment_type_id=visit_type or await self.visit_type(),
            contact_type=CONTACT,
            datetime=wall_clock(at),
            timezone=ZONE,
            enforce_availability=enforce,
            **more,
        )

    async def booked(self, at: datetime, **more: Any) -> dict[str, Any]:
        """Book a visit and read it back. Raises Unknown."""
        return await self.visit(self.created(await self.book(at, **more))) or {}

    async def visit(self, visit_id: str) -> dict[str, Any] | None:
        """A visit as it is now, deleted or not; None: it cannot be read."""
        found: dict[str, Any] | None = (await self.organization.ask("Visit", id=visit_id)).require()
        return found

    async def pay(self, key: str, *, offering_id: str | None = None, card_id: str | None = None) -> Reply:
        """Try to charge the patient's card, or another one; `key` is the idempotency key and stands in the note."""
        return await self.clinician.ask(
            "MakePayment",
            sender_id=await self.patient(),
            recipient_id=self.clinician.id,
            amount_paid=PRICE,
            card_id=card_id or await self.card(),
            key=self.key(key),
            note=self.key(key),
            **({} if offering_id is None else {"offering_id": offering_id}),
        )

    async def payments(self) -> list[dict[str, Any]]:
        """The patient's payments."""
        return (await self.organization.ask("Payments", client_id=await self.patient())).nodes()

    def key(self, name: str) -> str:
        """An idempotency key of this run."""
        return f"rehearsal-{self.notebook.pages.run}-{name}"


def wall_clock(at: datetime) -> str:
    """A time without offset, as `timezone` says how to read it."""
    return at.strftime("%Y-%m-%d %H:%M:%S")

"""Scene: what a rehearsal makes to work on. Each thing is made once, when a question first needs it, and carries the run's name."""

from datetime import datetime, timedelta
from typing import Any

from integrations.healthie.rehearsal.asking import Account, Reply, Unknown
from integrations.healthie.rehearsal.ground import (
    CARD,
    CONTACT,
    FIRST_HOUR,
    LAST_HOUR,
    MINUTES,
    MONTHS,
    PLACES,
    PRICE,
    ZONE,
    Ground,
    wall_clock,
)
from integrations.healthie.scalars import parse_moment

# Kinds of things that carry no name.
HOURS, WEBHOOK = "working hours", "webhook"


class Scene(Ground):
    """The people and things of one rehearsal, and the accounts that act. Every method raises Unknown when Healthie refuses."""

    async def patient(self) -> str:
        """The synthetic patient."""
        first_name, last_name = self.people_names[0]

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
                first_name=first_name,
                last_name=last_name,
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
        return await self.once_nameless(
            HOURS,
            listed=self.hours_like_ours,
            make=lambda: self.clinician.ask(
                "MakeHours",
                user_id=self.clinician.id,
                day=f"{MONTHS[self.day.month - 1]} {self.day.day:02}, {self.day.year}",
                **{"from": f"{FIRST_HOUR:02} 00", "until": f"{LAST_HOUR:02} 00"},
                timezone=ZONE,
            ),
        )

    async def hours_like_ours(self) -> list[str]:
        """The ids of hours from the same moment to the same moment, whoever made them."""
        start, end = self.day.replace(hour=FIRST_HOUR), self.day.replace(hour=LAST_HOUR)
        found = await self.clinician.ask(
            "Hours", provider_id=self.clinician.id, start=start.isoformat(), end=end.isoformat()
        )
        return [
            each["id"]
            for each in found.nodes()
            if (_moment(each["range_start"]), _moment(each["range_end"])) == (start, end)
        ]

    async def subscription(self, url: str) -> str:
        """A webhook subscription to this address."""
        pages = self.notebook.pages
        pages.webhook_url = pages.webhook_url or url
        return await self.once_nameless(
            WEBHOOK,
            listed=self.webhooks_like_ours,
            make=lambda: self.organization.ask("MakeWebhook", url=url),
        )

    async def webhooks_like_ours(self) -> list[str]:
        """The ids of the subscriptions to the same address, whoever made them."""
        url = self.notebook.pages.webhook_url
        listed = (await self.organization.ask("WebhooksTo", keywords=url)).nodes()
        return [each["id"] for each in listed if each["url"] == url]

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


def _moment(text: object) -> datetime | None:
    """A time in any of Healthie's formats; None when it is not readable, and so like none of the rehearsal's."""
    try:
        return parse_moment(text)
    except ValueError:
        return None

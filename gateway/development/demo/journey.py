"""A patient's whole journey through the public API, each step checked, and the emulator's books at the end."""

import asyncio
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx2

from gateway.development.demo import changes, documents
from gateway.development.demo.api import App, Broken, amount_of, expect
from gateway.development.demo.books import Visit, check_books, read_books
from gateway.development.demo.free_times import (
    ZONE,
    days_of_week,
    ids,
    local,
    overlaps,
    slots_of_week,
    two_apart,
)
from gateway.development.demo.screen import Screen
from gateway.development.local_stack import LocalStack

# The sample patients' state, which licensing depends on; their time zone is ZONE.
STATE = "NY"
PROMO = "WELCOME20"
DECLINED_CARD = "tok_chargeDeclinedInsufficientFunds"
GOOD_CARD = "tok_visa"


class Journey:
    """The steps in order; each raises Broken when a check fails."""

    def __init__(self, *, stack: LocalStack, http: httpx2.AsyncClient, screen: Screen) -> None:
        self._stack = stack
        self._http = http
        self._screen = screen
        self._visits: list[Visit] = []

    async def play(self) -> None:
        """Runs all steps."""
        seeded = await read_books(self._http, self._stack.emulator)
        pat = await self._app()
        plan, visit_type_id = await self._browse(pat)
        clinician = await self._pick_clinician(pat, visit_type_id)
        wanted = {
            "visitTypeId": visit_type_id,
            "timeZone": ZONE,
            "clinicianIds": [clinician["id"]],
            "state": STATE,
        }
        before = await self._find_slots(pat, wanted)
        first, second = two_apart(before)
        hold_id = await self._hold(pat, wanted, first)
        await self._quote(pat, plan["id"], visit_type_id)
        await self._pay(pat, plan["id"], hold_id, first)
        loser = await self._race(plan["id"], second)
        await self._change_of_mind(loser)
        books = await read_books(self._http, self._stack.emulator)
        check_books(seeded, books, visits=self._visits, screen=self._screen)
        await self._look_again(wanted, before)

    async def _app(self) -> App:
        app = App(http=self._http, graphql=self._stack.graphql)
        await app.open()
        return app

    async def _browse(self, app: App) -> tuple[dict[str, Any], str]:
        self._screen.chapter(f"Pat, in {STATE}, browses the practice's plans")
        plans = (await app.ask(documents.BROWSE, state=STATE))["plans"]["nodes"]
        self._screen.table(
            "plan",
            "due today",
            "bills",
            rows=[
                (
                    plan["name"] + (" (sold out)" if plan["soldOut"] else ""),
                    amount_of(plan["dueToday"]),
                    plan["frequency"].replace("_", " ").lower(),
                )
                for plan in plans
            ],
        )
        plan = next(
            plan
            for plan in plans
            if plan["frequency"] == "ONE_TIME" and not plan["soldOut"] and plan["visits"]
        )
        visit = plan["visits"][0]["visitType"]
        self._screen.say(
            f"Pat chooses [bold]{plan['name']}[/bold]: {visit['name']}, {visit['minutes']} minutes"
        )
        return plan, plan["visits"][0]["visitTypeId"]

    async def _pick_clinician(self, app: App, visit_type_id: str) -> dict[str, Any]:
        self._screen.chapter(f"Pat picks a clinician who is licensed in {STATE}")
        people = (await app.ask(documents.CLINICIANS, state=STATE, visitTypeId=visit_type_id))["clinicians"]
        self._screen.table(
            "clinician",
            "licensed in",
            "works in",
            rows=[(one["name"], ", ".join(one["licensedIn"]), one["timeZone"]) for one in people],
        )
        self._screen.holds(
            bool(people) and all(STATE in one["licensedIn"] for one in people),
            f"everybody shown may treat in {STATE}",
        )
        far = [one for one in people if one["timeZone"] != ZONE]
        clinician: dict[str, Any] = (far or people)[0]
        self._screen.say(f"Pat chooses [bold]{clinician['name']}[/bold]")
        return clinician

    async def _find_slots(self, app: App, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        self._screen.chapter(f"Pat sees the week's free times, in {ZONE}")
        with self._screen.waiting("looking for free times …"):
            days = await days_of_week(app, wanted)
        for day in [day for day in days if day["slots"]][:3]:
            shown, more = day["slots"][:8], day["slots"][8:]
            times = "  ".join([*(f"{local(slot):%H:%M}" for slot in shown), *(["…"] if more else [])])
            self._screen.say(f"{date.fromisoformat(day['date']):%a %d %b}   {times}")
        slots = [slot for day in days for slot in day["slots"]]
        self._screen.say(f"{len(slots)} free times in seven days")
        self._screen.holds(
            all(
                local(slot).utcoffset() == datetime.fromisoformat(slot["start"]).utcoffset() for slot in slots
            ),
            "every time carries Pat's own offset",
        )
        return slots

    async def _hold(self, app: App, wanted: dict[str, Any], slot: dict[str, Any]) -> str:
        self._screen.chapter(f"Pat holds {local(slot):%a %d %b, %H:%M}")
        held = await app.do(documents.HOLD, slotId=slot["id"], timeZone=ZONE)
        expect(held, "HoldSlotSuccess")
        left = datetime.fromisoformat(held["hold"]["expiresAt"]) - datetime.now().astimezone()
        self._screen.say(f"It is Pat's for {round(left / timedelta(minutes=1))} minutes")
        others = await slots_of_week(await self._app(), wanted)
        self._screen.holds(slot["id"] not in ids(others), "nobody else is offered it any more")
        return str(held["hold"]["id"])

    async def _quote(self, app: App, plan_id: str, visit_type_id: str) -> None:
        self._screen.chapter(f"Pat asks for the price, with the promo code {PROMO}")
        result = (await app.ask(documents.QUOTE, planId=plan_id, visitTypeId=visit_type_id, promoCode=PROMO))[
            "quote"
        ]
        expect(result, "QuoteSuccess")
        quote = result["quote"]
        gross, off, due = (Decimal(quote[part]["amount"]) for part in ("listPrice", "discount", "dueToday"))
        self._screen.say(f"{gross} less {off} is [bold]{amount_of(quote['dueToday'])}[/bold]")
        self._screen.holds(off > 0 and gross - off == due, "the discount counts, once")

    async def _pay(self, app: App, plan_id: str, hold_id: str, slot: dict[str, Any]) -> None:
        self._screen.chapter("Pat checks out as a guest, and the first card is declined")
        accepted, due = await self._start(app, plan_id, hold_id, "Pat", PROMO)
        with self._screen.waiting("paying …"):
            refused = await app.do(documents.CONFIRM, **accepted, cardToken=DECLINED_CARD)
        expect(refused, "CardDeclined")
        self._screen.say(f"[italic]{refused['message']}[/italic]  ({refused['reason'].lower()})")

        self._screen.chapter("Pat pays with another card while the hold lives")
        with self._screen.waiting("paying and booking …"):
            booked = await app.do(documents.CONFIRM, **accepted, cardToken=GOOD_CARD)
        self._booked(booked, slot, due)

    async def _race(self, plan_id: str, slot: dict[str, Any]) -> str:
        """Two want one time; returns who did not get it."""
        self._screen.chapter(
            f"Sam and Alex want the same time, {local(slot):%a %d %b, %H:%M}, at the same moment"
        )
        apps = [await self._app(), await self._app()]
        results = await asyncio.gather(
            *(app.do(documents.HOLD, slotId=slot["id"], timeZone=ZONE) for app in apps)
        )
        for name, result in zip(("Sam", "Alex"), results, strict=True):
            self._screen.say(
                f"{name}: {result['__typename']}"
                + (f", “{result['message']}”" if "message" in result else "")
            )
        kinds = sorted(result["__typename"] for result in results)
        self._screen.holds(kinds == ["HoldSlotSuccess", "SlotTaken"], "exactly one of them has it")
        winner = [result["__typename"] for result in results].index("HoldSlotSuccess")
        name, app, hold_id = ("Sam", "Alex")[winner], apps[winner], results[winner]["hold"]["id"]
        with self._screen.waiting("paying and booking …"):
            accepted, due = await self._start(app, plan_id, hold_id, name, None)
            booked = await app.do(documents.CONFIRM, **accepted, cardToken=GOOD_CARD)
        self._booked(booked, slot, due)
        return ("Alex", "Sam")[winner]

    async def _change_of_mind(self, name: str) -> None:
        """Somebody books a single visit, moves it, and cancels it."""
        app = await self._app()
        kinds = (await app.ask(documents.VISIT_TYPES))["visitTypes"]
        single = next((kind for kind in kinds if kind["price"] and not kind["requiresPlan"]), None)
        if single is None:
            raise Broken("the practice sells no single visit")
        self._screen.chapter(f"{name} books a {single['name']} instead, for {amount_of(single['price'])}")
        wanted = {"visitTypeId": single["id"], "timeZone": ZONE, "state": STATE}
        first, later = changes.two_times(await slots_of_week(app, wanted))
        held = await app.do(documents.HOLD, slotId=first["id"], timeZone=ZONE)
        expect(held, "HoldSlotSuccess")
        with self._screen.waiting("paying and booking …"):
            accepted, due = await self._start(app, None, held["hold"]["id"], name, None)
            booked = await app.do(documents.CONFIRM, **accepted, cardToken=GOOD_CARD)
        self._booked(booked, first, due)
        moved = await changes.move(app, self._visits.pop(), later, name=name, screen=self._screen)
        await changes.is_offered(await self._app(), wanted, first, screen=self._screen)
        self._visits.append(await changes.cancel(app, moved, name=name, screen=self._screen))
        await changes.is_offered(await self._app(), wanted, later, screen=self._screen)

    async def _start(
        self, app: App, plan_id: str | None, hold_id: str, name: str, promo: str | None
    ) -> tuple[dict[str, str], Decimal]:
        """Starts a checkout; returns the ids that a confirm takes, and the amount due today."""
        guest = {"email": f"{name.lower()}.sample@example.com", "firstName": name, "lastName": "Sample"}
        started = await app.do(documents.START, holdId=hold_id, planId=plan_id, promoCode=promo, guest=guest)
        expect(started, "StartCheckoutSuccess")
        app.become_guest(started["guestToken"])
        checkout = started["checkout"]
        accepted = {"checkoutId": checkout["id"], "quoteId": checkout["quote"]["id"]}
        return accepted, Decimal(checkout["quote"]["dueToday"]["amount"])

    def _booked(self, result: dict[str, Any], slot: dict[str, Any], paid: Decimal) -> None:
        expect(result, "ConfirmCheckoutSuccess")
        visit = result["checkout"]["appointment"]
        start = datetime.fromisoformat(visit["start"])
        self._screen.say(
            f"Booked: {start.astimezone(ZoneInfo(ZONE)):%a %d %b, %H:%M} with {visit['clinician']['name']}"
        )
        chosen = slot["clinicianId"]
        self._screen.holds(
            visit["clinician"]["id"] == chosen, "the visit is with the clinician who was chosen"
        )
        self._screen.holds(start == datetime.fromisoformat(slot["start"]), "at the time that was held")
        self._visits.append(
            Visit(appointment_id=visit["id"], clinician_id=chosen, start=slot["start"], paid=paid)
        )

    async def _look_again(self, wanted: dict[str, Any], before: list[dict[str, Any]]) -> None:
        self._screen.chapter("A fresh look at the free times")
        after = ids(await slots_of_week(await self._app(), wanted))
        booked_times = [datetime.fromisoformat(visit.start) for visit in self._visits if visit.stands]
        gone = {slot["id"] for slot in before if overlaps(slot, booked_times)}
        self._screen.holds(not gone & after, "what was booked is not offered")
        # The first day is left out: its times run out while the demo plays.
        tomorrow = min(local(slot).date() for slot in before) + timedelta(days=1)
        rest = {slot["id"] for slot in before if local(slot).date() >= tomorrow} - gone
        self._screen.holds(rest <= after, "nothing is blocked that should be free")

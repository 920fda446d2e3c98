"""The reading ports against the emulator."""

import asyncio
from calendar import monthrange
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from booking.catalog.model import BillingFrequency, ContactType
from booking.errors import UpstreamRefused
from booking.models import AppointmentStatus, GuestDetails, PatientMatch
from booking.money import Money
from booking.refusals import PromoInvalid
from booking.scheduling.offer_windows import OfferWindows
from booking.slot_query import SlotQuery
from tests.integration.healthie_on_emulator import GUEST, Practice, practice

# What a search for slots may cost Healthie, whatever was asked before.
MOST_REQUESTS = 7


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


class TestCatalog:
    async def test_it_holds_what_the_practice_shows_and_only_whose_key_is_proved(
        self, here: Practice
    ) -> None:
        catalog = await here.healthie.catalog.catalog()

        assert {plan.name for plan in catalog.plans} == {
            "First Visit",
            "Starter Plan",
            "Monthly Care",
            "Founders' Plan",
            "Early Bird Plan",
        }
        assert "Team Meeting" not in {kind.name for kind in catalog.visit_types}
        assert {each.id for each in catalog.clinicians} == {here.clinician(number) for number in (1, 2, 3)}
        assert catalog.clinicians[0].licensed_in >= {"NY", "FL"}
        assert len(catalog.locations) == 4

    async def test_terms_are_read_exactly(self, here: Practice) -> None:
        monthly, founders = await here.plan("Monthly Care"), await here.plan("Founders' Plan")

        assert (monthly.price, monthly.due_today) == (Money.of("99", "USD"), Money.of("149", "USD"))
        assert (monthly.frequency, monthly.payments) == (BillingFrequency.MONTHLY, None)
        assert [each.quantity for each in monthly.visits] == [1, 2]
        assert (founders.sold_out, founders.frequency) == (True, BillingFrequency.ONE_TIME)

    async def test_visit_types_tell_price_ways_and_who_offers_them(self, here: Practice) -> None:
        catalog = await here.healthie.catalog.catalog()
        kinds = {kind.name: kind for kind in catalog.visit_types}

        assert kinds["Single Visit"].price == Money.of("120", "USD")
        assert kinds["Free Consultation"].price is None
        assert kinds["Initial Visit"].contact_types == (ContactType.VIDEO, ContactType.IN_PERSON)
        assert kinds["Assessment in Person"].clinician_ids == frozenset(
            {here.clinician(1), here.clinician(2)}
        )
        assert kinds["Initial Visit"].clinician_ids is None

    async def test_it_is_one_request_shared_by_all_and_kept(self, here: Practice) -> None:
        await asyncio.gather(*(here.healthie.catalog.catalog() for _ in range(5)))
        await here.healthie.catalog.catalog()

        assert here.wire.operations["PublicCatalog"] == 1


class TestOnSale:
    async def test_it_is_what_the_catalogue_says(self, here: Practice) -> None:
        catalog, on_sale = await here.healthie.catalog.catalog(), here.healthie.on_sale

        for plan in catalog.plans:
            assert await on_sale.plan(plan.id) == plan
        for kind in catalog.visit_types:
            assert await on_sale.visit_type(kind.id) == kind

    async def test_a_change_is_seen_at_once_and_not_in_what_is_kept(self, here: Practice) -> None:
        kept = await here.plan("First Visit")
        here.world.offerings.change(kept.id, billing_frequency="Monthly", price=20_000)

        now = await here.healthie.on_sale.plan(kept.id)

        assert await here.plan("First Visit") == kept
        assert now is not None
        assert (now.price, now.frequency) == (Money.of("200", "USD"), BillingFrequency.MONTHLY)

    @pytest.mark.parametrize(
        "change", [{"archived": True}, {"show_offering": False}, {"visibility_status": "hidden"}], ids=str
    )
    async def test_a_plan_that_patients_may_not_buy_is_none(
        self, here: Practice, change: dict[str, object]
    ) -> None:
        plan = await here.plan("First Visit")
        here.world.offerings.change(plan.id, **change)
        assert await here.healthie.on_sale.plan(plan.id) is None

    async def test_what_there_is_not_is_none(self, here: Practice) -> None:
        assert await here.healthie.on_sale.plan("999999") is None
        assert await here.healthie.on_sale.visit_type("999999") is None


class TestAvailability:
    async def test_a_cold_week_of_all_clinicians_takes_few_requests_and_twins_share_them(
        self, here: Practice
    ) -> None:
        catalog = await here.healthie.catalog.catalog()
        first = here.world.clock.now().date() + timedelta(days=1)
        query = SlotQuery(
            visit_type_id=here.seed["visit_types"]["Initial Visit"],
            contact_type=ContactType.VIDEO,
            location_id=None,
            clinician_ids=frozenset(each["id"] for each in here.seed["clinicians"]),
            first=first,
            last=first + timedelta(days=6),
            time_zone="America/Los_Angeles",
        )
        windows = OfferWindows(availability=here.healthie.availability, clock=here.world.clock)
        answers = [
            list(one.slots) for one in await asyncio.gather(*(windows.offered(query) for _ in range(5)))
        ]

        assert here.wire.operations["AvailableSlots"] + here.wire.operations["PublicCatalog"] <= MOST_REQUESTS
        assert all(answer == answers[0] for answer in answers)
        assert {slot.clinician_id for slot in answers[0]} == {each.id for each in catalog.clinicians}
        assert answers[0] == sorted(answers[0], key=lambda slot: (slot.start, slot.clinician_id))

    async def test_a_booked_time_is_no_longer_offered(self, here: Practice) -> None:
        checkout = await here.checkout()
        await here.healthie.scheduling.book(checkout)

        assert not any(slot.interval.overlaps(checkout.visit_slot.interval) for slot in await here.free())

    async def test_days_and_slots_agree(self, here: Practice) -> None:
        slots = await here.free()
        first = slots[0].start.date().replace(day=1)
        days = await here.healthie.availability.days(
            replace(
                SlotQuery.like(slots[0]),
                first=first,
                last=first + timedelta(days=monthrange(first.year, first.month)[1] - 1),
                time_zone="America/New_York",
            )
        )

        assert slots[0].start.date() in days
        assert all(day.month == slots[0].start.month for day in days)

    async def test_a_visit_in_person_is_found_by_its_place(self, here: Practice) -> None:
        first = here.world.clock.now().date() + timedelta(days=7)
        place = (await here.healthie.catalog.catalog()).locations[0]
        slots = await here.healthie.availability.slots(
            SlotQuery(
                visit_type_id=here.seed["visit_types"]["Initial Visit"],
                contact_type=ContactType.IN_PERSON,
                location_id=place.id,
                clinician_ids=frozenset({here.clinician(1), here.clinician(2)}),
                first=first,
                last=first,
                time_zone="America/New_York",
            )
        )

        assert {slot.clinician_id for slot in slots} == {here.clinician(1)}


class TestPromotions:
    async def test_a_code_discounts_the_first_charge(self, here: Practice) -> None:
        promo = await here.healthie.promotions.apply(code="welcome20", plan=await here.plan("Monthly Care"))

        assert promo.code == "WELCOME20"
        assert promo.discounted == Money.of(Decimal("119.20"), "USD")
        assert promo.coupon_id

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            ("EXPIRED10", "This promo code has expired."),
            ("USEDUP50", "This promo code has reached its usage limit."),
            ("MONTHLY10", "This promo code does not apply to this package."),
            ("NOSUCHCODE", "This promo code is not valid."),
        ],
    )
    async def test_a_code_that_does_not_apply_says_why_in_healthies_words(
        self, here: Practice, code: str, reason: str
    ) -> None:
        with pytest.raises(PromoInvalid) as caught:
            await here.healthie.promotions.apply(code=code, plan=await here.plan("Starter Plan"))
        assert caught.value.reason == reason


class TestPatients:
    async def test_a_guest_is_created_once_and_found_by_email_and_names(self, here: Practice) -> None:
        patients = here.healthie.patients
        assert await patients.find(GUEST) is None

        made = await patients.create(
            GUEST, clinician_id=here.clinician(1), time_zone="America/New_York", reference="chk_sample"
        )
        spelled = GuestDetails(email=" SAMPLE.GUEST@example.com", first_name="sample ", last_name="GUEST")

        assert await patients.find(spelled) == PatientMatch(id=made, archived=False)
        with pytest.raises(UpstreamRefused) as caught:
            await patients.create(
                GUEST, clinician_id=here.clinician(1), time_zone="America/New_York", reference="chk_sample"
            )
        assert caught.value.reason == "patient_exists"

    async def test_another_name_at_the_same_email_is_another_patient(self, here: Practice) -> None:
        await here.healthie.patients.create(
            GUEST, clinician_id=here.clinician(1), time_zone="America/New_York", reference="chk_sample"
        )
        relative = GuestDetails(email=GUEST.email, first_name="Other", last_name="Guest")

        assert await here.healthie.patients.find(relative) is None

    async def test_a_profile_is_the_patients_own_or_none(self, here: Practice) -> None:
        profile = await here.healthie.patients.profile(here.patient(2))

        assert profile is not None
        assert (profile.last_name, profile.time_zone) == ("Patient Two", "America/Los_Angeles")
        assert await here.healthie.patients.profile("404") is None

    async def test_visits_come_newest_first_with_their_status(self, here: Practice) -> None:
        visits = await here.healthie.patients.appointments(here.patient(3))

        assert [visit.status for visit in visits] == [AppointmentStatus.BOOKED, AppointmentStatus.COMPLETED]
        assert {visit.clinician_name for visit in visits} == {"Ada Sample-Rivers"}

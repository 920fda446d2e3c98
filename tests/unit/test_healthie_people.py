"""Patients, cards and promo codes, where the emulator does not go."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from booking.catalog.model import BillingFrequency, Plan
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import AppointmentStatus, CreatedPatient, PatientMatch
from booking.refusals import CardDeclined, DeclineReason, PromoInvalid
from booking.system_of_record import SystemOfRecord
from tests.doubles.healthie_mutations import GUEST
from tests.doubles.healthie_script import NOON, Script, a_listed_visit, a_visit, connection, searched, usd

NFC, NFD = "JOS\u00c9", "Jose\u0301"


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def healthie(script: Script) -> AsyncIterator[SystemOfRecord]:
    async with script.connected() as connected:
        yield connected


def person(**changes: Any) -> dict[str, Any]:
    return {
        "id": "501",
        "email": GUEST.email,
        "first_name": "Sample",
        "last_name": "Guest",
        "metadata": None,
        "created_at": None,
    } | changes


class TestPatients:
    async def test_of_several_records_the_oldest_is_the_patient(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        people = [person(id="1000"), person(id="99"), person(id="5", last_name="Other")]
        script.answers["PatientsByEmail"] = searched(people)

        assert await healthie.patients.find(GUEST) == PatientMatch(id="99", archived=False)

    async def test_archived_records_are_asked_for_in_the_same_request_and_come_last(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        """Healthie: `email` filters nothing, keywords find more than was asked for, and who is archived must be asked for."""
        active = [person(id="1000"), person(id="5", email="another@example.com")]
        for first, found in (
            (active, PatientMatch(id="1000", archived=False)),
            ([], PatientMatch(id="99", archived=True)),
        ):
            script.sent.clear()
            script.answers["PatientsByEmail"] = searched(first, [person(id="99")])
            assert await healthie.patients.find(GUEST) == found
            assert [(one.operation, one.variables) for one in script.sent] == [
                ("PatientsByEmail", {"keywords": GUEST.email})
            ], "the same requests, whatever is found"
            document = " ".join(script.sent[0].document.split())
            for status in ("active", "archived"):
                assert f'{status}: users( keywords: $keywords active_status: "{status}"' in document

    async def test_near_matches_that_fill_a_page_are_narrowed_by_the_names_and_not_read(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        near = [person(id=str(number), email=f"x{number}.{GUEST.email}") for number in range(50)]
        script.answers["PatientsByEmail"] = [searched(near, more="page-49"), searched([person()])]

        assert await healthie.patients.find(GUEST) == PatientMatch(id="501", archived=False)
        assert [one.variables["keywords"] for one in script.sent] == [
            GUEST.email,
            f"{GUEST.email} Sample Guest",
        ]

    async def test_a_name_that_a_search_may_spell_otherwise_narrows_nothing(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        """Whether it finds a letter that is composed otherwise is not documented: then all the pages are read."""
        accented = replace(GUEST, first_name=NFC, last_name=NFC)
        match = person(first_name=NFD, last_name=NFD)
        script.answers["PatientsByEmail"] = searched([person(id="7")], more="page-49")
        script.answers["MorePatients"] = {"users": connection([match])}

        assert await healthie.patients.find(accented) == PatientMatch(id="501", archived=False)
        assert [(one.operation, one.variables) for one in script.sent] == [
            ("PatientsByEmail", {"keywords": GUEST.email}),
            (
                "MorePatients",
                {"keywords": GUEST.email, "active_status": "active", "after": "page-49"},
            ),
        ]

    async def test_a_mailbox_that_only_a_speller_takes_for_the_same_is_another_one(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        theirs = person(email="sample.guest@stra\u00dfe.example")
        script.answers["PatientsByEmail"] = searched([theirs])

        assert await healthie.patients.find(replace(GUEST, email="Sample.Guest@strasse.example")) is None

    async def test_what_is_sent_to_create_one_apart(self, healthie: SystemOfRecord, script: Script) -> None:
        script.answers["CreatePatient"] = {"createClient": {"user": person(email=None), "messages": None}}

        made = await healthie.patients.create(
            GUEST, clinician_id="11", time_zone="UTC", reference="chk_sample", apart=True
        )
        assert made == "501"
        sent = script.sent[0].variables
        assert (sent["email"], sent["skipped_email"], sent["last_name"]) == (None, True, "Guest")

    async def test_one_apart_whose_names_are_taken_carries_a_mark(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        taken = {"user": None, "messages": [{"field": "email", "message": "Email has already been taken"}]}
        marked = person(email="", last_name="Guest (sample)")
        script.answers["CreatePatient"] = [
            {"createClient": taken},
            {"createClient": {"user": marked, "messages": None}},
        ]
        made = await healthie.patients.create(
            GUEST, clinician_id="11", time_zone="UTC", reference="chk_sample", apart=True
        )
        assert made == "501"
        assert [one.variables["last_name"] for one in script.sent] == ["Guest", "Guest (sample)"]

    @pytest.mark.parametrize(
        "shown",
        [
            person(metadata='{"frontdoor_checkout": "chk_another"}'),
            person(email="another@example.com"),
        ],
        ids=["another checkout's", "another's email"],
    )
    async def test_a_record_that_was_there_before_is_not_taken_for_the_one_that_was_asked_for(
        self, healthie: SystemOfRecord, script: Script, shown: dict[str, Any]
    ) -> None:
        script.answers["CreatePatient"] = {"createClient": {"user": shown, "messages": None}}

        for apart in (True, False):
            with pytest.raises(OutcomeUnknown):
                await healthie.patients.create(
                    GUEST, clinician_id="11", time_zone="UTC", reference="chk_sample", apart=apart
                )

    @pytest.mark.parametrize("metadata", [None, "", "none", "[]", '{"frontdoor_checkout": "chk_another"}'])
    async def test_only_a_record_with_its_reference_is_one_that_a_checkout_created(
        self, healthie: SystemOfRecord, script: Script, metadata: str | None
    ) -> None:
        ours = '{"frontdoor_checkout": "chk_sample"}'
        others = [person(id="7", metadata=metadata)]
        for mine, found in (
            ([], None),
            ([person(metadata=ours)], CreatedPatient(id="501", apart=False)),
            ([person(metadata=ours, email=None)], CreatedPatient(id="501", apart=True)),
        ):
            for pages in (searched(others + mine), searched(others, mine)):
                script.answers["PatientsByName"] = pages
                assert (
                    await healthie.patients.find_created(GUEST, reference="chk_sample", since=NOON) == found
                )
        assert script.sent[-1].variables == {"keywords": "Sample Guest"}

    async def test_a_record_of_this_checkout_is_not_looked_for_among_those_that_were_there_before(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        """However many have names like these: the newest come first, and older ones are not read."""
        ours = person(metadata='{"frontdoor_checkout": "chk_sample"}')
        new, old = ({"created_at": (NOON + timedelta(hours=h)).isoformat()} for h in (1, -1))
        script.answers["PatientsByName"] = searched([person(id="7") | new] * 50, more="page-49")
        script.answers["MorePatients"] = {
            "users": connection([ours | new, *[person(id="5") | old] * 49])
            | {"page_info": {"has_next_page": True, "end_cursor": "page-99"}}
        }
        found = await healthie.patients.find_created(GUEST, reference="chk_sample", since=NOON)
        assert found == CreatedPatient(id="501", apart=False)
        assert [one.operation for one in script.sent] == ["PatientsByName", "MorePatients"]

    @pytest.mark.parametrize(("theirs", "given"), [(NFD, NFC), (NFC, NFD)])
    async def test_a_name_is_the_same_however_its_letters_are_composed(
        self, healthie: SystemOfRecord, script: Script, theirs: str, given: str
    ) -> None:
        script.answers["PatientsByEmail"] = searched([person(first_name=theirs)])

        found = await healthie.patients.find(replace(GUEST, first_name=given))
        assert found == PatientMatch(id="501", archived=False)

    async def test_what_is_sent_to_create_one(self, healthie: SystemOfRecord, script: Script) -> None:
        script.answers["CreatePatient"] = {"createClient": {"user": person(), "messages": None}}

        assert (
            await healthie.patients.create(
                GUEST, clinician_id="11", time_zone="America/New_York", reference="chk_sample"
            )
            == "501"
        )
        assert script.sent[0].variables == {
            "dietitian_id": "11",
            "email": GUEST.email,
            "first_name": "Sample",
            "last_name": "Guest",
            "phone_number": "555-0199",
            "dob": "1990-01-02",
            "timezone": "America/New_York",
            "skipped_email": None,
            "metadata": '{"frontdoor_checkout": "chk_sample"}',
        }

    @pytest.mark.parametrize(
        "payload",
        [None, {"user": None, "messages": None}, {"user": person(last_name="Other"), "messages": None}],
        ids=["null", "nobody", "somebody else"],
    )
    async def test_an_answer_that_is_not_what_was_asked_is_unknown(
        self, healthie: SystemOfRecord, script: Script, payload: Any
    ) -> None:
        script.answers["CreatePatient"] = {"createClient": payload}

        with pytest.raises(OutcomeUnknown):
            await healthie.patients.create(
                GUEST, clinician_id="11", time_zone="America/New_York", reference="chk_sample"
            )

    @pytest.mark.parametrize(
        ("written", "status"),
        [
            (None, AppointmentStatus.BOOKED),
            ("Occurred", AppointmentStatus.COMPLETED),
            ("No-Show", AppointmentStatus.NO_SHOW),
            ("Re-Scheduled", AppointmentStatus.RESCHEDULED),
            ("Cancelled", AppointmentStatus.CANCELLED),
            ("Late Cancellation", AppointmentStatus.CANCELLED),
            ("Checked-In", AppointmentStatus.CHECKED_IN),
        ],
    )
    async def test_every_status_is_known(
        self, healthie: SystemOfRecord, script: Script, written: str | None, status: AppointmentStatus
    ) -> None:
        visits = connection([a_listed_visit(pm_status=written), a_listed_visit(date=None)])
        script.answers["VisitsOfPatient"] = {"appointments": visits}

        assert [visit.status for visit in await healthie.patients.appointments("501")] == [status]

    @pytest.mark.parametrize(
        ("seats", "waiting", "listed"),
        [
            ([("501", None), ("502", None)], [], True),
            ([("501", True), ("502", None)], [], False),  # given up
            ([("501", True), ("501", False)], [], True),  # and taken again
            ([("502", None)], [], False),
            ([("501", None)], ["501"], False),  # they wait for it
            ([("502", None)], ["501"], False),
            (None, None, False),
        ],
    )
    async def test_a_groups_visit_is_theirs_who_have_a_seat(
        self,
        healthie: SystemOfRecord,
        script: Script,
        *,
        seats: list[tuple[str, bool | None]] | None,
        waiting: list[str] | None,
        listed: bool,
    ) -> None:
        visit = a_visit(
            user=None,
            is_group=True,
            attended_clients=None
            if seats is None
            else [{"cancelled": cancelled, "user": {"id": who}} for who, cancelled in seats],
            attendees_on_waitlist=None if waiting is None else [{"id": who} for who in waiting],
        )
        script.answers["VisitsOfPatient"] = {"appointments": connection([visit])}

        found = await healthie.patients.appointments("501")

        assert [visit.patient_id for visit in found] == ([None] if listed else [])

    async def test_a_profile_of_somebody_else_is_nobodys(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        other = person(id="502") | {"timezone": None, "dietitian_id": None, "is_patient": True}
        script.answers["Patient"] = {"user": other}

        assert await healthie.patients.profile("501") is None

    async def test_a_profile_of_a_clinician_is_nobodys(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        for is_patient in (True, None, False):
            user = person() | {"timezone": None, "dietitian_id": None, "is_patient": is_patient}
            script.answers["Patient"] = {"user": user}
            profile = await healthie.patients.profile("501")
            assert (profile is None) is (is_patient is False)


def attached(
    detail: dict[str, Any] | None, *messages: str, stripe_error: str | None = None
) -> dict[str, Any]:
    return {
        "createStripeCustomerDetail": {
            "stripe_customer_detail": detail,
            "messages": [{"field": None, "message": each} for each in messages],
            "stripeError": stripe_error,
        }
    }


def a_card(**changes: Any) -> dict[str, Any]:
    return {
        "id": "301",
        "card_type": "Visa",
        "last_four": "4242",
        "expiration": "2029-11-01 00:00:00 -0400",
        "source_status": "chargeable",
        "user_id": "501",
    } | changes


class TestCards:
    async def test_cards_of_somebody_else_are_left_out(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        script.answers["Cards"] = {
            "stripeCustomerDetails": connection([a_card(), a_card(id="9", user_id="502")]),
            "user": None,
        }

        cards = await healthie.cards.on_file("501")
        assert [(card.id, card.brand, card.last4, card.expires) for card in cards] == [
            ("301", "Visa", "4242", date(2029, 11, 1))
        ]

    @pytest.mark.parametrize(
        "words",
        [
            "Something unfamiliar about Sample Guest",
            "You cannot use a Stripe token more than once: tok_sample.",
            "No such token: 'tok_sample'",
        ],
    )
    async def test_a_token_that_is_refused_in_whatever_words_is_asked_for_again(
        self, healthie: SystemOfRecord, script: Script, words: str
    ) -> None:
        script.answers["AttachCard"] = attached(None, words)

        with pytest.raises(CardDeclined) as caught:
            await healthie.cards.attach(
                patient_id="501", token="tok_sample", make_default=False, clinician_id="11"
            )
        assert caught.value.reason is DeclineReason.TRY_AGAIN

    async def test_a_practice_that_cannot_charge_is_no_decline(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        words = "Your account cannot currently make live charges. Please contact the owner."
        script.answers["AttachCard"] = attached(None, words, stripe_error="testmode_charges_only")

        with pytest.raises(UpstreamRefused) as caught:
            await healthie.cards.attach(
                patient_id="501", token="tok_sample", make_default=False, clinician_id="11"
            )
        assert caught.value.reason == "account_cannot_charge"

    @pytest.mark.parametrize(
        "answer",
        [
            attached(None),
            attached(None, "The processor timed out for Sample Guest", stripe_error="lock_timeout"),
            attached(a_card(user_id="502")),
            attached(a_card(), "Your card was declined."),
            {"createStripeCustomerDetail": None},
        ],
        ids=["nothing", "in doubt", "somebody else's", "declined yet attached", "null"],
    )
    async def test_what_is_not_certain_is_unknown(
        self, healthie: SystemOfRecord, script: Script, answer: Any
    ) -> None:
        script.answers["AttachCard"] = answer

        with pytest.raises(OutcomeUnknown) as caught:
            await healthie.cards.attach(
                patient_id="501", token="tok_sample", make_default=False, clinician_id="11"
            )
        assert "Sample" not in str(caught.value)

    async def test_a_decline_may_come_as_stripes_error_alone(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        script.answers["AttachCard"] = attached(None, stripe_error="Your card has expired.")

        with pytest.raises(CardDeclined) as caught:
            await healthie.cards.attach(
                patient_id="501", token="tok_sample", make_default=False, clinician_id="11"
            )
        assert caught.value.reason is DeclineReason.CARD_EXPIRED


def a_plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "id": "40",
        "name": "Sample plan",
        "description": None,
        "price": usd("100"),
        "due_today": usd("100"),
        "frequency": BillingFrequency.ONE_TIME,
        "payments": None,
        "visits": (),
        "sold_out": False,
    }
    return Plan(**(values | changes))


class TestPromotions:
    @pytest.fixture
    def script(self) -> Script:
        coupons = [{"id": "91", "code": "SAMPLE2"}, {"id": "90", "code": "Sample"}]
        return Script(answers={"Coupons": {"offeringCoupons": connection(coupons)}})

    def check(self, script: Script, **answer: Any) -> None:
        fields = ("fail_reason", "new_price", "new_first_price", "first_amount", "repeat_times")
        nothing = dict.fromkeys(fields)
        script.answers["ValidateCoupon"] = {"validateCoupon": nothing | answer}

    async def test_the_coupon_is_the_one_of_that_very_code(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        self.check(script, new_price="80.00", new_first_price="80.00")

        promo = await healthie.promotions.apply(code=" sample ", plan=a_plan())
        assert (promo.coupon_id, promo.code, promo.discounted) == ("90", "Sample", usd("80"))

    async def test_a_first_payment_that_differs_has_its_own_discount(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        self.check(script, new_price="80.00", new_first_price="120.00")

        promo = await healthie.promotions.apply(code="sample", plan=a_plan(due_today=usd("150")))
        assert promo.discounted == usd("120")

    @pytest.mark.parametrize(
        ("new_first_price", "first_amount", "due"),
        [
            ("120.00", "30.00", "120"),  # the price that is left, and the discount
            ("30.00", "30.00", "120"),  # both the discount
            ("75.00", "75.00", "75"),  # half: either
            ("120.00", "150.00", "120"),  # the price that is left, and the whole
            ("0.00", "150.00", "0"),
            ("150.00", "150.00", "0"),  # all of it taken off
        ],
    )
    async def test_a_first_payments_new_price_and_its_discount_are_told_apart(
        self, healthie: SystemOfRecord, script: Script, new_first_price: str, first_amount: str, due: str
    ) -> None:
        self.check(script, new_price="80.00", new_first_price=new_first_price, first_amount=first_amount)

        promo = await healthie.promotions.apply(code="sample", plan=a_plan(due_today=usd("150")))
        assert promo.discounted == usd(due)

    @pytest.mark.parametrize(
        "answer",
        [{}, {"new_price": "120.00"}, {"new_price": "-1.00"}, {"new_price": "less"}],
        ids=["no price", "dearer", "negative", "no number"],
    )
    async def test_a_price_that_makes_no_sense_is_not_quoted(
        self, healthie: SystemOfRecord, script: Script, answer: dict[str, str]
    ) -> None:
        self.check(script, **answer)

        with pytest.raises(UpstreamUnavailable):
            await healthie.promotions.apply(code="sample", plan=a_plan())

    async def test_a_code_whose_coupon_is_not_found_is_not_quoted(
        self, healthie: SystemOfRecord, script: Script
    ) -> None:
        self.check(script, new_price="80.00")
        script.answers["Coupons"] = {"offeringCoupons": connection([])}

        with pytest.raises(UpstreamUnavailable):
            await healthie.promotions.apply(code="sample", plan=a_plan())

    async def test_no_verdict_is_an_unknown_code(self, healthie: SystemOfRecord, script: Script) -> None:
        script.answers["ValidateCoupon"] = {"validateCoupon": None}

        with pytest.raises(PromoInvalid):
            await healthie.promotions.apply(code="sample", plan=a_plan())

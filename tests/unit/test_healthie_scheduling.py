"""Appointments through Healthie: what is sent, what is read back, and what is left unknown."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from booking.catalog.model import ContactType
from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import OpenInvoice
from booking.ports import Scheduling
from booking.refusals import ClinicianNotBookable, SlotTaken
from tests.doubles.healthie_script import (
    KEYS,
    NOON,
    Script,
    a_checkout,
    a_slot,
    a_visit,
    connection,
    errors,
    usd,
)

MADE = {"createAppointment": {"appointment": {"id": "901"}, "messages": None}}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def scheduling(script: Script) -> AsyncIterator[Scheduling]:
    async with script.connected() as healthie:
        yield healthie.scheduling


def refused(*messages: str) -> dict[str, Any]:
    said = [{"field": "datetime", "message": each} for each in messages]
    return {"createAppointment": {"appointment": None, "messages": said}}


class TestBook:
    async def test_the_booking_is_the_clinicians_own_and_names_its_checkout(
        self, scheduling: Scheduling, script: Script
    ) -> None:
        script.answers |= {"Book": MADE, "VisitById": {"appointment": a_visit()}}

        appointment = await scheduling.book(a_checkout())

        (sent,) = script.of("Book")
        assert sent.key == KEYS["11"]
        assert sent.variables == {
            "user_id": "501",
            "other_party_id": "11",
            "appointment_type_id": "70",
            "contact_type": "Healthie Video Call",
            "appointment_location_id": None,
            "datetime": "2026-11-24T12:00:00-05:00",
            "timezone": "America/New_York",
            "metadata": '{"frontdoor_checkout": "checkout-a"}',
        }
        assert (appointment.id, appointment.clinician_id, appointment.start) == ("901", "11", NOON)
        assert (appointment.checkout_id, appointment.open_invoice) == ("checkout-a", None)

    async def test_a_visit_in_person_names_its_place(self, scheduling: Scheduling, script: Script) -> None:
        there = a_visit(contact_type="In Person", appointment_location_id="31")
        script.answers |= {"Book": MADE, "VisitById": {"appointment": there}}
        slot = a_slot(contact_type=ContactType.IN_PERSON, location_id="31")

        await scheduling.book(a_checkout(slot=slot))

        variables = script.of("Book")[0].variables
        assert (variables["contact_type"], variables["appointment_location_id"]) == ("In Person", "31")

    async def test_another_provider_is_told_and_not_judged(
        self, scheduling: Scheduling, script: Script
    ) -> None:
        other = {"id": "12", "full_name": "Dr. Sample Twelve"}
        script.answers |= {"Book": MADE, "VisitById": {"appointment": a_visit(provider=other)}}

        assert (await scheduling.book(a_checkout())).clinician_id == "12"

    @pytest.mark.parametrize(
        ("shown", "told"),
        [
            ({}, OpenInvoice(id="77", amount=usd("120.00"))),
            ({"status": "Partial"}, OpenInvoice(id="77", amount=usd("120.00"))),
            ({"price": "much"}, OpenInvoice(id="77", amount=None)),
            ({"status": "Paid"}, None),  # by hand
            ({"paid_at": "2026-11-24 12:00:00 -0500"}, None),
        ],
    )
    async def test_an_open_invoice_that_the_booking_raised_is_told(
        self, scheduling: Scheduling, script: Script, shown: dict[str, Any], told: OpenInvoice | None
    ) -> None:
        invoice = {
            "id": "77",
            "status": "Not Yet Paid",
            "paid_at": None,
            "price": "120.00",
            "currency": "USD",
        } | shown
        script.answers |= {"Book": MADE, "VisitById": {"appointment": a_visit(requested_payment=invoice)}}

        assert (await scheduling.book(a_checkout())).open_invoice == told

    @pytest.mark.parametrize(
        "difference",
        [
            {"date": "2026-11-24 13:00:00 -0500"},
            {"date": None},
            {"appointment_type": {"id": "71", "name": "Other"}},
            {"appointment_type": None},
            {"user": {"id": "502"}},
            {"user": None},
        ],
        ids=str,
    )
    async def test_a_difference_in_time_kind_or_patient_is_not_believed(
        self, scheduling: Scheduling, script: Script, difference: dict[str, object]
    ) -> None:
        script.answers |= {"Book": MADE, "VisitById": {"appointment": a_visit(**difference)}}

        with pytest.raises(OutcomeUnknown):
            await scheduling.book(a_checkout())

    @pytest.mark.parametrize(
        "message",
        [
            "This time is not available",
            "That slot is no longer available.",
            "The provider is unavailable at this time",
            "This time has already been booked",
        ],
    )
    async def test_a_time_that_is_gone_is_taken(
        self, scheduling: Scheduling, script: Script, message: str
    ) -> None:
        script.answers["Book"] = refused(message)

        with pytest.raises(SlotTaken):
            await scheduling.book(a_checkout())

    @pytest.mark.parametrize("message", ["Client not found", "Contact type can't be blank"])
    async def test_a_request_that_healthie_does_not_take_is_refused_for_certain(
        self, scheduling: Scheduling, script: Script, message: str
    ) -> None:
        script.answers["Book"] = refused(message)

        with pytest.raises(UpstreamRefused):
            await scheduling.book(a_checkout())

    @pytest.mark.parametrize(
        "answer",
        [
            refused("Something unfamiliar about Sample Patient"),
            refused("This time is not available", "Something unfamiliar about Sample Patient"),
            {"createAppointment": {"appointment": None, "messages": None}},
            {
                "createAppointment": {
                    "appointment": {"id": "901"},
                    "messages": [{"field": None, "message": "not available"}],
                }
            },
            {"createAppointment": None},
            httpx2.ReadTimeout("sample"),
            httpx2.Response(503),
        ],
        ids=["unfamiliar", "partly unfamiliar", "nothing", "refused yet made", "null", "timeout", "5xx"],
    )
    async def test_anything_else_is_unknown_and_sent_once(
        self, scheduling: Scheduling, script: Script, answer: Any
    ) -> None:
        script.answers["Book"] = answer

        with pytest.raises(OutcomeUnknown) as caught:
            await scheduling.book(a_checkout())
        assert "Sample" not in str(caught.value)
        assert len(script.of("Book")) == 1

    @pytest.mark.parametrize(
        "answer",
        [{"appointment": None}, errors("TOO_MANY_REQUESTS"), httpx2.Response(503), errors("UNAUTHORIZED")],
        ids=["missing", "rate limited", "5xx", "not allowed"],
    )
    async def test_a_booking_that_cannot_be_read_back_is_unknown(
        self, scheduling: Scheduling, script: Script, answer: Any
    ) -> None:
        script.answers |= {"Book": MADE, "VisitById": answer}

        with pytest.raises(OutcomeUnknown):
            await scheduling.book(a_checkout())

    @pytest.mark.parametrize("reply", [errors("TOO_MANY_REQUESTS"), httpx2.ConnectError("sample")])
    async def test_what_was_not_done_may_be_tried_later(
        self, scheduling: Scheduling, script: Script, reply: Any
    ) -> None:
        script.answers["Book"] = reply

        with pytest.raises(UpstreamUnavailable):
            await scheduling.book(a_checkout())

    async def test_without_the_clinicians_own_key_nobody_books(
        self, scheduling: Scheduling, script: Script
    ) -> None:
        script.answers["WhoAmI"] = {"currentUser": {"id": "12"}}

        with pytest.raises(ClinicianNotBookable):
            await scheduling.book(a_checkout())
        assert script.of("Book") == []


class TestFind:
    async def test_the_metadata_names_the_appointment(self, scheduling: Scheduling, script: Script) -> None:
        others = [
            a_visit(id="900", metadata=None),
            a_visit(id="902", metadata={"frontdoor_checkout": "other"}),
        ]
        script.answers["VisitsBetween"] = {"appointments": connection([*others, a_visit()])}

        found = await scheduling.find(a_checkout())

        assert found is not None
        assert found.id == "901"

    async def test_the_same_time_and_patient_without_the_reference_is_somebody_elses(
        self, scheduling: Scheduling, script: Script
    ) -> None:
        visits = [a_visit(metadata=None), a_visit(deleted_at="2026-11-21 12:00:00 -0500")]
        script.answers["VisitsBetween"] = {"appointments": connection(visits)}

        assert await scheduling.find(a_checkout()) is None


DELETED = {"deleteAppointment": {"messages": None}}
STANDING = {"appointment": a_visit()}
GONE = {"appointment": a_visit(deleted_at="2026-11-21 12:00:00 -0500")}


class TestDelete:
    async def test_it_is_deleted_and_read_back(self, scheduling: Scheduling, script: Script) -> None:
        script.answers |= {"VisitById": [STANDING, GONE], "DeleteVisit": DELETED}

        await scheduling.delete(a_checkout(appointment_id="901"))
        assert script.of("DeleteVisit")[0].variables == {"id": "901"}

    async def test_what_is_gone_is_not_deleted_again(self, scheduling: Scheduling, script: Script) -> None:
        script.answers["VisitById"] = GONE

        await scheduling.delete(a_checkout(appointment_id="901"))
        assert script.of("DeleteVisit") == []

    async def test_what_the_key_does_not_see_is_not_taken_for_gone(
        self, scheduling: Scheduling, script: Script
    ) -> None:
        """Healthie: without `can_see_calendar` a key sees its owner's calendar only; deleted visits are read with `include_deleted`."""
        script.answers["VisitById"] = {"appointment": None}

        with pytest.raises(UpstreamRefused) as caught:
            await scheduling.delete(a_checkout(appointment_id="901"))
        assert (caught.value.reason, caught.value.permission) == ("not_visible", "can_see_calendar")
        assert script.of("DeleteVisit") == []

    async def test_what_is_missing_once_it_was_deleted_is_gone(
        self, scheduling: Scheduling, script: Script
    ) -> None:
        script.answers |= {"VisitById": [STANDING, {"appointment": None}], "DeleteVisit": DELETED}

        await scheduling.delete(a_checkout(appointment_id="901"))

    async def test_a_success_that_did_nothing_is_not_believed(
        self, scheduling: Scheduling, script: Script
    ) -> None:
        script.answers |= {"VisitById": STANDING, "DeleteVisit": DELETED}

        with pytest.raises(OutcomeUnknown):
            await scheduling.delete(a_checkout(appointment_id="901"))

    async def test_a_refusal_that_left_it_standing_is_certain(
        self, scheduling: Scheduling, script: Script
    ) -> None:
        no = {"deleteAppointment": {"messages": [{"field": None, "message": "no"}]}}
        script.answers |= {"VisitById": STANDING, "DeleteVisit": no}

        with pytest.raises(UpstreamRefused):
            await scheduling.delete(a_checkout(appointment_id="901"))

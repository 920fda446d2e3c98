"""Booked visits at the emulator: read with their rules, cancelled, moved and booked anew, in fair weather and foul."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booking.checkout.model import Checkout
from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import AppointmentStatus
from booking.refusals import ClinicianNotBookable, SlotTaken
from booking.slots import Slot
from tests.integration.changes_on_emulator import (
    a_booked_checkout,
    a_cancellation,
    a_rebooking,
    a_reschedule,
    usd,
)
from tests.integration.healthie_on_emulator import Practice, practice

NOT_EXECUTED = ("lost_request", "http_5xx", "not_json")
BOTH = pytest.mark.parametrize("position", [False, True])


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as opened:
        yield opened


@pytest.fixture
async def row(here: Practice) -> Checkout:
    return await a_booked_checkout(here)


@asynccontextmanager
async def without_key() -> AsyncIterator[tuple[Practice, Checkout]]:
    """A visit whose clinician's key was taken back since, which was noticed by the daily proof."""
    now = datetime.now(UTC)
    async with practice(now=lambda: now) as here:
        row = await a_booked_checkout(here)
        for key in list(here.world.api_keys):
            if key.user_id == row.visit_slot.clinician_id:
                here.world.api_keys.remove(key.id)
        now += timedelta(days=2)
        await here.healthie.keys.prove_due()
        yield here, row


def visit_of(here: Practice, row: Checkout) -> Any:
    return here.world.appointments[str(row.appointment_id)]


def change_visit(here: Practice, row: Checkout, **values: Any) -> None:
    """The practice changes the visit on its own pages."""
    here.world.appointments.change(str(row.appointment_id), **values)


def set_policy(here: Practice, **values: Any) -> None:
    here.world.appointment_settings.change(here.world.settings.id, **values)


def sent(here: Practice, operation: str) -> int:
    return here.wire.operations[operation]


async def another_time(here: Practice) -> Slot:
    return (await here.free())[-1]


class TestReading:
    async def test_a_visit_comes_with_the_practices_rules_and_healthies_verdict(
        self, here: Practice, row: Checkout
    ) -> None:
        set_policy(
            here,
            minimum_advance_cancel_time=24 * 60,
            minimum_advance_reschedule_time=12 * 60,
            patient_reschedule_count_cap="2",
            late_cancellation_fee=25_00,
            client_cancel_reason_required=True,
            restore_credit_on_cancel=True,
        )
        change_visit(here, row, patient_reschedule_count=1)

        visit = await here.healthie.visits.get(str(row.appointment_id))

        assert visit is not None
        assert (visit.appointment.start, visit.appointment.checkout_id) == (row.visit_slot.start, row.id)
        assert (visit.rules.may_cancel, visit.rules.may_reschedule) == (True, True)
        assert (visit.rules.cancel_notice, visit.rules.reschedule_notice) == (
            timedelta(days=1),
            timedelta(hours=12),
        )
        assert (visit.rules.most_reschedules, visit.reschedules) == (2, 1)
        assert visit.rules.late_cancellation_fee == usd("25.00")
        assert visit.rules.reason_required
        assert visit.rules.restores_credit
        assert (visit.verdict.can_cancel, visit.verdict.can_reschedule) == (True, True)
        assert (visit.credit_used, visit.has_series) == (True, False)
        assert visit.slot == row.slot

    async def test_the_types_own_settings_replace_the_practices(self, here: Practice, row: Checkout) -> None:
        set_policy(here, minimum_advance_cancel_time=60)
        here.world.appointment_types.change(
            row.visit_slot.visit_type_id,
            own_settings={"minimum_advance_cancel_time": 2880, "allow_clients_to_cancel_appt": False},
        )

        visit = await here.healthie.visits.get(str(row.appointment_id))

        assert visit is not None
        assert (visit.rules.may_cancel, visit.rules.cancel_notice) == (False, timedelta(days=2))
        assert not visit.verdict.can_cancel

    async def test_inside_the_notice_the_verdict_is_a_no(self, here: Practice, row: Checkout) -> None:
        set_policy(here, minimum_advance_cancel_time=60 * 24 * 60, minimum_advance_reschedule_time=60)
        visit = await here.healthie.visits.get(str(row.appointment_id))
        assert visit is not None
        assert (visit.verdict.can_cancel, visit.verdict.can_reschedule) == (False, True)

    async def test_of_a_series_and_of_a_group_it_is_said(self, here: Practice, row: Checkout) -> None:
        series = here.world.series.add(repeat_interval="Weekly", repeat_times=2)
        change_visit(here, row, series_id=series.id, position_in_series=1)
        visit = await here.healthie.visits.get(str(row.appointment_id))
        assert visit is not None
        assert visit.has_series

        change_visit(here, row, series_id=None)
        here.world.appointment_types.change(row.visit_slot.visit_type_id, is_group=True)
        visit = await here.healthie.visits.get(str(row.appointment_id))
        assert visit is not None
        assert visit.has_series

    async def test_one_that_staff_deleted_is_none_and_stands_as_deleted(
        self, here: Practice, row: Checkout
    ) -> None:
        await here.healthie.scheduling.delete(row)

        assert await here.healthie.visits.get(str(row.appointment_id)) is None
        stands = await here.healthie.visits.stands(
            str(row.appointment_id), clinician_id=row.visit_slot.clinician_id
        )
        assert stands is not None
        assert stands.deleted

    async def test_one_that_there_is_not_is_none(self, here: Practice) -> None:
        assert await here.healthie.visits.get("999999") is None
        assert await here.healthie.visits.stands("999999", clinician_id=here.clinician(1)) is None

    async def test_a_cancelled_one_says_since_when(self, here: Practice, row: Checkout) -> None:
        await here.healthie.visit_changes.cancel(a_cancellation(row))
        stands = await here.healthie.visits.stands(
            str(row.appointment_id), clinician_id=row.visit_slot.clinician_id
        )
        assert stands is not None
        assert (stands.appointment.status, stands.deleted) == (AppointmentStatus.CANCELLED, False)
        assert stands.cancelled_at == here.world.clock.now()

    async def test_the_reasons_are_the_patients(self, here: Practice) -> None:
        of_patients = {
            each.id: each.label for each in here.world.cancellation_reasons if each.reason_type == "client"
        }
        found = await here.healthie.visits.cancellation_reasons()
        assert {each.id: each.text for each in found} == of_patients
        assert of_patients


class TestJoining:
    async def links(self, here: Practice, row: Checkout) -> Any:
        return await here.healthie.visits.join_links(
            str(row.appointment_id), clinician_id=row.visit_slot.clinician_id
        )

    async def test_healthies_own_video_has_no_link_since_its_token_is_the_key_owners(
        self, here: Practice, row: Checkout
    ) -> None:
        links = await self.links(here, row)
        assert (links.url, links.dial_in) == (None, None)

    async def test_by_zoom_it_is_the_patients_link_once_it_is_there(
        self, here: Practice, row: Checkout
    ) -> None:
        here.world.switches.zoom_ready_after = 60
        change_visit(here, row, is_zoom_chat=True)
        assert (await self.links(here, row)).url is None

        here.world.clock.advance(60)
        links = await self.links(here, row)

        assert links.url.startswith("https://zoom.example/j/")
        assert links.dial_in.startswith("+1 555 010 0199")
        assert links.url not in repr(links)

    async def test_another_service_that_the_practice_set_comes_first(
        self, here: Practice, row: Checkout
    ) -> None:
        change_visit(here, row, is_zoom_chat=True, external_videochat_url="https://video.example/room")
        assert (await self.links(here, row)).url == "https://video.example/room"

    @pytest.mark.parametrize(
        "url", ["https://zoom.example/s/1?zak=secret", "javascript:alert(1)", "http://video.example/room"]
    )
    async def test_a_hosts_link_or_no_link_at_all_is_not_given_out(
        self, here: Practice, row: Checkout, url: str
    ) -> None:
        change_visit(here, row, external_videochat_url=url)
        assert (await self.links(here, row)).url is None

    async def test_one_that_there_is_not_has_none(self, here: Practice) -> None:
        links = await here.healthie.visits.join_links("999999", clinician_id=here.clinician(1))
        assert links.url is None


class TestCancel:
    async def test_it_is_cancelled_with_the_patients_reason_and_stays_readable(
        self, here: Practice, row: Checkout
    ) -> None:
        reason = (await here.healthie.visits.cancellation_reasons())[0]

        await here.healthie.visit_changes.cancel(
            a_cancellation(row, reason="Sample reason", reason_id=reason.id)
        )

        visit = visit_of(here, row)
        assert (visit.pm_status, visit.deleted_at) == ("Cancelled", None)
        assert (visit.cancellation_reason_id, visit.other_cancellation_reason) == (reason.id, "Sample reason")
        assert visit.last_updated_by_id == row.visit_slot.clinician_id

    async def test_the_freed_time_is_on_offer_at_once(self, here: Practice, row: Checkout) -> None:
        assert row.slot not in await here.free()
        await here.healthie.visit_changes.cancel(a_cancellation(row))
        assert row.slot in await here.free()

    async def test_without_the_clinicians_key_the_organisations_cancels(self) -> None:
        async with without_key() as (here, row):
            await here.healthie.visit_changes.cancel(a_cancellation(row))
            visit = visit_of(here, row)
            assert (visit.pm_status, visit.last_updated_by_id) == ("Cancelled", here.seed["owner"]["id"])

    async def test_twice_is_once(self, here: Practice, row: Checkout) -> None:
        await here.healthie.visit_changes.cancel(a_cancellation(row))
        await here.healthie.visit_changes.cancel(a_cancellation(row))
        assert sent(here, "CancelVisit") == 1

    @pytest.mark.parametrize("kind", NOT_EXECUTED)
    async def test_a_lost_request_is_unknown_and_sent_again_when_nothing_landed(
        self, here: Practice, row: Checkout, kind: str
    ) -> None:
        here.fault(kind, "updateAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.visit_changes.cancel(a_cancellation(row))
        assert visit_of(here, row).pm_status is None

        await here.healthie.visit_changes.cancel(a_cancellation(row))
        assert (visit_of(here, row).pm_status, sent(here, "CancelVisit")) == ("Cancelled", 2)

    async def test_a_lost_answer_is_looked_up_and_nothing_sent_again(
        self, here: Practice, row: Checkout
    ) -> None:
        here.fault("lost_answer", "updateAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.visit_changes.cancel(a_cancellation(row))
        await here.healthie.visit_changes.cancel(a_cancellation(row))
        assert (visit_of(here, row).pm_status, sent(here, "CancelVisit")) == ("Cancelled", 1)

    async def test_one_that_landed_late_is_found(self, here: Practice, row: Checkout) -> None:
        here.fault("lost_request", "updateAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.visit_changes.cancel(a_cancellation(row))
        change_visit(here, row, pm_status="Cancelled")

        await here.healthie.visit_changes.cancel(a_cancellation(row))
        assert sent(here, "CancelVisit") == 1

    @pytest.mark.parametrize(
        "values",
        [
            {"pm_status": "Occurred"},
            {"pm_status": "No-Show"},
            {"pm_status": "Re-Scheduled"},
            {"provider_id": "other"},
            {"starts_at": "later"},
        ],
        ids=str,
    )
    async def test_what_the_practice_changed_meanwhile_is_left_alone(
        self, here: Practice, row: Checkout, values: dict[str, Any]
    ) -> None:
        if "provider_id" in values:
            values = {"provider_id": here.clinician(2)}
        if "starts_at" in values:
            values = {"starts_at": row.visit_slot.start + timedelta(hours=1)}
        change_visit(here, row, **values)

        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.visit_changes.cancel(a_cancellation(row))

        assert caught.value.reason == "changed_by_practice"
        assert sent(here, "CancelVisit") == 0

    async def test_one_of_a_series_is_left_alone(self, here: Practice, row: Checkout) -> None:
        series = here.world.series.add(repeat_interval="Weekly", repeat_times=2)
        change_visit(here, row, series_id=series.id, position_in_series=1)
        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.visit_changes.cancel(a_cancellation(row))
        assert (caught.value.reason, sent(here, "CancelVisit")) == ("not_single", 0)

    async def test_another_patients_is_left_alone(self, here: Practice, row: Checkout) -> None:
        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.visit_changes.cancel(a_cancellation(row, patient_id=here.patient(2)))
        assert (caught.value.reason, sent(here, "CancelVisit")) == ("not_theirs", 0)

    async def test_a_reason_that_there_is_not_is_refused_for_certain(
        self, here: Practice, row: Checkout
    ) -> None:
        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.visit_changes.cancel(a_cancellation(row, reason_id="999"))
        assert caught.value.reason == "invalid"
        assert visit_of(here, row).pm_status is None

    async def test_without_the_permission_it_is_refused_and_the_permission_is_named(
        self, here: Practice, row: Checkout
    ) -> None:
        here.world.permissions.without[row.visit_slot.clinician_id] = {"can_edit_calendar"}
        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.visit_changes.cancel(a_cancellation(row))
        assert caught.value.permission == "can_edit_calendar"

    async def test_one_that_the_key_is_not_shown_is_refused(self, here: Practice, row: Checkout) -> None:
        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.visit_changes.cancel(a_cancellation(row, appointment_id="999999"))
        assert caught.value.reason == "not_visible"


class TestLateFee:
    @pytest.fixture(autouse=True)
    def _charges(self, here: Practice) -> None:
        set_policy(
            here,
            late_cancellation_fee=25_00,
            enable_late_cancellation_status=True,
            auto_schedule_charges_for_late_cancellation_no_show=True,
        )

    async def test_the_fee_as_accepted_is_scheduled_by_healthie(self, here: Practice, row: Checkout) -> None:
        visit = await here.healthie.visits.get(str(row.appointment_id))
        assert visit is not None
        assert visit.rules.practice_charges_late_fee

        await here.healthie.visit_changes.cancel(a_cancellation(row, fee=usd("25.00")))

        assert visit_of(here, row).pm_status == "Late Cancellation"
        (fee,) = (each for each in here.world.billing_items if each.state == "SCHEDULED")
        assert (fee.amount, fee.payment_due_date) == (25_00, here.world.clock.now() + timedelta(days=2))

    @pytest.mark.parametrize("fee", [None, "20.00", "30.00"])
    async def test_another_fee_or_none_is_cancelled_without_a_charge(
        self, here: Practice, row: Checkout, fee: str | None
    ) -> None:
        change = a_cancellation(row, fee=usd(fee) if fee else None, late=True)
        await here.healthie.visit_changes.cancel(change)
        assert visit_of(here, row).pm_status == "Cancelled"
        assert [each.state for each in here.world.billing_items] == ["SUCCEEDED"]

    async def test_the_visits_own_fee_is_the_one(self, here: Practice, row: Checkout) -> None:
        change_visit(here, row, late_cancellation_fee=10_00)
        visit = await here.healthie.visits.get(str(row.appointment_id))
        assert visit is not None
        assert visit.rules.late_cancellation_fee == usd("10.00")

    @pytest.mark.parametrize(
        "switched_off",
        ["auto_schedule_charges_for_late_cancellation_no_show", "enable_late_cancellation_status"],
    )
    async def test_where_healthie_would_charge_nothing_the_status_is_not_set(
        self, here: Practice, row: Checkout, switched_off: str
    ) -> None:
        set_policy(here, **{switched_off: False})
        await here.healthie.visit_changes.cancel(a_cancellation(row, fee=usd("25.00")))
        assert visit_of(here, row).pm_status == "Cancelled"

    async def test_in_doubt_it_is_not_charged_twice(self, here: Practice, row: Checkout) -> None:
        here.fault("lost_answer", "updateAppointment")
        change = a_cancellation(row, fee=usd("25.00"))
        with pytest.raises(OutcomeUnknown):
            await here.healthie.visit_changes.cancel(change)
        await here.healthie.visit_changes.cancel(change)
        assert [each.state for each in here.world.billing_items].count("SCHEDULED") == 1


class TestMove:
    @BOTH
    async def test_it_is_moved_with_the_clinicians_key_and_keeps_its_id(
        self,
        here: Practice,
        row: Checkout,
        position: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.client_updating_counts = position
        new = await another_time(here)

        await here.healthie.visit_changes.move(a_reschedule(row, new))

        visit = visit_of(here, row)
        assert (visit.starts_at, visit.pm_status) == (new.start, None)
        assert (visit.last_updated_by_id, visit.provider_id) == (new.clinician_id, new.clinician_id)
        assert visit.patient_reschedule_count == int(position)
        assert row.slot in await here.free()
        assert new not in await here.free()

    async def test_a_time_that_is_gone_is_certain_and_the_visit_stands(
        self, here: Practice, row: Checkout
    ) -> None:
        new = await another_time(here)
        await here.healthie.scheduling.book(
            replace(row, id="chk_other", slot=new, patient_id=here.patient(2))
        )
        with pytest.raises(SlotTaken):
            await here.healthie.visit_changes.move(a_reschedule(row, new))
        assert visit_of(here, row).starts_at == row.visit_slot.start

    async def test_without_the_clinicians_key_nothing_is_moved(self) -> None:
        async with without_key() as (here, row):
            new = replace(row.visit_slot, start=row.visit_slot.start + timedelta(hours=1))
            with pytest.raises(ClinicianNotBookable):
                await here.healthie.visit_changes.move(a_reschedule(row, new))
            assert visit_of(here, row).starts_at == row.visit_slot.start

    async def test_twice_is_once(self, here: Practice, row: Checkout) -> None:
        change = a_reschedule(row, await another_time(here))
        await here.healthie.visit_changes.move(change)
        await here.healthie.visit_changes.move(change)
        assert sent(here, "MoveVisit") == 1

    @pytest.mark.parametrize("kind", NOT_EXECUTED)
    async def test_a_lost_request_leaves_the_visit_where_it_was(
        self, here: Practice, row: Checkout, kind: str
    ) -> None:
        new = await another_time(here)
        here.fault(kind, "updateAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.visit_changes.move(a_reschedule(row, new))
        assert visit_of(here, row).starts_at == row.visit_slot.start
        await here.healthie.visit_changes.move(a_reschedule(row, new))
        assert visit_of(here, row).starts_at == new.start

    async def test_a_lost_answer_is_looked_up_and_nothing_sent_again(
        self, here: Practice, row: Checkout
    ) -> None:
        change = a_reschedule(row, await another_time(here))
        here.fault("lost_answer", "updateAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.visit_changes.move(change)
        await here.healthie.visit_changes.move(change)
        assert sent(here, "MoveVisit") == 1
        assert visit_of(here, row).patient_reschedule_count == 1

    async def test_half_an_answer_is_read_back(self, here: Practice, row: Checkout) -> None:
        change = a_reschedule(row, await another_time(here))
        here.fault("truncated", "updateAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.visit_changes.move(change)
        await here.healthie.visit_changes.move(change)
        assert sent(here, "MoveVisit") == 1

    async def test_what_the_practice_moved_meanwhile_stays_there(self, here: Practice, row: Checkout) -> None:
        theirs = row.visit_slot.start + timedelta(minutes=30)
        change_visit(here, row, starts_at=theirs)
        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.visit_changes.move(a_reschedule(row, await another_time(here)))
        assert caught.value.reason == "changed_by_practice"
        assert (visit_of(here, row).starts_at, sent(here, "MoveVisit")) == (theirs, 0)

    async def test_what_the_practice_cancelled_meanwhile_stays_cancelled_even_in_the_new_time(
        self, here: Practice, row: Checkout
    ) -> None:
        new = await another_time(here)
        change_visit(here, row, starts_at=new.start, pm_status="Cancelled")
        with pytest.raises(UpstreamRefused) as caught:
            await here.healthie.visit_changes.move(a_reschedule(row, new))
        assert caught.value.reason == "changed_by_practice"

    async def test_in_another_way_to_meet_it_is_moved_to_that(self, here: Practice, row: Checkout) -> None:
        assert row.visit_slot.visit_type_id == here.seed["visit_types"]["Initial Visit"]
        place = next(iter(here.seed["locations"].values()))
        new = await another_time(here)
        change_visit(here, row, contact_type="In Person", appointment_location_id=place)
        await here.healthie.visit_changes.move(a_reschedule(row, new))
        visit = visit_of(here, row)
        assert (visit.starts_at, visit.contact_type) == (new.start, "Healthie Video Call")


class TestRebooking:
    async def other(self, here: Practice) -> Slot:
        return (await here.free(clinician=2))[0]

    async def test_a_new_visit_names_the_change_and_is_no_visit_of_the_checkouts(
        self, here: Practice, row: Checkout
    ) -> None:
        new = await self.other(here)
        change = a_rebooking(row, new)

        booked = await here.healthie.visit_changes.book(change)

        assert (booked.clinician_id, booked.start) == (new.clinician_id, new.start)
        assert booked.checkout_id is None
        assert [each.id for each in await here.healthie.scheduling.find_all(row)] == [row.appointment_id]
        assert await here.healthie.visit_changes.find_booked(change) == booked

    async def test_before_it_there_is_none_and_another_change_has_none(
        self, here: Practice, row: Checkout
    ) -> None:
        change = a_rebooking(row, await self.other(here))
        assert await here.healthie.visit_changes.find_booked(change) is None
        await here.healthie.visit_changes.book(change)
        assert await here.healthie.visit_changes.find_booked(replace(change, id="chg_other")) is None

    async def test_a_lost_answer_is_found(self, here: Practice, row: Checkout) -> None:
        change = a_rebooking(row, await self.other(here))
        here.fault("lost_answer", "createAppointment")
        with pytest.raises(OutcomeUnknown):
            await here.healthie.visit_changes.book(change)
        found = await here.healthie.visit_changes.find_booked(change)
        assert found is not None
        assert found.id != row.appointment_id

    async def test_a_time_that_is_gone_books_nothing(self, here: Practice, row: Checkout) -> None:
        new = await self.other(here)
        await here.healthie.scheduling.book(
            replace(row, id="chk_other", slot=new, patient_id=here.patient(2))
        )
        change = a_rebooking(row, new)
        with pytest.raises(SlotTaken):
            await here.healthie.visit_changes.book(change)
        assert await here.healthie.visit_changes.find_booked(change) is None

    @BOTH
    async def test_the_new_visit_is_deleted_by_its_id_or_its_reference_and_the_old_one_stands(
        self,
        here: Practice,
        row: Checkout,
        position: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        change = a_rebooking(row, await self.other(here))
        booked = await here.healthie.visit_changes.book(change)
        change = replace(change, new_appointment_id=booked.id if position else None)

        for _ in range(2):
            await here.healthie.visit_changes.delete_booked(change)

        assert here.world.appointments[booked.id].deleted_at is not None
        assert visit_of(here, row).deleted_at is None
        assert sent(here, "DeleteVisit") == 1

    async def test_where_nothing_was_booked_nothing_is_deleted(self, here: Practice, row: Checkout) -> None:
        await here.healthie.visit_changes.delete_booked(a_rebooking(row, await self.other(here)))
        assert sent(here, "DeleteVisit") == 0

    async def test_the_visit_that_was_there_before_is_never_deleted(
        self, here: Practice, row: Checkout
    ) -> None:
        change = a_rebooking(row, await self.other(here), new_appointment_id=row.appointment_id)
        with pytest.raises(ValueError, match="never deleted"):
            await here.healthie.visit_changes.delete_booked(change)


class TestCredits:
    @pytest.mark.parametrize("restores", [False, True])
    async def test_the_ledger_shows_whether_a_cancelled_visits_credit_came_back(
        self,
        here: Practice,
        row: Checkout,
        restores: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        set_policy(here, restore_credit_on_cancel=restores)
        change = a_cancellation(row)
        assert visit_of(here, row).credit_was_used
        assert not await here.healthie.credits.given_back(change)

        await here.healthie.visit_changes.cancel(change)

        assert await here.healthie.credits.given_back(change) is restores

    @BOTH
    async def test_of_a_late_cancellation_the_ledger_says_it_in_either_position_of_the_switch(
        self,
        here: Practice,
        row: Checkout,
        position: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        here.world.switches.late_cancel_restores_credit = position
        set_policy(
            here,
            restore_credit_on_cancel=True,
            late_cancellation_fee=25_00,
            enable_late_cancellation_status=True,
            auto_schedule_charges_for_late_cancellation_no_show=True,
        )
        change = a_cancellation(row, fee=usd("25.00"))
        await here.healthie.visit_changes.cancel(change)
        assert await here.healthie.credits.given_back(change) is position

    async def test_what_staff_give_by_hand_is_not_the_visits(self, here: Practice, row: Checkout) -> None:
        credit = next(
            each
            for each in here.world.credits
            if each.user_id == row.patient_id and each.appointment_type_id == row.visit_slot.visit_type_id
        )
        here.world.credit_changes.add(
            user_id=str(row.patient_id),
            appointment_type_id=row.visit_slot.visit_type_id,
            quantity=credit.quantity + 3,
            event="Sample",
            event_type="sample",
        )
        assert not await here.healthie.credits.given_back(a_cancellation(row))

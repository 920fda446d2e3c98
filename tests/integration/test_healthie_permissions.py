"""Our calls with keys that lack a permission, against the emulator, in each form that a refusal may have."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from booking.checkout.model import Checkout
from booking.errors import UpstreamError, UpstreamRefused, UpstreamUnavailable
from booking.models import Recurrence
from booking.sync.drift import DriftFinding, Severity
from integrations.healthie.upstream import UpstreamCheck
from integrations.healthie_emulator import permissions
from integrations.healthie_emulator.books import books
from integrations.upstream.errors import NotPermitted
from tests.integration.changes_on_emulator import a_pause
from tests.integration.healthie_on_emulator import GUEST, Practice, practice

FORMS = ("both", "messages", "sentence", "unauthorized", "code")


@dataclass
class Here:
    """A practice, and who was told of refused permissions."""

    practice: Practice
    told: list[NotPermitted] = field(default_factory=list)

    def take(self, user_id: str, *without: str, **more: Any) -> None:
        given = {"user_id": user_id, "without": list(without), **more}
        permissions.change(self.practice.world, given)

    @property
    def owner(self) -> str:
        return str(self.practice.seed["owner"]["id"])


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    told: list[NotPermitted] = []

    async def tell(refusal: NotPermitted) -> None:
        told.append(refusal)

    async with practice(not_permitted=tell) as opened:
        yield Here(opened, told)


async def booked(here: Practice) -> Checkout:
    plan, checkout = await here.plan("Monthly Care"), await here.checkout("Monthly Care")
    recurs = Recurrence(frequency=plan.frequency, amount=plan.price, payments=None)
    checkout = replace(checkout, quote=replace(checkout.quote, recurrence=recurs))
    charge = await here.healthie.billing.charge(checkout)
    visit = await here.healthie.scheduling.book(checkout)
    return replace(checkout, charge=charge, appointment_id=visit.id)


Call = Callable[[Practice, Checkout], Awaitable[object]]

CHANGES: dict[str, tuple[str, Call]] = {
    "AttachCard": (
        "can_charge_clients",
        lambda here, row: here.healthie.cards.attach(
            patient_id=here.patient(1), token="tok_visa", make_default=False, clinician_id=here.clinician(1)
        ),
    ),
    "Book": (
        "can_add_own_appointments",
        lambda here, row: here.healthie.scheduling.book(replace(row, id="chk_other")),
    ),
    "Charge": (
        "can_charge_clients",
        lambda here, row: here.healthie.billing.charge(replace(row, attempt=2)),
    ),
    "Refund": ("can_charge_clients", lambda here, row: here.healthie.billing.refund(row)),
    "CancelRecurring": ("can_charge_clients", lambda here, row: here.healthie.billing.cancel_recurring(row)),
    "SetRecurringPaused": (
        "can_charge_clients",
        lambda here, row: here.healthie.membership_changes.pause(a_pause(row)),
    ),
    "DeleteVisit": ("can_edit_calendar", lambda here, row: here.healthie.scheduling.delete(row)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("operation", CHANGES)
async def test_a_clinician_who_may_not_is_refused_for_certain_and_nothing_is_done(
    here: Here, operation: str, form: str
) -> None:
    permission, call = CHANGES[operation]
    row = await booked(here.practice)
    before = books(here.practice.world)
    here.take(here.practice.clinician(1), permission, form=form)

    with pytest.raises(UpstreamRefused) as caught:
        await call(here.practice, row)

    assert caught.value.permission == permission
    assert books(here.practice.world) == before
    assert [(one.acting, one.operation, one.permission) for one in here.told] == [
        (here.practice.clinician(1), operation, permission)
    ]


@pytest.mark.parametrize("form", FORMS)
async def test_so_is_the_organization_key_that_may_not_add_patients(here: Here, form: str) -> None:
    here.take(here.owner, "can_add_clients", form=form)

    with pytest.raises(UpstreamRefused) as caught:
        await here.practice.healthie.patients.create(
            GUEST, clinician_id=here.practice.clinician(1), time_zone="UTC", reference="chk_sample"
        )
    assert caught.value.permission == "can_add_clients"
    assert [one.acting for one in here.told] == ["organization"]


@pytest.mark.parametrize("form", FORMS)
async def test_what_may_not_be_read_is_unavailable_and_told(here: Here, form: str) -> None:
    row = await booked(here.practice)
    here.take(here.practice.clinician(1), "can_see_billing", form=form)

    with pytest.raises(UpstreamUnavailable):
        await here.practice.healthie.billing.find_charge(row, since=row.created_at)
    assert [one.permission for one in here.told] == ["can_see_billing"]


async def test_a_visit_on_a_calendar_that_the_key_does_not_see_is_not_taken_for_deleted(here: Here) -> None:
    row = await booked(here.practice)
    here.practice.world.appointments.change(row.appointment_id or "", provider_id=here.practice.clinician(2))
    here.take(here.practice.clinician(1), "can_see_calendar")

    with pytest.raises(UpstreamRefused) as caught:
        await here.practice.healthie.scheduling.delete(row)
    assert caught.value.permission == "can_see_calendar"
    assert here.practice.world.appointments[row.appointment_id or ""].deleted_at is None


@pytest.mark.parametrize("find_nothing", [False, True])
async def test_a_refund_whose_payment_may_not_be_read_is_never_taken_for_done(
    here: Here, *, find_nothing: bool
) -> None:
    row = await booked(here.practice)
    here.take(here.practice.clinician(1), "can_see_billing", reads_find_nothing=find_nothing)

    with pytest.raises(UpstreamError):
        await here.practice.healthie.billing.refund(row)
    assert [each["refunded"] for each in books(here.practice.world)["charges"]] == [0]


async def findings(here: Here) -> list[DriftFinding]:
    check = here.practice.healthie.drift
    assert isinstance(check, UpstreamCheck)
    return await check.permissions.findings()


class TestCheck:
    async def test_a_practice_that_granted_everything_has_no_finding_and_is_asked_twice(
        self, here: Here
    ) -> None:
        assert await findings(here) == []
        assert here.practice.wire.operations["Permissions"] == 1
        assert here.practice.wire.operations["PermissionsOfMembers"] == 1

    @pytest.mark.parametrize("seen", [True, False])
    async def test_what_each_key_lacks_is_found_before_a_patient_does(
        self, here: Here, *, seen: bool
    ) -> None:
        one, two = here.practice.clinician(1), here.practice.clinician(2)
        here.take(one, "can_add_own_appointments", members_are_seen=seen)
        here.take(two, "can_edit_calendar")
        found = await findings(here)

        assert {each.what.partition(":")[0]: each.severity for each in found} == {
            f"The key of clinician {one} lacks can_add_own_appointments": Severity.BREAKING,
            f"The key of clinician {two} lacks can_edit_calendar": Severity.WARNING,
        }
        assert here.practice.wire.operations["Permissions"] == (1 if seen else 4)

    async def test_what_the_owners_key_lacks_is_a_note_for_owners_may_be_exempt(self, here: Here) -> None:
        here.take(here.owner, "can_see_clients")

        assert [each.severity for each in await findings(here)] == [Severity.NOTE]

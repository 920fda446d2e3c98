"""Finding a patient in a practice of 50,000, of whom every tenth is archived: over the emulator's own protocol, and counted."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from booking.models import CreatedPatient, GuestDetails, PatientMatch
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.seed_crowd import add_crowd
from tests.integration.healthie_on_emulator import GUEST, Practice, practice

PATIENTS = 50_000


@pytest.fixture
async def here() -> AsyncIterator[Practice]:
    async with practice() as made:
        add_crowd(made.world, PATIENTS)
        made.wire.operations.clear()
        yield made


def one(here: Practice, *, archived: bool) -> tuple[User, GuestDetails]:
    """A patient from the middle of the crowd, and the same person as a guest who types in capital letters."""
    user = next(each for each in here.world.users if each.is_patient and each.active is not archived)
    assert user.email is not None
    return user, GuestDetails(
        email=user.email.upper(), first_name=user.first_name.upper(), last_name=f" {user.last_name}"
    )


async def test_is_one_request_whether_active_archived_or_nobody(here: Practice) -> None:
    """And whether a list without a status holds the archived ones, or not."""
    patients, asked = here.healthie.patients, here.wire.operations
    for unasked in (False, True):
        here.world.switches.archived_users_unasked = unasked
        for archived in (False, True):
            user, guest = one(here, archived=archived)
            for who, match in (
                (guest, PatientMatch(id=user.id, archived=archived)),
                (replace(guest, first_name="Nobody"), None),
                (GUEST, None),
            ):
                asked.clear()
                assert await patients.find(who) == match
                assert asked == {"PatientsByEmail": 1}


async def test_is_two_requests_where_an_email_is_contained_in_thousands_of_others(here: Practice) -> None:
    user = here.world.users.add(
        first_name="Short", last_name="Sample-Mailbox", email="1@example.com", timezone="UTC", is_patient=True
    )
    near = [each for each in here.world.users if (each.email or "").endswith("1@example.com")]
    assert len(near) > PATIENTS // 20
    guest = GuestDetails(email="1@example.com", first_name="Short", last_name="Sample-Mailbox")

    assert await here.healthie.patients.find(guest) == PatientMatch(id=user.id, archived=False)
    assert here.wire.operations == {"PatientsByEmail": 2}


async def test_the_record_of_a_lost_answer_is_found_among_thousands_of_a_name_like_it(here: Practice) -> None:
    """Names of one letter are contained in nearly every other one."""
    guest = replace(GUEST, first_name="A", last_name="C")
    here.world.clock.advance(timedelta(hours=1).total_seconds())
    since = here.world.clock.now()
    patients = here.healthie.patients
    made = await patients.create(
        guest, clinician_id=here.clinician(1), time_zone="UTC", reference="chk_sample"
    )
    found = await patients.find_created(guest, reference="chk_sample", since=since)
    assert found == CreatedPatient(id=made, apart=False)
    here.world.users.change(made, active=False)
    assert await patients.find_created(guest, reference="chk_sample", since=since) == found
    assert here.wire.operations["PatientsByName"] == 2
    assert here.wire.operations.keys() == {"CreatePatient", "PatientsByName"}

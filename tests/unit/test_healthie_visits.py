"""Appointments, read from Healthie's words."""

import pytest

from booking.catalog.model import ContactType
from integrations.healthie.generated.fragments import Visit
from integrations.healthie.visits import appointment_of
from tests.doubles.healthie_script import a_visit


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Healthie Video Call", ContactType.VIDEO),
        ("Phone Call", ContactType.PHONE),
        ("In Person", ContactType.IN_PERSON),
        ("Carrier Pigeon", None),
        (None, None),
    ],
)
def test_the_way_of_meeting_is_read_into_ours(said: str | None, meant: ContactType | None) -> None:
    appointment = appointment_of(Visit.model_validate(a_visit(contact_type=said)))
    assert appointment is not None
    assert appointment.contact_type is meant

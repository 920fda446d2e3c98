"""What belongs to whom: records of the signed-in patient only, and who owns what."""

from booking.models import Appointment, Card, Patient
from booking.principals import Caller, guest_of
from booking.records import RecordsService
from tests.unit.booking_upstream import FakeCards, FakePatients
from tests.unit.booking_world import PATIENT, STRANGER, VISITOR, World


class Charts(FakePatients):
    """Every patient has a record."""

    async def profile(self, patient_id: str) -> Patient | None:
        return Patient(id=patient_id, first_name="Sample", last_name="Patient", email=None, time_zone=None)

    async def appointments(self, patient_id: str) -> list[Appointment]:
        raise AssertionError("nobody asks for these here")


async def test_a_patient_reads_their_own_record_and_cards() -> None:
    world = World()
    mine = Card(id="mine", brand="Visa", last4="4242", expires=None)
    world.books.cards[PATIENT.principal.id].append(mine)
    records = RecordsService(patients=Charts(world.books), cards=FakeCards(world.books))
    profile = await records.profile(PATIENT)
    assert profile is not None
    assert profile.id == PATIENT.principal.id
    assert list(await records.cards(PATIENT)) == [mine]


async def test_nobody_else_reads_anything_and_nothing_is_asked() -> None:
    world = World()
    records = RecordsService(patients=Charts(world.books), cards=FakeCards(world.books))
    for caller in (VISITOR, Caller(principal=guest_of("chk_1")), Caller(principal=STRANGER.principal)):
        assert await records.profile(caller) is None
        assert await records.appointments(caller) == ()
        assert await records.cards(caller) == ()
    assert world.tape.calls() == []


def test_a_caller_owns_what_they_had_as_a_visitor_and_nothing_of_the_same_id() -> None:
    signed_in = Caller(principal=PATIENT.principal, visitor=VISITOR.principal)
    assert signed_in.owns("visitor:v1")
    assert signed_in.owns("patient:p-sample")
    assert not signed_in.owns("guest:p-sample")
    assert not PATIENT.owns("visitor:v1")

"""What belongs to whom."""

from booking.principals import Caller
from tests.doubles.booking_world import PATIENT, VISITOR


def test_a_caller_owns_what_they_had_as_a_visitor_and_nothing_of_the_same_id() -> None:
    signed_in = Caller(principal=PATIENT.principal, visitor=VISITOR.principal)
    assert signed_in.owns("visitor:v1")
    assert signed_in.owns("patient:p-sample")
    assert not signed_in.owns("guest:p-sample")
    assert not PATIENT.owns("visitor:v1")

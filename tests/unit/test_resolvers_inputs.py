from datetime import date

import pytest

from booking.errors import InvalidInput
from booking.models import CardChoice
from resolvers import inputs
from schema.inputs import ConfirmCheckoutInput, GuestInput


def a_guest(**changes: object) -> GuestInput:
    values: dict[str, object] = {
        "email": "sample.patient@example.com",
        "first_name": "Sample",
        "last_name": "Patient",
    }
    return GuestInput(**(values | changes))  # type: ignore[arg-type]  # names as in GuestInput


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "sample.example.com"),
        ("email", "sample@example"),
        ("email", "a b@example.com"),
        ("email", "sample@example.com, other@example.com"),
        ("email", "sample@example.com\r\nBcc: other@example.com"),
        ("email", "s" * 65 + "@example.com"),
        ("email", f"sample@{'e' * 250}.com"),
        ("email", "sample\x7f@example.com"),
        ("first_name", ""),
        ("first_name", "   "),
        ("first_name", "S" * 101),
        ("last_name", "Pat\x00ient"),
        ("last_name", "Patient\nPatient"),
        ("last_name", "Pat\u202eient"),
        ("phone", "call me"),
        ("phone", "555"),
        ("phone", "5" * 40),
        ("birth_date", date(1899, 12, 31)),
        ("birth_date", date(2999, 1, 1)),
    ],
)
def test_bad_guest_details_name_the_field_and_do_not_repeat_the_value(field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        inputs.guest(a_guest(**{field: value}))
    camel = {"first_name": "firstName", "last_name": "lastName", "birth_date": "birthDate"}.get(field, field)
    assert caught.value.field == f"guest.{camel}"
    shown = str(value).strip()
    assert not shown or shown not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["Zoë", "O'Neil-Sample", "Ng", "\u0645\u200c\u0631", "李小龙", "Sample Jr."], ids=range(6)
)
def test_names_of_the_world_are_taken(name: str) -> None:
    details = inputs.guest(a_guest(last_name=f"  {name} "))
    assert details is not None
    assert details.last_name == name


def test_a_name_is_kept_in_composed_letters_and_counted_so() -> None:
    details = inputs.guest(a_guest(first_name="Jose\u0301", last_name="e\u0301" * 100))
    assert details is not None
    assert details.first_name == "Jos\u00e9"
    assert len(details.last_name) == 100


def test_a_guest_without_extras_has_none() -> None:
    details = inputs.guest(a_guest(phone=" ", email=" Sample.Patient@example.com "))
    assert details is not None
    assert (details.phone, details.birth_date) == (None, None)
    assert details.email == "Sample.Patient@example.com"


@pytest.mark.parametrize("phone", ["555-0100", "+1 (212) 555-0100", "212.555.0100"])
def test_phone_numbers_as_people_write_them(phone: str) -> None:
    details = inputs.guest(a_guest(phone=phone))
    assert details is not None
    assert details.phone == phone


def test_two_cards_are_one_too_many() -> None:
    with pytest.raises(InvalidInput):
        inputs.card(ConfirmCheckoutInput(checkout_id="c", quote_id="q", card_token="t", card_on_file_id="f"))  # type: ignore[arg-type]


def test_no_card_is_no_choice() -> None:
    assert inputs.card(ConfirmCheckoutInput(checkout_id="c", quote_id="q")) is None  # type: ignore[arg-type]
    chosen = inputs.card(ConfirmCheckoutInput(checkout_id="c", quote_id="q", card_token="t"))  # type: ignore[arg-type]
    assert chosen == CardChoice(token="t")


@pytest.mark.parametrize("value", ["", "a b", "é", "a\x00", "a\n", "x" * 256])
def test_a_malformed_id_reaches_nobody(value: str) -> None:
    with pytest.raises(InvalidInput):
        inputs.required_token(value, field="holdId")


@pytest.mark.parametrize("state", ["", "C", "Cal", "C1", "ÇA"])
def test_a_state_has_two_letters(state: str) -> None:
    with pytest.raises(InvalidInput):
        inputs.state(state)

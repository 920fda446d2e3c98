from datetime import date

import pytest

from booking.errors import InvalidInput
from booking.models import CardChoice, GuestDetails
from resolvers import inputs
from schema.inputs import ConfirmCheckoutInput, GuestInput


def a_guest(**changes: object) -> GuestInput:
    values: dict[str, object] = {
        "email": "sample.patient@example.com",
        "first_name": "Sample",
        "last_name": "Patient",
    }
    return GuestInput(**(values | changes))  # type: ignore[arg-type]  # names as in GuestInput


def read(details: GuestInput, *, region: str = "US") -> GuestDetails | None:
    return inputs.guest(details, phone_region=region)


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
        ("email", "sam\u200dple@example.com"),
        ("email", "\u200b"),
        ("first_name", ""),
        ("first_name", "   "),
        ("first_name", "S" * 101),
        ("last_name", "Pat\x00ient"),
        ("last_name", "Patient\nPatient"),
        ("last_name", "Pat\u202eient"),
        ("last_name", "Pat\u2067ient"),
        ("last_name", "Pat\u0085ient"),
        ("last_name", "Pat\ufdd0ient"),
        ("last_name", "Pat\U0001ffffient"),
        ("last_name", "Pat\ue000ient"),
        ("first_name", "\u200d\u200c\u200d"),
        ("first_name", "\u2060\ufeff \u00ad"),
        ("first_name", "\u3164"),
        ("first_name", "\uffa0\u115f\u1160"),
        ("first_name", "\u2800"),
        ("first_name", "\ufff9\ufffb"),
        ("last_name", "\U0001d159\U00013441\U00013430"),
        ("first_name", "\U000e0100"),
        ("first_name", "\ufe0f\u0301"),
        ("phone", "call me"),
        ("phone", "444"),
        ("phone", "5" * 40),
        ("phone", "+1 212 555 0100 / 212 555 0101"),
        ("phone", "+999 1234567"),
        ("phone", "2" * 5000),
        ("birth_date", date(1899, 12, 31)),
        ("birth_date", date(2999, 1, 1)),
    ],
)
def test_bad_guest_details_name_the_field_and_do_not_repeat_the_value(field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(a_guest(**{field: value}))
    camel = {"first_name": "firstName", "last_name": "lastName", "birth_date": "birthDate"}.get(field, field)
    assert caught.value.field == f"guest.{camel}"
    shown = str(value).strip()
    assert not shown or shown not in caught.value.reason
    assert caught.value.reason[0].isupper(), "it says what to do"


@pytest.mark.parametrize(
    "name", ["Zoë", "O'Neil-Sample", "Ng", "\u0645\u200c\u0631", "李小龙", "Sample Jr."], ids=range(6)
)
def test_names_of_the_world_are_taken(name: str) -> None:
    details = read(a_guest(last_name=f"  {name} "))
    assert details is not None
    assert details.last_name == name


def test_a_name_is_kept_in_composed_letters_and_counted_so() -> None:
    details = read(a_guest(first_name="Jose\u0301", last_name="e\u0301" * 100))
    assert details is not None
    assert details.first_name == "Jos\u00e9"
    assert len(details.last_name) == 100


def test_a_guest_without_extras_has_none() -> None:
    details = read(a_guest(phone=" ", email=" Sample.Patient@example.com "))
    assert details is not None
    assert (details.phone, details.birth_date) == (None, None)
    assert details.email == "Sample.Patient@example.com"


class TestWhatAPersonSees:
    @pytest.mark.parametrize(
        ("pasted", "seen"),
        [
            ("\u200fSample\u200e", "Sample"),
            ("\u202aSample\u202c", "Sample"),
            ("\u2068Sample\u2069", "Sample"),
            ("\ufeffSample\u200b", "Sample"),
            ("\u200cSample\u200d", "Sample"),
            ("\u00a0Sample\u3000", "Sample"),
            ("Sam\u200bp\u00adl\u2060e", "Sample"),
            ("Sam\ufff9ple", "Sample"),
            ("Sample\u200f Patient", "Sample Patient"),
            ("Sample\u00a0 Patient", "Sample Patient"),
            ("\u05d3\u05d5\u05d2\u05de\u05d4\u200f", "\u05d3\u05d5\u05d2\u05de\u05d4"),
        ],
    )
    def test_invisible_marks_are_dropped(self, pasted: str, seen: str) -> None:
        details = read(a_guest(first_name=pasted, last_name=pasted))
        assert details is not None
        assert (details.first_name, details.last_name) == (seen, seen)

    @pytest.mark.parametrize(
        "name",
        [
            "\u0645\u06cc\u200c\u0631\u0648",  # Persian, with a non-joiner inside
            "\u0d05\u0d28\u0d4d\u200d",  # Malayalam, a joiner behind a virama: an n of its own
            "\u845b\U000e0100\u57ce",  # Japanese, the form of an ideograph
            "\u845b\U000e0100",
            "\U0001f469\u200d\u2695\ufe0f",
        ],
        ids=range(5),
    )
    def test_what_words_are_written_with_stays(self, name: str) -> None:
        details = read(a_guest(last_name=name))
        assert details is not None
        assert details.last_name == name

    @pytest.mark.parametrize("code", [0x1E4D0, 0x16D40, 0x105C0, 0x11BC0, 0x1E5D0, 0x2FFFD])
    def test_letters_that_this_python_does_not_know_yet_are_letters(self, code: int) -> None:
        """Nag Mundari (Unicode 15), Kirat Rai, Todhri, Sunuwar, Ol Onal (16), and one that is not assigned at all."""
        details = read(a_guest(last_name=chr(code) * 3))
        assert details is not None
        assert details.last_name == chr(code) * 3

    def test_an_email_with_marks_around_it_is_the_address(self) -> None:
        details = read(a_guest(email="\u200esample.patient@example.com\u00a0\ufeff"))
        assert details is not None
        assert details.email == "sample.patient@example.com"

    def test_codes_and_keywords_are_read_as_they_are_seen(self) -> None:
        assert inputs.promo_code("\u200bWELCOME20\u00a0\ufeff") == "WELCOME20"
        assert inputs.keyword("\u200e visit\u200b") == "visit"
        assert inputs.promo_code("\u200b \ufeff") is None
        assert inputs.keyword("\u2060") is None


class TestPhoneNumbers:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("+1 (212) 555-0100", "+12125550100"),
            ("(212) 555-0100", "+12125550100"),
            ("212.555.0100", "+12125550100"),
            ("212\u00a0555\u00a00100", "+12125550100"),
            ("\u200e(212)\u202f555\u20110100", "+12125550100"),
            ("+(49) 30 901820", "+4930901820"),
            ("+49\u00a030\u00a0901820", "+4930901820"),
            ("0049 30 901820", "+4930901820"),
            ("011 49 30 901820", "+4930901820"),
            ("+44 (0)20 7946 0018", "+442079460018"),
            ("\uff12\uff11\uff12\uff15\uff15\uff15\uff10\uff11\uff10\uff10", "+12125550100"),
            ("212-555-0100 ext. 12", "+12125550100 ext. 12"),
            ("555-0100", "555-0100"),
        ],
    )
    def test_as_people_write_them(self, written: str, kept: str) -> None:
        details = read(a_guest(phone=written))
        assert details is not None
        assert details.phone == kept

    def test_without_a_country_code_they_are_of_the_practices_country(self) -> None:
        details = read(a_guest(phone="030 901820"), region="DE")
        assert details is not None
        assert details.phone == "+4930901820"

    @pytest.mark.parametrize("region", ["US", "DE"])
    def test_a_refusal_shows_how_one_is_written_there(self, region: str) -> None:
        with pytest.raises(InvalidInput, match=rf"such as \+[0-9 -]+; one from outside {region} "):
            read(a_guest(phone="call me"), region=region)

    @pytest.mark.parametrize("nothing", [None, "", " ", "\u200b"])
    def test_none_is_none(self, nothing: str | None) -> None:
        details = read(a_guest(phone=nothing))
        assert details is not None
        assert details.phone is None


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


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("I am ill.\r\nSorry!", "I am ill. Sorry!"),
        ("I am ill.\n\n\tSorry!", "I am ill. Sorry!"),
        ("  I am ill. \n", "I am ill."),
        ("\n", None),
        ("", None),
        (None, None),
    ],
)
def test_a_reason_and_a_note_may_have_line_breaks_which_become_spaces(
    typed: str | None, kept: str | None
) -> None:
    assert inputs.reason(typed) == kept
    if kept:
        assert inputs.note(typed, by_staff=True) == kept


@pytest.mark.parametrize("value", ["a\x00b", "a\x1b[31mb", "a\u202eb", "x\n" * 251])
def test_a_reason_of_another_kind_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        inputs.reason(value)
    assert caught.value.field == "reason"

"""Validates inputs beyond what the scalars check: formats and lengths. Every function raises InvalidInput.

The reason never repeats the value, since it may be patient data.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from booking.errors import InvalidInput
from booking.models import CardChoice, GuestDetails
from resolvers.visible_text import BadText, is_blank, visible_text
from schema.inputs import ConfirmCheckoutInput, GuestInput

# RFC 5321, section 4.5.3.1: a path has 256 octets with its angle brackets.
_EMAIL_LENGTH = 254
_EMAIL = re.compile(r"[^@\s,;<>()\"]{1,64}@[^@\s,;<>()\"]+\.[^@\s,;<>()\".]+")

# Longer than the longest names on record, short enough for any form or label.
_NAME_LENGTH = 100

# Fifteen digits (ITU-T E.164) and an extension, with separators; a longer text is no phone number.
_PHONE_LENGTH = 60

# Ids, codes and tokens of the practice, of Healthie and of the card processor are all far shorter.
_TOKEN_LENGTH = 255
_CODE_LENGTH = 64
_KEYWORD_LENGTH = 100

# Some sentences: what people type into a box on a phone.
_REASON_LENGTH = 500
_BREAK = re.compile(r"[\r\n\t\u2028\u2029]+")
_STATE = re.compile(r"[A-Za-z]{2}", re.ASCII)

# No living person was born before.
_EARLIEST_BIRTH = date(1900, 1, 1)


def refuse(field: str, reason: str) -> NoReturn:
    """Raise InvalidInput for the field, with how to fix it."""
    raise InvalidInput(field=field, reason=reason)


def token(value: str | None, *, field: str) -> str | None:
    """An id or token: printable ASCII without spaces."""
    if value is None:
        return None
    if not (0 < len(value) <= _TOKEN_LENGTH and value.isascii() and value.isprintable() and " " not in value):
        refuse(field, f"Give at most {_TOKEN_LENGTH} printable ASCII characters without spaces.")
    return value


def required_token(value: str, *, field: str) -> str:
    """A required id or token."""
    return token(value, field=field) or refuse(field, "This must not be empty.")


def promo_code(value: str | None, *, field: str = "promoCode") -> str | None:
    """A promo code; None when it is empty or blank."""
    return _text(value, field=field, longest=_CODE_LENGTH) if value and not is_blank(value) else None


def keyword(value: str | None) -> str | None:
    """A search term for names and descriptions; None when it is empty or blank."""
    return _text(value, field="keyword", longest=_KEYWORD_LENGTH) if value and not is_blank(value) else None


def state(value: str | None) -> str | None:
    """The two-letter code of a US state."""
    if value is not None and not _STATE.fullmatch(value):
        refuse("state", "Give the two letters of a US state, such as CA.")
    return value


def guest(details: GuestInput | None, *, phone_region: str) -> GuestDetails | None:
    """A guest's details, reduced to visible text; `phone_region` (ISO 3166) applies to phone numbers without a country code."""
    if details is None:
        return None
    return GuestDetails(
        email=_email(details.email),
        first_name=_text(details.first_name, field="guest.firstName", longest=_NAME_LENGTH),
        last_name=_text(details.last_name, field="guest.lastName", longest=_NAME_LENGTH),
        phone=_phone(details.phone, region=phone_region),
        birth_date=_birth_date(details.birth_date),
    )


def reason(value: str | None) -> str | None:
    """Why a patient cancels, in their own words; None when it is empty or blank."""
    return _sentences(value, field="reason")


def note(value: str | None, *, by_staff: bool) -> str | None:
    """The note with which staff change a visit, who must give one; nobody else may, since nobody would read it."""
    given = _sentences(value, field="note")
    if by_staff and given is None:
        refuse("note", "Say why you change this visit: staff of the practice are not bound by its policy.")
    if given is not None and not by_staff:
        refuse("note", "Only staff of the practice give a note. Say in `reason` why you cancel.")
    return given


def card(choice: ConfirmCheckoutInput) -> CardChoice | None:
    """The card that the patient chose, if any."""
    if choice.card_token is not None and choice.card_on_file_id is not None:
        refuse("cardToken", "Name either a card token or a card on file.")
    fresh = token(choice.card_token, field="cardToken")
    on_file = token(choice.card_on_file_id, field="cardOnFileId")
    return CardChoice(token=fresh, on_file_id=on_file) if fresh or on_file else None


def email_code(value: str) -> str:
    """The digits of a mailed code, without anything typed or pasted between them."""
    code = "".join(str(unicodedata.decimal(sign)) for sign in value[:_TOKEN_LENGTH] if sign.isdecimal())
    return code or refuse("code", "Give the digits of the code.")


def _birth_date(value: date | None) -> date | None:
    # One day of tolerance: it may already be tomorrow in the patient's time zone.
    if value is not None and not _EARLIEST_BIRTH <= value <= datetime.now(UTC).date() + timedelta(days=1):
        refuse("guest.birthDate", "Give a date of birth in the past.")
    return value


def _email(value: str) -> str:
    try:
        email = visible_text(value)
    except BadText:
        email = ""
    if len(email) > _EMAIL_LENGTH or not email.isprintable() or not _EMAIL.fullmatch(email):
        refuse("guest.email", "Give an email address.")
    return email


def _phone(value: str | None, *, region: str) -> str | None:
    """The number in E.164 with its extension; a number without an area code in the region's national format."""
    if value is None or is_blank(value):
        return None
    number = _number(value, region)
    if number is None:
        example = phonenumbers.example_number(region)
        shown = phonenumbers.format_number(example, PhoneNumberFormat.INTERNATIONAL) if example else "+1 …"
        refuse(
            "guest.phone",
            f"Give a phone number, such as {shown}; one from outside {region} needs its country code.",
        )
    local = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE_LOCAL_ONLY
    written = phonenumbers.format_number(
        number, PhoneNumberFormat.NATIONAL if local else PhoneNumberFormat.E164
    )
    return f"{written} ext. {number.extension}" if number.extension and not local else written


def _number(value: str, region: str) -> phonenumbers.PhoneNumber | None:
    """A possible number, parsed as dialled in the region, else with 00 as the international prefix (ITU-T E.123)."""
    if len(value) > _PHONE_LENGTH:
        return None
    plain = unicodedata.normalize("NFKC", value)  # no-break spaces and hyphens, full-width digits
    for text in (plain, re.sub(r"^[^0-9+]*00", "+", plain)):
        try:
            number = phonenumbers.parse(text, region)
        except NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return number
    return None


def _sentences(value: str | None, *, field: str) -> str | None:
    """Some sentences; None when they are empty or blank. Line breaks and tabs become spaces: a box for sentences lets people type them."""
    if not value or is_blank(value):
        return None
    return _text(_BREAK.sub(" ", value), field=field, longest=_REASON_LENGTH)


def _text(value: str, *, field: str, longest: int) -> str:
    try:
        text = visible_text(value)
    except BadText as error:
        refuse(field, error.flaw.value)
    if len(text) > longest:
        refuse(field, f"Give 1 to {longest} characters.")
    return text

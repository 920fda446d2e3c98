"""A guest who names a stranger: nothing of theirs comes into the stranger's record, and nothing tells them that there is one."""

import re
from typing import Any

import pytest

from booking.principals import PrincipalKind
from tests.acceptance import documents
from tests.acceptance.app import GUEST, App, Json
from tests.doubles.mail_server import MailServer
from tests.plugins.stack import Stack, Stacks

SENDER = "Sample Practice <no-reply@practice.example>"
REQUEST = f"""mutation Request($input: RequestEmailVerificationInput!) {{
  requestEmailVerification(input: $input) {{
    __typename
    ... on RequestEmailVerificationSuccess {{ checkout {{ id emailVerified emailCodeExpiresAt }} }}
    {documents.PROBLEM}
  }}
}}"""
VERIFY = f"""mutation Verify($input: VerifyEmailInput!) {{
  verifyEmail(input: $input) {{
    __typename
    ... on VerifyEmailSuccess {{ checkout {{ id emailVerified emailCodeExpiresAt }} }}
    ... on EmailCodeInvalid {{ triesLeft }}
    {documents.PROBLEM}
  }}
}}"""
ARCHIVE = "mutation A($id: ID!) { updateClient(input: {id: $id, active: false}) { user { id } } }"
KNOWN = {"email": " Sample.Patient.ONE@example.com ", "firstName": "sample", "lastName": "PATIENT ONE"}
# Who they are, and what shows whose record something is in, by kind of record.
OF_A_PATIENT = {
    "appointments": "user_id",
    "billing_items": "sender_id",
    "cards": "user_id",
    "charges": "customer",
    "package_selections": "user_id",
    "recurring_payments": "sender_id",
}


async def the_stranger(stack: Stack) -> tuple[App, str, str]:
    """A patient of the practice with a card on file, a package and a visit of their own: their app, id and default card."""
    stranger_id = str(stack.practice["patients"][0]["id"])
    app = stack.patient(stranger_id)
    own = await app.own_checkout((await stack.slot(ahead=5))["id"], planId=stack.plan("First Visit"))
    assert (await app.confirm(own, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"
    default = (await record(stack, stranger_id))["default_stripe_customer_detail_id"]
    assert default
    return app, stranger_id, default


async def record(stack: Stack, patient_id: str) -> Json:
    """A patient's record as the practice has it."""
    (found,) = [one for one in (await stack.emulator.control.books())["patients"] if one["id"] == patient_id]
    return found


async def belongings(stack: Stack, patient_id: str) -> dict[str, Any]:
    """Everything that is in a patient's record."""
    books = await stack.emulator.control.books()
    found = {
        kind: [one for one in books[kind] if str(one[whose]) == patient_id]
        for kind, whose in OF_A_PATIENT.items()
    }
    return found | {"record": await record(stack, patient_id)}


async def bought_as(stack: Stack, details: Json, **given: Any) -> tuple[App, str, Json]:
    """A guest of these details buys a recurring plan; answers their app, the checkout and what confirm said."""
    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot(**given))["id"],
        guest=details,
        planId=stack.plan("Monthly Care"),
        acceptRecurrence=True,
    )
    return guest, checkout_id, await guest.confirm(checkout_id, cardToken="tok_mastercard")


class TestAGuestWhoNamesAStranger:
    @pytest.mark.parametrize("rule", ["new", "verified_email"])
    async def test_leaves_visit_package_charge_and_default_card_of_the_stranger_as_they_were(
        self, stacks: Stacks, mail: MailServer, rule: str
    ) -> None:
        stack = await stacks.start(guest_records=rule, smtp_url=mail.url, mail_from=SENDER)
        app, stranger_id, _ = await the_stranger(stack)
        before, seen = await belongings(stack, stranger_id), await app.ask(documents.ME)
        assert before["appointments"]
        assert before["charges"]
        assert before["package_selections"]

        _, checkout_id, answer = await bought_as(stack, KNOWN)
        assert answer["checkout"]["status"] == "CONFIRMED"
        assert await belongings(stack, stranger_id) == before
        assert await app.ask(documents.ME) == seen
        (made,) = (await stack.made())["patients"]
        assert (made["email"], made["last_name"]) == (None, KNOWN["lastName"])
        theirs = await belongings(stack, made["id"])
        assert [len(theirs[kind]) for kind in OF_A_PATIENT] == [1, 1, 1, 1, 1, 1]
        operator = stack.patient("operator-1", kind=PrincipalKind.OPERATOR)
        assert (await operator.ask(documents.LISTED))["operations"]["checkouts"]["nodes"] == [
            {"id": checkout_id, "attention": ["possible_duplicate_patient"]}
        ]

    @pytest.mark.parametrize("rule", ["new", "verified_email"])
    async def test_learns_nothing_from_the_answers_nor_from_the_calls(
        self, stacks: Stacks, mail: MailServer, rule: str
    ) -> None:
        stack = await stacks.start(guest_records=rule, smtp_url=mail.url, mail_from=SENDER)
        await the_stranger(stack)
        seen = []
        for number, details in enumerate((KNOWN, GUEST)):
            await stack.emulator.control.forget_requests()
            guest, checkout_id, answer = await bought_as(stack, details, nth=number)
            seen.append((await stack.upstream(), shape(answer), shape(await guest.checkout(checkout_id))))
        assert seen[0] == seen[1]
        assert "CreatePatient" in seen[0][0]

    async def test_is_not_told_that_the_stranger_pays_in_this_moment(self, stack: Stack) -> None:
        app, _, _ = await the_stranger(stack)
        own = await app.own_checkout((await stack.slot())["id"], planId=stack.plan("First Visit"))
        await stack.fault("lost_answer", "Charge")
        assert (await app.confirm(own, cardToken="tok_visa"))["__typename"] == "CheckoutProcessing"
        guest, checkout_id = await (await stack.visitor()).guest_checkout(
            (await stack.slot("Free Consultation"))["id"], guest=KNOWN
        )
        assert (await guest.confirm(checkout_id))["checkout"]["status"] == "CONFIRMED"

    async def test_cannot_pay_with_the_strangers_card(self, stack: Stack) -> None:
        _, _, card = await the_stranger(stack)
        guest, checkout_id = await (await stack.visitor()).guest_checkout(
            (await stack.slot("Single Visit"))["id"], guest=KNOWN
        )
        assert (await guest.confirm(checkout_id, cardOnFileId=card))["code"] == "CARD_REQUIRED"

    @pytest.mark.parametrize("unique", [False, True])
    async def test_may_come_again_and_again(self, stack: Stack, *, unique: bool) -> None:
        """Whether the practice's books take two records without an email and with the same names, or not."""
        await stack.emulator.control.switches(names_without_email_unique=unique)
        for number in range(3):
            _, _, answer = await bought_as(stack, KNOWN, nth=number)
            assert answer["checkout"]["status"] == "CONFIRMED"
        made = (await stack.made())["patients"]
        assert [one["email"] for one in made] == [None] * 3
        assert len({one["last_name"] for one in made}) == (3 if unique else 1)

    async def test_with_an_archived_record_is_a_person_of_their_own_as_well(self, stack: Stack) -> None:
        stranger_id = str(stack.practice["patients"][0]["id"])
        await stack.emulator.ask(ARCHIVE, id=stranger_id)
        before = await belongings(stack, stranger_id)
        _, checkout_id, answer = await bought_as(stack, KNOWN)
        assert answer["checkout"]["status"] == "CONFIRMED"
        assert await belongings(stack, stranger_id) == before
        operator = stack.patient("operator-1", kind=PrincipalKind.OPERATOR)
        assert (await operator.ask(documents.LISTED))["operations"]["checkouts"]["nodes"] == [
            {"id": checkout_id, "attention": ["possible_duplicate_patient"]}
        ]

    async def test_pays_in_a_practice_with_any_number_of_patients(self, stack: Stack) -> None:
        """Many more than pages would be read of: the look-up is one request for a new patient and for a known one."""
        await stack.emulator.control.add_patients(50_000)
        for number, details in enumerate((GUEST, KNOWN)):
            await stack.emulator.control.forget_requests()
            _, _, answer = await bought_as(stack, details, nth=number)
            assert answer["checkout"]["status"] == "CONFIRMED"
            asked = await stack.upstream()
            assert asked.count("PatientsByEmail") == 1
            assert "MorePatients" not in asked

    async def test_whose_record_was_made_and_not_answered_has_one_and_no_second(self, stack: Stack) -> None:
        await stack.fault("lost_answer", "CreatePatient")
        guest, checkout_id, answer = await bought_as(stack, KNOWN)
        assert answer["__typename"] == "CheckoutProcessing"
        await stack.work()
        assert (await guest.checkout(checkout_id))["status"] == "CONFIRMED"
        assert len((await stack.made())["patients"]) == 1

    async def test_with_the_email_of_another_person_is_a_person_of_their_own(self, stack: Stack) -> None:
        twin = {**GUEST, "email": "sample.patient.one@example.com"}
        await bought_as(stack, twin)
        made = await stack.made()
        assert [patient["email"] for patient in made["patients"]] == [twin["email"]]


class TestAGuestWhoVerifiesTheEmail:
    async def test_uses_the_record_and_leaves_the_default_card(
        self, stacks: Stacks, mail: MailServer
    ) -> None:
        stack = await stacks.start(guest_records="verified_email", smtp_url=mail.url, mail_from=SENDER)
        _, stranger_id, default = await the_stranger(stack)
        guest, checkout_id = await self.started(stack)
        await stack.emulator.control.forget_requests()
        asked = await guest.do(REQUEST, checkoutId=checkout_id)
        assert asked["checkout"]["emailCodeExpiresAt"] is not None
        wrong = await guest.do(
            VERIFY, checkoutId=checkout_id, code="0" * 6 if mail.code() != "0" * 6 else "1" * 6
        )
        assert (wrong["code"], wrong["triesLeft"]) == ("EMAIL_CODE_INVALID", 4)
        typed = f" {mail.code()[:3]}\u00a0{mail.code()[3:]}"
        verified = await guest.do(VERIFY, checkoutId=checkout_id, code=typed)
        assert verified["checkout"] == {"id": checkout_id, "emailVerified": True, "emailCodeExpiresAt": None}
        assert await stack.upstream() == [], "nobody asks the practice who that is"
        confirmed = await guest.confirm(checkout_id, cardToken="tok_mastercard")
        assert confirmed["checkout"]["status"] == "CONFIRMED"
        made = await stack.made()
        assert made["patients"] == []
        assert {visit["user_id"] for visit in made["appointments"]} == {stranger_id}
        assert (await record(stack, stranger_id))["default_stripe_customer_detail_id"] == default

    @pytest.mark.parametrize("unarchived", [False, True])
    async def test_comes_back_to_an_archived_record_and_staff_are_told(
        self, stacks: Stacks, mail: MailServer, *, unarchived: bool
    ) -> None:
        """Whether a booking by staff makes the patient active again, or not: nobody says which."""
        stack = await stacks.start(guest_records="verified_email", smtp_url=mail.url, mail_from=SENDER)
        await stack.emulator.control.switches(staff_booking_unarchives=unarchived)
        known_id = str(stack.practice["patients"][0]["id"])
        await stack.emulator.ask(ARCHIVE, id=known_id)
        guest, checkout_id = await self.started(stack)
        await guest.do(REQUEST, checkoutId=checkout_id)
        await guest.do(VERIFY, checkoutId=checkout_id, code=mail.code())
        assert (await guest.confirm(checkout_id))["checkout"]["status"] == "CONFIRMED"
        made = await stack.made()
        assert ([visit["user_id"] for visit in made["appointments"]], made["patients"]) == ([known_id], [])
        assert (await record(stack, known_id))["active"] is unarchived
        operator = stack.patient("operator-1", kind=PrincipalKind.OPERATOR)
        assert (await operator.ask(documents.LISTED))["operations"]["checkouts"]["nodes"] == [
            {"id": checkout_id, "attention": ["archived_patient"]}
        ]

    async def test_gets_a_mail_that_holds_the_code_and_nothing_that_they_gave(
        self, stacks: Stacks, mail: MailServer
    ) -> None:
        stack = await stacks.start(smtp_url=mail.url, mail_from=SENDER)
        guest, checkout_id = await self.started(stack, {**KNOWN, "firstName": "Canary", "lastName": "Canary"})
        await guest.do(REQUEST, checkoutId=checkout_id)
        ((recipient, sent),) = mail.received
        assert recipient == KNOWN["email"].strip() == sent["To"]
        assert sent["From"] == SENDER
        assert "Canary" not in sent.as_string()
        assert re.search(r"\b[0-9]{6}\b", sent["Subject"]) is None, "a locked screen shows subjects"

    async def test_is_answered_alike_whoever_it_is(self, stacks: Stacks, mail: MailServer) -> None:
        stack = await stacks.start(guest_records="verified_email", smtp_url=mail.url, mail_from=SENDER)
        answers = []
        for number, details in enumerate((KNOWN, GUEST)):
            guest, checkout_id = await self.started(stack, details, nth=number)
            answers.append(shape(await guest.do(REQUEST, checkoutId=checkout_id)))
        assert answers[0] == answers[1]
        assert len(mail.received) == 2

    async def test_is_told_when_the_mail_was_not_taken_or_nobody_sends_any(
        self, stacks: Stacks, mail: MailServer, stack: Stack
    ) -> None:
        guest, checkout_id = await self.started(stack)
        told = await guest.do(REQUEST, checkoutId=checkout_id)
        assert told["code"] == "EMAIL_VERIFICATION_UNAVAILABLE"
        mail.refusing = "451 try again later"
        stack = await stacks.start(smtp_url=mail.url, mail_from=SENDER)
        guest, checkout_id = await self.started(stack)
        told = await guest.do(REQUEST, checkoutId=checkout_id)
        assert (told["code"], told["retryable"]) == ("EMAIL_NOT_SENT", True)
        assert (await guest.confirm(checkout_id))["checkout"]["status"] == "CONFIRMED"

    async def test_gets_five_mails_an_hour_from_however_many_visitors(
        self, stacks: Stacks, mail: MailServer
    ) -> None:
        stack = await stacks.start(smtp_url=mail.url, mail_from=SENDER)
        told = []
        for number in range(6):
            guest, checkout_id = await self.started(stack, ahead=2 + number % 5)
            told.append((await guest.do(REQUEST, checkoutId=checkout_id))["__typename"])
            await guest.do(documents.CANCEL, checkoutId=checkout_id)
        assert told == ["RequestEmailVerificationSuccess"] * 5 + ["TooManyAttempts"]
        assert len(mail.received) == 5

    async def started(self, stack: Stack, details: Json = None, **given: Any) -> tuple[App, str]:
        """Start a free visit as a guest."""
        slot = await stack.slot("Free Consultation", **given)
        return await (await stack.visitor()).guest_checkout(slot["id"], guest=details or KNOWN)


def shape(answer: Json) -> Json:
    """What kinds of values an answer holds, and where."""
    if isinstance(answer, dict):
        return {name: shape(value) for name, value in answer.items()}
    return type(answer).__name__

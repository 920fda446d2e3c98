"""A replay asks the practice nothing, whatever it selects, but for visits as they stand now."""

from tests.acceptance import documents
from tests.acceptance.app import GUEST, App, Json
from tests.acceptance.documents import SCHEMA, everything
from tests.acceptance.members import a_member
from tests.doubles.mail_server import MailServer
from tests.plugins.stack import Stack, Stacks

SENDER = "Sample Practice <no-reply@practice.example>"

INPUTS = {
    "holdSlot": "HoldSlotInput",
    "extendHold": "ExtendHoldInput",
    "releaseHold": "ReleaseHoldInput",
    "startCheckout": "StartCheckoutInput",
    "requestEmailVerification": "RequestEmailVerificationInput",
    "verifyEmail": "VerifyEmailInput",
    "confirmCheckout": "ConfirmCheckoutInput",
    "cancelCheckout": "CancelCheckoutInput",
    "rescheduleAppointment": "RescheduleAppointmentInput",
    "cancelAppointment": "CancelAppointmentInput",
    "pauseMembership": "PauseMembershipInput",
    "resumeMembership": "ResumeMembershipInput",
    "cancelMembership": "CancelMembershipInput",
    "joinWaitlist": "JoinWaitlistInput",
    "leaveWaitlist": "LeaveWaitlistInput",
}

# Visits are told as they stand now, so a replay reads them; it sends nothing else.
READS = {"BookedVisit", "VisitAsItStands", "VisitRules"}


def whole(field: str) -> str:
    """The mutation with the widest selection there is."""
    mutation = SCHEMA.mutation_type
    assert mutation
    return (
        f"mutation ($input: {INPUTS[field]}!) {{ {field}(input: $input) "
        f"{everything(mutation.fields[field].type)} }}"
    )


async def test_no_mutation_is_forgotten_here() -> None:
    assert SCHEMA.mutation_type
    assert set(SCHEMA.mutation_type.fields) == set(INPUTS)


class Attempts:
    """What was sent, to be sent again."""

    def __init__(self) -> None:
        self._made: list[tuple[App, str, Json, str]] = []

    async def do(self, app: App, field: str, **given: Json) -> Json:
        """Send it with its narrowest selection; answer its ids by another document."""
        key = f"key-{len(self._made)}"
        self._made.append((app, field, given, key))
        narrow = f"mutation ($input: {INPUTS[field]}!) {{ {field}(input: $input) {{ __typename }} }}"
        assert (await app.do(narrow, key=key, **given))["__typename"].endswith("Success")
        return (await self.replayed(app, field, given, key))[1]

    async def again(self, gateway: Stack) -> dict[str, bool]:
        """Send everything again; answers of each whether it was marked as a replay."""
        return {
            field: (await self.replayed(App(http=gateway.http, headers=app.headers), field, given, key))[0]
            for app, field, given, key in self._made
        }

    async def replayed(self, app: App, field: str, given: Json, key: str) -> tuple[bool, Json]:
        answer = await app.post(whole(field), {"input": given}, key=key)
        body = answer.json()
        assert "errors" not in body, body["errors"]
        return answer.headers.get("Idempotent-Replayed") == "true", body["data"][field]


async def attempts_on(stack: Stack, mail: MailServer) -> Attempts:
    """Every mutation once, each with success."""
    made, plan = Attempts(), stack.plan("First Visit")
    app = await stack.visitor()
    slots = [(await stack.slot(ahead=ahead))["id"] for ahead in (3, 4, 5)]
    holds = [
        (await made.do(app, "holdSlot", slotId=slot, timeZone="America/New_York"))["hold"]["id"]
        for slot in slots
    ]
    await made.do(app, "extendHold", holdId=holds[0])
    started = [
        await made.do(app, "startCheckout", holdId=hold, planId=plan, guest=GUEST) for hold in holds[:2]
    ]
    guests = [app.bearer(one["guestToken"]) for one in started]
    ids = [one["checkout"]["id"] for one in started]
    shown = started[0]["checkout"]["quote"]["id"]
    await made.do(guests[0], "requestEmailVerification", checkoutId=ids[0])
    await made.do(guests[0], "verifyEmail", checkoutId=ids[0], code=mail.code())
    await made.do(guests[0], "confirmCheckout", checkoutId=ids[0], quoteId=shown, cardToken="tok_visa")
    await made.do(guests[1], "cancelCheckout", checkoutId=ids[1])
    await made.do(app, "releaseHold", holdId=holds[2])
    visit = (await guests[0].checkout(ids[0]))["appointment"]["id"]
    move = (await guests[0].ask(documents.MOVE_QUOTE, {"id": visit}))["rescheduleQuote"]["quote"]["id"]
    held = await app.held((await stack.slot(ahead=6))["id"])
    await made.do(guests[0], "rescheduleAppointment", quoteId=move, holdId=held)
    cancel = (await guests[0].ask(documents.CANCELLATION_QUOTE, {"id": visit}))["cancellationQuote"]
    await made.do(guests[0], "cancelAppointment", quoteId=cancel["quote"]["id"])
    member = await a_member(stack)
    await made.do(member.app, "pauseMembership", quoteId=(await member.pause_quote())["quote"]["id"])
    await made.do(member.app, "resumeMembership", quoteId=(await member.resume_quote())["quote"]["id"])
    await made.do(member.app, "cancelMembership", quoteId=(await member.quote())["quote"]["id"])
    patient = stack.patient(str(stack.practice["patients"][0]["id"]))
    sought = {"visitTypeId": stack.visit("Initial Visit"), "timeZone": "UTC", "until": stack.day(9)}
    entry = (await made.do(patient, "joinWaitlist", filter=sought))["entry"]["id"]
    await made.do(patient, "leaveWaitlist", entryId=entry)
    return made


async def test_a_replay_asks_the_practice_for_nothing_but_visits_as_they_stand(
    stacks: Stacks, mail: MailServer
) -> None:
    stack = await stacks.start(smtp_url=mail.url, mail_from=SENDER)
    made = await attempts_on(stack, mail)
    before = await stack.made()
    await stack.emulator.control.forget_requests()
    assert await made.again(stack) == dict.fromkeys(INPUTS, True)
    assert set(await stack.upstream()) <= READS
    assert await stack.made() == before
    assert len(mail.received) == 1


async def test_a_replay_in_a_process_that_just_started_reads_the_public_catalogue_once_besides(
    stacks: Stacks, mail: MailServer
) -> None:
    stack = await stacks.start(smtp_url=mail.url, mail_from=SENDER)
    made = await attempts_on(stack, mail)
    other = await stacks.another(stack)
    await stack.emulator.control.forget_requests()
    assert await made.again(other) == dict.fromkeys(INPUTS, True)
    asked = await stack.upstream()
    assert set(asked) <= {"PublicCatalog", *READS}
    assert asked.count("PublicCatalog") == 1

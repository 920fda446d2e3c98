"""An id names one state of the world: what a normalised client cache keeps of an object is right wherever it came from (ADR 60).

The schema is walked: of every type with an `id` all fields are asked for, by every caller and with every argument that may make a
difference, at one moment. Objects of one type and one id must be equal, field by field.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from booking.principals import PrincipalKind
from tests.acceptance.app import GUEST, App, Json
from tests.acceptance.documents import PROBLEM, SCHEMA
from tests.acceptance.groups import a_group
from tests.acceptance.members import a_member
from tests.acceptance.owing import a_debtor
from tests.acceptance.purchased import purchased
from tests.plugins.stack import Stack

ZONES = ("America/New_York", "Asia/Tokyo", "UTC")

# What may differ between two objects with one id, and why that is no mistake of a cache's.
EXEMPT = {
    (
        "Appointment",
        "join",
    ): "a secret of the patient's own: null for staff; nobody caches it, since it is read when it is asked for",
}

# Objects with an id that only others see, or that no answer of a patient's or staff's holds.
UNSEEN = {"CheckoutSummary", "ChangeSummary"}

# Asked for with several arguments, each under a name of its own: to a cache they are several fields.
WITH_ARGUMENTS = {
    ("Appointment", "start"): [f'start(timeZone: "{zone}")' for zone in ZONES],
    ("Appointment", "end"): [f'end(timeZone: "{zone}")' for zone in ZONES],
    ("Me", "appointments"): [f"appointments(filter: {which}, first: 3)" for which in ("ALL", "UPCOMING")],
    ("Me", "payments"): ["payments(first: 2)", "payments(first: 1)"],
    ("Patient", "payments"): ["payments(first: 2)"],
    ("Me", "invoices"): [f"invoices(filter: {which}, first: 2)" for which in ("ALL", "OPEN")],
    ("Patient", "invoices"): ["invoices(filter: ALL, first: 2)"],
    ("Patient", "appointments"): [
        "appointments(filter: ALL, first: 3)",
        "appointments(filter: PAST, first: 3)",
    ],
}


def identified() -> dict[str, GraphQLObjectType]:
    """Every object type with an id."""
    return {
        name: kind
        for name, kind in SCHEMA.type_map.items()
        if isinstance(kind, GraphQLObjectType) and "id" in kind.fields
    }


# What a patient bought: asked for in documents of their own, since all that there is costs more than one document may.
PURCHASES = frozenset({"packages", "credits", "memberships", "payments", "invoices"})


def everything(
    kind: GraphQLOutputType, *, depth: int = 9, part: Callable[[str], bool] = lambda _: True
) -> str:
    """Select all that a type has, each field with each of the arguments that are tried; of the type itself only `part`."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType):
        members = [one for one in named.types if "retryable" not in one.fields]
        problems = PROBLEM if len(members) < len(named.types) else ""
        return f"{{ __typename {' '.join(f'... on {one.name} {everything(one)}' for one in members)} {problems} }}"
    assert isinstance(named, GraphQLObjectType)
    fields = []
    for name, field in named.fields.items():
        if (named.name, name) in EXEMPT or not part(name):
            continue
        inside = everything(field.type, depth=depth - 1)
        written = WITH_ARGUMENTS.get((named.name, name), [name])
        assert (named.name, name) in WITH_ARGUMENTS or not any(map(is_required_argument, field.args.values()))
        fields += [f"{_alias(one)}{one} {inside}" for one in written]
    return f"{{ __typename {' '.join(fields)} }}"


def _alias(call: str) -> str:
    """A response key that names the field and its arguments, as a cache does; none for a field without arguments."""
    return "".join(sign if sign.isalnum() else "_" for sign in call) + ": " if "(" in call else ""


def objects(value: Json) -> Iterator[Json]:
    """Every object with an id in an answer, at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from objects(one)
    elif isinstance(value, dict):
        if "id" in value:
            yield value
        for one in value.values():
            yield from objects(one)


def flat(value: Json) -> Json:
    """A value as a cache keeps it: in place of an object its key."""
    if isinstance(value, list):
        return [flat(one) for one in value]
    if isinstance(value, dict):
        if "id" in value:
            return (value["__typename"], value["id"])
        return {name: flat(one) for name, one in value.items()}
    return value


class Cache:
    """A normalised cache that notices when two answers disagree about an object."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], dict[str, Json]] = defaultdict(dict)
        self.seen: dict[tuple[str, str], int] = defaultdict(int)
        self.disagreements: list[str] = []

    def read(self, answer: Json) -> None:
        for one in objects(answer):
            key = (one["__typename"], one["id"])
            self.seen[key] += 1
            for name, value in one.items():
                before = self.kept[key].setdefault(name, flat(value))
                if before != flat(value):
                    self.disagreements.append(f"{key} {name}: {before} and {flat(value)}")


def query(field: str, kind: str, variables: str = "", arguments: str = "") -> str:
    return f"query Q{variables} {{ {field}{arguments} {everything(SCHEMA.type_map[kind])} }}"  # type: ignore[arg-type]


async def recorded(cache: Cache, app: App, field: str, kind: str, patient_id: str | None = None) -> None:
    """Read a patient's record in two documents: what they bought, and the rest."""
    variables, arguments = ("($id: ID!)", "(id: $id)") if patient_id else ("", "")
    parts = (lambda name: name not in PURCHASES, lambda name: name in PURCHASES or name == "id")
    for part in parts:
        document = (
            f"query Q{variables} {{ {field}{arguments} {everything(SCHEMA.type_map[kind], part=part)} }}"  # type: ignore[arg-type]
        )
        await asked(cache, app, document, {"id": patient_id} if patient_id else None)


async def asked(cache: Cache, app: App, document: str, variables: Json = None) -> Json:
    answer = await app.ask(document, variables)
    cache.read(answer)
    return answer


async def browse(cache: Cache, stack: Stack, app: App) -> None:
    """The offer, with every filter."""
    states = ["", '(state: "CA")', '(state: "NY")', '(keyword: "visit")']
    for arguments in states:
        await asked(cache, app, query("plans", "PlanConnection", arguments=arguments))
    for name in ("First Visit", "Starter Plan"):
        await asked(cache, app, query("plan", "Plan", "($id: ID!)", "(id: $id)"), {"id": stack.plan(name)})
    for arguments in (*states[:3], f'(visitTypeId: "{stack.visit("Initial Visit")}")'):
        await asked(cache, app, query("clinicians", "Clinician", arguments=arguments))
    await asked(cache, app, query("visitTypes", "VisitType"))
    for arguments in ("", '(filter: {state: "NY"})', f'(filter: {{clinicianIds: ["{stack.clinician(1)}"]}})'):
        await asked(cache, app, query("groupVisits", "GroupVisitConnection", arguments=arguments))
    await asked(cache, app, query("locations", "Location"))
    for plan in (stack.plan("First Visit"), None):
        variables = {"plan": plan, "visit": stack.visit("Initial Visit" if plan else "Single Visit")}
        document = query(
            "quote", "QuoteResult", "($plan: ID, $visit: ID)", "(planId: $plan, visitTypeId: $visit)"
        )
        await asked(cache, app, document, variables)


async def look_for_time(cache: Cache, stack: Stack, app: App) -> None:
    document = query(
        "slots", "Day", "($filter: SlotFilter!, $from: Date!, $until: Date!)", "(filter: $filter, from: $from, until: $until)"
    )  # fmt: skip
    for zone in ZONES:
        sought = {
            "visitTypeId": stack.visit("Free Consultation"),
            "clinicianIds": [stack.clinician(1)],
            "timeZone": zone,
        }
        variables = {"filter": sought, "from": stack.day(3), "until": stack.day(4)}
        await asked(cache, app, document, variables)


async def mutated(cache: Cache, app: App, name: str, **given: Json) -> Json:
    kind = SCHEMA.mutation_type.fields[name]  # type: ignore[union-attr]
    named = name[0].upper() + name[1:]
    document = f"mutation M($input: {named}Input!) {{ {name}(input: $input) {everything(kind.type)} }}"
    result = await app.do(document, **given)
    cache.read(result)
    return result


async def buy(cache: Cache, stack: Stack, app: App, *, zone: str, guest: bool) -> tuple[App, str]:
    """Hold, start and confirm, in a time zone; answers the buyer's app and the checkout's id."""
    slot = (await stack.slot("Free Consultation", timeZone=zone))["id"]
    held = await mutated(Cache(), app, "holdSlot", slotId=slot, timeZone=zone)
    details: Json = {"guest": GUEST} if guest else {}
    started = await mutated(Cache(), app, "startCheckout", holdId=held["hold"]["id"], **details)
    buyer = app.bearer(started["guestToken"]) if guest else app
    checkout = started["checkout"]
    await mutated(cache, buyer, "confirmCheckout", checkoutId=checkout["id"], quoteId=checkout["quote"]["id"])
    return buyer, checkout["id"]


async def paid_invoice(stack: Stack) -> Cache:
    """An invoice is paid: what is seen of it and of its payment after that, each twice."""
    debtor = await a_debtor(stack, 2)
    owed, settled = Cache(), Cache()  # the invoice is another one once it is paid
    for _ in range(2):
        await recorded(owed, debtor.app, "me", "Me")
    paying = {"quoteId": await debtor.quote(), "cardOnFileId": debtor.card}
    await mutated(settled, debtor.app, "payInvoice", **paying)
    (change,) = {key[1] for key in settled.kept if key[0] == "InvoicePayment"}
    document = query("invoicePayment", "InvoicePayment", "($id: ID!)", "(id: $id)")
    await asked(settled, debtor.app, document, {"id": change})
    await recorded(settled, debtor.app, "me", "Me")
    assert owed.disagreements + settled.disagreements == []
    return settled


async def end_a_membership(cache: Cache, stack: Stack) -> Cache:
    """Quote pausing, resuming and ending a membership into the cache, and do so; answers what is seen from its end on."""
    member = await a_member(stack, 1)
    for field, does in (
        ("membershipPauseQuote", "pauseMembership"),
        ("membershipResumeQuote", "resumeMembership"),
    ):
        document = query(field, f"{field[0].upper()}{field[1:]}Result", "($id: ID!)", "(membershipId: $id)")
        for _ in range(2):
            offered = await asked(cache, member.app, document, {"id": member.id})
        await mutated(cache, member.app, does, quoteId=offered[field]["quote"]["id"])
    document = query("membershipEndQuote", "MembershipEndQuoteResult", "($id: ID!)", "(membershipId: $id)")
    for _ in range(2):
        quoted = await asked(cache, member.app, document, {"id": member.id})
    ended = Cache()
    accepted = quoted["membershipEndQuote"]["quote"]["id"]
    await mutated(ended, member.app, "cancelMembership", quoteId=accepted)
    (change,) = {key[1] for key in ended.kept if key[0] == "MembershipChange"}
    document = query("membershipChange", "MembershipChange", "($id: ID!)", "(id: $id)")
    await asked(ended, member.app, document, {"id": change})
    return ended


async def wait_for_a_time(stack: Stack, app: App) -> Cache:
    """Join the waitlist, and be offered a time; answers what is seen then."""
    waited = Cache()
    sought = {
        "visitTypeId": stack.visit("Free Consultation"),
        "timeZone": "America/New_York",
        "until": stack.day(5),
    }
    await mutated(Cache(), app, "joinWaitlist", filter=sought)
    await stack.work(after=timedelta(minutes=6))
    for _ in range(2):
        await recorded(waited, app, "me", "Me")
    return waited


async def test_objects_of_one_id_are_equal_whoever_asks_and_however(stack: Stack) -> None:
    cache = Cache()
    visitor = await stack.visitor()
    person = stack.practice["patients"][0]["id"]
    patient, staff = stack.patient(person), stack.patient(stack.clinician(1), kind=PrincipalKind.STAFF)

    await a_group(stack, 1, 2)
    for app in (visitor, patient, staff):
        await browse(cache, stack, app)
        await look_for_time(cache, stack, app)

    one_hold = await visitor.hold((await stack.slot("Follow-up Visit"))["id"], zone="Asia/Tokyo")
    for _ in range(2):
        document = query("hold", "Hold", "($id: ID!)", "(id: $id)")
        await asked(cache, visitor, document, {"id": one_hold["hold"]["id"]})

    guest, guests = await buy(cache, stack, visitor, zone="Asia/Tokyo", guest=True)
    await purchased(stack, patient, person)
    _, own = await buy(cache, stack, patient, zone="America/New_York", guest=False)
    for app, checkout_id in ((guest, guests), (patient, own)):
        document = query("checkout", "Checkout", "($id: ID!)", "(id: $id)")
        await asked(cache, app, document, {"id": checkout_id})
        await asked(cache, app, document, {"id": checkout_id})
    for _ in range(2):
        await recorded(cache, patient, "me", "Me")
    (made,) = [one["id"] for one in (await stack.made())["patients"]]
    for patient_id in (person, made, person):
        await recorded(cache, staff, "patient", "Patient", patient_id)

    own_visit = cache.kept["Checkout", own]["appointment"][1]
    for name, variable in (
        ("cancellationQuote", "CancellationQuote"),
        ("rescheduleQuote", "RescheduleQuote"),
    ):
        document = query(name, f"{variable}Result", "($id: ID!)", "(appointmentId: $id)")
        for _ in range(2):
            quoted = await asked(cache, patient, document, {"id": own_visit})
        await asked(cache, patient, query("cancellationReasons", "CancellationReason"))
        if name == "cancellationQuote":
            accepted = quoted[name]["quote"]["id"]
    after = Cache()  # the visit is another one from here on
    await mutated(after, patient, "cancelAppointment", quoteId=accepted, reason="Sample reason")
    (change,) = {key[1] for key in after.kept if key[0] == "AppointmentChange"}
    await asked(
        after,
        patient,
        query("appointmentChange", "AppointmentChange", "($id: ID!)", "(id: $id)"),
        {"id": change},
    )
    await asked(after, patient, query("checkout", "Checkout", "($id: ID!)", "(id: $id)"), {"id": own})
    await recorded(after, patient, "me", "Me")

    ended = await end_a_membership(cache, stack)
    waited = await wait_for_a_time(stack, patient)

    settled = await paid_invoice(stack)
    caches = (cache, after, ended, waited, settled)
    assert [one for each in caches for one in each.disagreements] == []
    often = {kind for each in caches for (kind, _), times in each.seen.items() if times > 1}
    assert often == identified().keys() - UNSEEN, "every type was seen twice by one id"


async def test_a_slot_in_another_time_zone_is_another_object(stack: Stack) -> None:
    there, here = [await stack.slot("Free Consultation", timeZone=zone) for zone in ("Asia/Tokyo", "UTC")]
    assert there["id"] != here["id"]


async def test_a_slot_is_held_by_its_id_in_any_time_zone(stack: Stack) -> None:
    app = await stack.visitor()
    held = await app.hold((await stack.slot("Free Consultation", timeZone="Asia/Tokyo"))["id"], zone="UTC")
    assert held["__typename"] == "HoldSlotSuccess"
    assert held["hold"]["slot"]["timeZone"] == "UTC"


async def test_a_replay_shows_the_hold_as_it_stands(stack: Stack) -> None:
    app = await stack.visitor()
    slot_id = (await stack.slot("Free Consultation"))["id"]
    first = await app.hold(slot_id, key="the-same")
    await stack.pass_time(timedelta(minutes=2))
    extended = await app.do(
        "mutation E($input: ExtendHoldInput!) { extendHold(input: $input) { ... on ExtendHoldSuccess { hold { id expiresAt extensions } } } }",
        holdId=first["hold"]["id"],
    )
    again = await app.hold(slot_id, key="the-same")
    assert again["hold"]["extensions"] == extended["hold"]["extensions"] == 1
    assert datetime.fromisoformat(again["hold"]["expiresAt"]) == datetime.fromisoformat(
        extended["hold"]["expiresAt"]
    )


@pytest.mark.parametrize("exempt", EXEMPT, ids=".".join)
def test_what_is_exempt_is_in_the_schema(exempt: tuple[str, str]) -> None:
    assert exempt[1] in identified()[exempt[0]].fields

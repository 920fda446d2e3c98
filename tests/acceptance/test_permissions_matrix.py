"""Every field that takes a name, asked with somebody else's and with one that nobody has: nobody can tell the two apart.

The fields are the schema's, so a new one joins by itself; an argument that names something needs a sample below.
"""

import base64
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_introspection_type,
)

from booking.change_quotes import quote_id
from booking.principals import Caller, Principal, PrincipalKind
from gateway.graphql import build_schema
from schema.permissions import audiences
from tests.acceptance import documents
from tests.acceptance.app import GUEST, App, Json
from tests.acceptance.documents import SCHEMA, everything
from tests.acceptance.members import a_member
from tests.acceptance.owing import a_debtor
from tests.integration.socket_client import Socket, connected, served
from tests.plugins.stack import Stack

Once = Callable[[App, str, Json], Awaitable[Json]]  # does a mutation with a key of its own

# What each argument names, of somebody's; by type, field and the argument's path.
OWNED = {
    "Query.hold(id)": "hold",
    "Query.checkout(id)": "checkout",
    "Query.patient(id)": "patient",
    "Me.appointments(after)": "visit",
    "Patient.appointments(after)": "visit",
    "Me.payments(after)": "payment",
    "Patient.payments(after)": "payment",
    "Me.invoices(after)": "invoice",
    "Patient.invoices(after)": "invoice",
    "Operations.checkouts(after)": "place",
    "Operations.changes(after)": "place",
    "Mutation.extendHold(input.holdId)": "hold",
    "Mutation.releaseHold(input.holdId)": "hold",
    "Mutation.startCheckout(input.holdId)": "hold",
    "Mutation.requestEmailVerification(input.checkoutId)": "checkout",
    "Mutation.verifyEmail(input.checkoutId)": "checkout",
    "Mutation.confirmCheckout(input.checkoutId)": "checkout",
    "Mutation.confirmCheckout(input.cardOnFileId)": "card",
    "Mutation.cancelCheckout(input.checkoutId)": "checkout",
    "Query.cancellationQuote(appointmentId)": "appointment",
    "Query.rescheduleQuote(appointmentId)": "appointment",
    "Query.appointmentChange(id)": "change",
    "Mutation.cancelAppointment(input.quoteId)": "cancellation",
    "Mutation.rescheduleAppointment(input.quoteId)": "move",
    "Mutation.rescheduleAppointment(input.holdId)": "hold",
    "Query.membershipEndQuote(membershipId)": "membership",
    "Query.membershipChange(id)": "membership_change",
    "Mutation.cancelMembership(input.quoteId)": "membership_end",
    "Query.invoicePayment(id)": "invoice_payment",
    "Mutation.payInvoice(input.quoteId)": "invoice_quote",
    "Mutation.payInvoice(input.cardOnFileId)": "card",
    "Mutation.removeCard(input.cardId)": "card",
    "Mutation.setDefaultCard(input.cardId)": "card",
    "Mutation.sendReceipt(input.paymentId)": "receipt",
    "Query.membershipPauseQuote(membershipId)": "membership",
    "Query.membershipResumeQuote(membershipId)": "membership",
    "Mutation.pauseMembership(input.quoteId)": "membership_pause",
    "Mutation.resumeMembership(input.quoteId)": "membership_resume",
    "Mutation.leaveWaitlist(input.entryId)": "waitlist",
    "Subscription.checkoutChanged(id)": "checkout",
}

# These name what everybody may browse.
PUBLIC = {
    "Mutation.joinWaitlist(input.filter.visitTypeId)",
    "Mutation.joinWaitlist(input.filter.locationId)",
    "Mutation.joinWaitlist(input.filter.clinicianIds)",
    "Query.availableDays(filter.visitTypeId)",
    "Query.availableDays(filter.locationId)",
    "Query.availableDays(filter.clinicianIds)",
    "Query.slots(filter.visitTypeId)",
    "Query.slots(filter.locationId)",
    "Query.slots(filter.clinicianIds)",
    "Query.groupVisits(filter.visitTypeId)",
    "Query.groupVisits(filter.clinicianIds)",
    "Query.groupVisits(after)",
    "Query.quote(planId)",
    "Query.quote(visitTypeId)",
    "Query.plans(after)",
    "Query.plan(id)",
    "Query.clinicians(visitTypeId)",
    "Subscription.slotsChanged(filter.visitTypeId)",
    "Subscription.slotsChanged(filter.locationId)",
    "Subscription.slotsChanged(filter.clinicianIds)",
    "Mutation.holdSlot(input.slotId)",
    "Mutation.startCheckout(input.planId)",
    "Mutation.startPurchase(input.planId)",
    "Mutation.startPurchase(input.clinicianId)",
    "Mutation.confirmCheckout(input.quoteId)",  # a digest of amounts and terms, which are nobody's
    "Mutation.cancelAppointment(input.reasonId)",  # of the practice's list
}

# Whose kind of thing it is all the same: staff read any patient and change any visit, operators list any checkout.
NOT_FOREIGN = {
    ("staff", "patient"),
    ("staff", "appointment"),
    ("staff", "change"),
    ("staff", "cancellation"),
    ("staff", "move"),
    ("staff", "membership"),
    ("staff", "membership_change"),
    ("staff", "membership_end"),
    ("staff", "membership_pause"),
    ("staff", "membership_resume"),
    ("operator", "place"),
}


def naming_arguments() -> Iterator[str]:
    """The arguments that name something: ids, and the cursors of lists."""
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind):
            for name, one in kind.fields.items():
                yield from (f"{kind.name}.{name}({path})" for path in _names(one.args))


def _names(given: dict[str, GraphQLArgument] | dict[str, GraphQLInputField]) -> Iterator[str]:
    for name, one in given.items():
        kind = get_named_type(one.type)
        if isinstance(kind, GraphQLInputObjectType):
            yield from (f"{name}.{path}" for path in _names(kind.fields))
        elif kind.name == "ID" or name in {"after", "before"}:
            yield name


def test_every_argument_that_names_something_has_a_sample() -> None:
    found = set(naming_arguments())
    assert found - OWNED.keys() - PUBLIC == set(), "whose are these? Give them a sample above"
    assert OWNED.keys() | PUBLIC == found


@dataclass(kw_only=True)
class Things:
    """What belongs to somebody, the names that nobody has, and the keys with which the owners did what they did."""

    foreign: dict[str, list[str]]
    missing: dict[str, str]
    keys: dict[tuple[str, str], str]  # of owners, by mutation and name
    patient: str  # somebody whom staff read
    slot: str  # that is free


@dataclass(kw_only=True)
class Asker:
    """Somebody who owns none of it, over both transports."""

    kind: str
    app: App
    socket: Socket
    checkout: str  # their own, if they can have one
    stack: Stack
    owing: str | None = None  # the quote of an invoice of their own, if they have one
    moving: str | None = None  # the quote of moving a visit of their own, if they have one
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def over_http(self, document: str, variables: Json, key: str) -> object:
        answer = await self.app.post(document, variables, key=key)
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        assert b"INTERNAL" not in answer.content, document
        return answer.status_code, answer.content, headers

    async def over_a_socket(self, document: str, variables: Json, key: str) -> object:
        name = await self.socket.subscribe(document, variables, extensions={"idempotencyKey": key})
        told = [await self.socket.hear()]
        while told[-1]["type"] == "next":
            told.append(await self.socket.hear())
        assert {one["id"] for one in told} == {name}
        return [(one["type"], one.get("payload")) for one in told]

    async def first(self, document: str, key: str) -> Json:
        """The answer, or the first of a subscription."""
        if document.startswith("subscription"):
            name = await self.socket.subscribe(document)
            told = await self.socket.hear()
            assert (await self.socket.hear()) == {"id": name, "type": "complete"}
            return told["payload"]
        return (await self.app.post(document, key=key)).json()

    async def everywhere(self, document: str, name: str, stolen: str | None) -> list[object]:
        """Ask for the name with a stolen key if there is one, again as a replay, over a socket, and there with the key of before."""
        key, fresh = stolen or self._key(), self._key()
        return [
            await self.over_http(document, {"name": name}, key),
            await self.over_http(document, {"name": name}, key),
            await self.over_a_socket(document, {"name": name}, fresh),
            await self.over_a_socket(document, {"name": name}, key),
        ]

    async def upstream(self) -> list[str]:
        """What went upstream since the last time, but for the catalogue, which is read by the minute."""
        seen = await self.stack.upstream()
        if seen:
            await self.stack.emulator.control.forget_requests()
        return [one for one in seen if one != "PublicCatalog"]

    def noted(self) -> Json:
        """What staff give beside a change."""
        return {"note": "Sample note"} if self.kind == "staff" else {}

    def _key(self) -> str:
        return f"{self.kind}-{next(self.numbers)}"


class Variable:
    """Stands where the name is asked with. In the text itself each name would be another document, to be parsed and checked anew."""


def written(value: Any) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, Variable):
        return "$name"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(one)}" for name, one in value.items()) + "}"
    return json.dumps(value)


def document(place: str, things: Things, asker: Asker, *, named: bool = True) -> str:
    """The field with a name in this place as the variable, reached from the root, and everything below it selected."""
    coordinate, _, path = place.removesuffix(")").partition("(")
    parent, _, called = coordinate.partition(".")
    kind = SCHEMA.type_map[parent]
    assert isinstance(kind, GraphQLObjectType)
    one = kind.fields[called]
    given = ({"first": 1} if "first" in one.args else {}) | beside(coordinate, things, asker)
    declared = ""
    if named:
        put(given, path.split("."), Variable())
        declared = f"($name: {type_at(one.args, path)})"
    asked = f"{called}{arguments(given)} {everything(one.type)}"
    if kind is SCHEMA.mutation_type:
        return f"mutation M{declared} {{ {asked} }}"
    if kind is SCHEMA.subscription_type:
        return f"subscription S{declared} {{ {asked} }}"
    if kind is SCHEMA.query_type:
        return f"query Q{declared} {{ {asked} }}"
    assert SCHEMA.query_type
    (root,) = [each for each, found in SCHEMA.query_type.fields.items() if get_named_type(found.type) is kind]
    return f"query Q{declared} {{ {root}{arguments(beside(f'Query.{root}', things, asker))} {{ {asked} }} }}"


def type_at(given: dict[str, GraphQLArgument] | dict[str, GraphQLInputField], path: str) -> str:
    """The type of what stands at a path of arguments."""
    first, _, below = path.partition(".")
    kind = given[first].type
    if not below:
        return str(kind)
    inner = get_named_type(kind)
    assert isinstance(inner, GraphQLInputObjectType)
    return type_at(inner.fields, below)


def arguments(given: dict[str, Json]) -> str:
    return f"({', '.join(f'{name}: {written(value)}' for name, value in given.items())})" if given else ""


def put(given: dict[str, Any], path: list[str], name: Variable) -> None:
    """Write the name where it belongs."""
    for step in path[:-1]:
        given = given.setdefault(step, {})
    given[path[-1]] = name


def beside(coordinate: str, things: Things, asker: Asker) -> dict[str, Any]:
    """What a field needs besides the name that it is asked with."""
    needs: dict[str, dict[str, Any]] = {
        "Query.hold": {"id": things.missing["hold"]},
        "Query.checkout": {"id": things.missing["checkout"]},
        "Query.patient": {"id": things.patient},
        "Subscription.checkoutChanged": {"id": things.missing["checkout"]},
        "Subscription.appointmentChanged": {"first": 1},
        "Mutation.holdSlot": {"input": {"slotId": things.slot, "timeZone": "UTC"}},
        "Mutation.extendHold": {"input": {"holdId": things.missing["hold"]}},
        "Mutation.releaseHold": {"input": {"holdId": things.missing["hold"]}},
        "Mutation.startCheckout": {"input": {"holdId": things.missing["hold"], "guest": GUEST}},
        "Mutation.startPurchase": {
            "input": {"planId": asker.stack.plan("First Visit"), "timeZone": "UTC", "guest": GUEST}
        },
        "Mutation.requestEmailVerification": {"input": {"checkoutId": things.missing["checkout"]}},
        "Mutation.verifyEmail": {"input": {"checkoutId": things.missing["checkout"], "code": "123456"}},
        "Mutation.confirmCheckout": {"input": asker.app.accepting(asker.checkout)},
        "Mutation.cancelCheckout": {"input": {"checkoutId": things.missing["checkout"]}},
        "Query.cancellationQuote": {"appointmentId": things.missing["appointment"]},
        "Query.rescheduleQuote": {"appointmentId": things.missing["appointment"]},
        "Query.appointmentChange": {"id": things.missing["change"]},
        "Mutation.joinWaitlist": {
            "input": {
                "filter": {
                    "visitTypeId": asker.stack.visit("Free Consultation"),
                    "timeZone": "UTC",
                    "until": asker.stack.day(5),
                }
            }
        },
        "Mutation.leaveWaitlist": {"input": {"entryId": things.missing["waitlist"]}},
        "Query.invoicePayment": {"id": things.missing["invoice_payment"]},
        "Mutation.payInvoice": {
            "input": {
                "quoteId": asker.owing or things.missing["invoice_quote"],
                "cardOnFileId": things.missing["card"],
            }
        },
        "Mutation.removeCard": {"input": {"cardId": things.missing["card"]}},
        "Mutation.setDefaultCard": {"input": {"cardId": things.missing["card"]}},
        "Mutation.sendReceipt": {"input": {"paymentId": things.missing["receipt"]}},
        "Mutation.cancelAppointment": {"input": {"quoteId": things.missing["cancellation"], **asker.noted()}},
        "Query.membershipEndQuote": {"membershipId": things.missing["membership"]},
        "Query.membershipPauseQuote": {"membershipId": things.missing["membership"]},
        "Query.membershipResumeQuote": {"membershipId": things.missing["membership"]},
        "Mutation.pauseMembership": {
            "input": {"quoteId": things.missing["membership_pause"], **asker.noted()}
        },
        "Mutation.resumeMembership": {
            "input": {"quoteId": things.missing["membership_resume"], **asker.noted()}
        },
        "Query.membershipChange": {"id": things.missing["membership_change"]},
        "Mutation.cancelMembership": {
            "input": {"quoteId": things.missing["membership_end"], **asker.noted()}
        },
        "Mutation.rescheduleAppointment": {
            "input": {
                "quoteId": asker.moving or things.missing["move"],
                "holdId": things.missing["hold"],
                **asker.noted(),
            }
        },
    }
    return needs.get(coordinate, {})


def unlike(name: str) -> str:
    """A name of the same form and length that nobody has."""
    return name[:-8] + ("x" * 8 if not name.isdigit() else "9" * 8)[: len(name)]


async def owners_visit(owner: App, slot_id: str) -> str:
    """A visit of the patient's that stands; answers its id."""
    confirmed = await owner.confirm(await owner.own_checkout(slot_id))
    return str(confirmed["checkout"]["appointment"]["id"])


async def quotes_of(app: App, document: str, *visits: str) -> list[str]:
    """The ids of these visits' quotes."""
    asked = [await app.ask(document, {"id": visit}) for visit in visits]
    return [quote["quote"]["id"] for answer in asked for quote in answer.values()]


def cursor(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


async def paid_invoice(stack: Stack, owner: App, once: Once) -> dict[str, list[str]]:
    """The patient pays an invoice, has its receipt mailed, and changes their cards on file; answers what is theirs by it."""
    debtor = await a_debtor(stack)
    quote = await debtor.quote()
    payment = (await once(owner, "payInvoice", {"quoteId": quote, "cardOnFileId": debtor.card}))["payment"]
    await once(owner, "sendReceipt", {"paymentId": payment["paymentId"]})
    gone = await debtor.another_card("tok_mastercard")
    await once(owner, "setDefaultCard", {"cardId": debtor.card})
    await once(owner, "removeCard", {"cardId": gone})
    return {
        "card": [debtor.card, gone],
        "receipt": [payment["paymentId"]],
        "invoice_payment": [payment["id"]],
        "invoice_quote": [quote],
    }


async def owned(stack: Stack) -> Things:
    """Everything that a patient, a visitor and a guest can own, in the states that it can have; each mutation done once."""
    keys: dict[tuple[str, str], str] = {}
    slots = iter([await stack.slot("Free Consultation", ahead=ahead) for ahead in (2, 3, 4, 5, 6, 7, 8, 9)])
    owner_id, read_id = (str(stack.practice["patients"][at]["id"]) for at in (0, 2))
    owner, visitor = stack.patient(owner_id), await stack.visitor()

    async def once(app: App, mutation: str, given: Json) -> Json:
        key = f"owners-{len(keys)}"
        keys.update(
            {
                (mutation, given[name]): key
                for name in ("holdId", "checkoutId", "quoteId", "entryId", "cardId", "paymentId")
                if name in given
            }
        )
        text = {
            "extendHold": documents.EXTEND,
            "releaseHold": documents.RELEASE,
            "startCheckout": documents.START,
            "confirmCheckout": documents.CONFIRM,
            "cancelCheckout": documents.CANCEL,
            "cancelAppointment": documents.CANCEL_VISIT,
            "rescheduleAppointment": documents.MOVE_VISIT,
            "cancelMembership": documents.END_MEMBERSHIP,
            "pauseMembership": documents.PAUSE_MEMBERSHIP,
            "resumeMembership": documents.RESUME_MEMBERSHIP,
            "leaveWaitlist": documents.LEAVE_WAITLIST,
            "payInvoice": documents.PAY_INVOICE,
            "removeCard": documents.REMOVE_CARD,
            "setDefaultCard": documents.SET_DEFAULT_CARD,
            "sendReceipt": documents.SEND_RECEIPT,
        }[mutation]
        result = await app.do(text, key=key, **given)
        assert result["__typename"].endswith("Success"), result
        return result

    paid = await owner.held(next(slots)["id"])
    await once(owner, "extendHold", {"holdId": paid})
    confirmed = (await once(owner, "startCheckout", {"holdId": paid}))["checkout"]["id"]
    await once(owner, "confirmCheckout", owner.accepting(confirmed))
    waiting = await owner.own_checkout(next(slots)["id"])
    guest, left = await visitor.guest_checkout(next(slots)["id"])
    await once(guest, "cancelCheckout", {"checkoutId": left})
    open_hold = await visitor.held(next(slots)["id"])
    begun = await once(visitor, "startCheckout", {"holdId": open_hold, "guest": GUEST})
    live, released = await visitor.held(next(slots)["id"]), await visitor.held((await stack.slot())["id"])
    await once(visitor, "extendHold", {"holdId": live})
    await once(visitor, "releaseHold", {"holdId": released})
    booked, ended = (
        await owners_visit(owner, next(slots)["id"]),
        (await owner.checkout(confirmed))["appointment"]["id"],
    )
    move, moving = await quotes_of(owner, documents.MOVE_QUOTE, ended, booked)
    to = await owner.held(next(slots)["id"])
    changes = [(await once(owner, "rescheduleAppointment", {"quoteId": move, "holdId": to}))["change"]["id"]]
    cancel, cancelling = await quotes_of(owner, documents.CANCELLATION_QUOTE, ended, booked)
    changes.append((await once(owner, "cancelAppointment", {"quoteId": cancel}))["change"]["id"])
    member = await a_member(stack)
    quotes, membership_changes = {}, []
    for name, quote, does in (
        ("membership_pause", member.pause_quote, "pauseMembership"),
        ("membership_resume", member.resume_quote, "resumeMembership"),
        ("membership_end", member.quote, "cancelMembership"),
    ):
        quotes[name] = [(await quote())["quote"]["id"]]
        done = await once(owner, does, {"quoteId": quotes[name][0]})
        membership_changes.append(done["change"]["id"])
    sought = {"visitTypeId": stack.visit("Free Consultation"), "timeZone": "UTC", "until": stack.day(5)}
    places = [
        (await owner.do(documents.JOIN_WAITLIST, filter={**sought, "noticeHours": hours}))["entry"]["id"]
        for hours in (1, 2)
    ]
    await once(owner, "leaveWaitlist", {"entryId": places[0]})
    bought = await paid_invoice(stack, owner, once)
    me = (await owner.ask(documents.ME))["me"]
    card, visit = me["cards"][0]["id"], me["appointments"]["nodes"][0]["id"]
    guests = begun["checkout"]["id"]
    place = f"{stack.clock.now().isoformat()} {guests}"
    foreign = {
        "hold": [open_hold, live, released, to],
        "checkout": [confirmed, waiting, left, guests],
        "patient": [owner_id],
        "visit": [cursor(f"appointment:{visit}")],
        "payment": [cursor("payment:1400001")],
        "invoice": [cursor("invoice:1500001")],
        "place": [cursor(place)],
        **bought,
        "card": [card, *bought["card"]],
        "appointment": [booked, ended],
        "change": changes,
        "waitlist": places,
        "cancellation": [cancelling, cancel],
        "move": [moving, move],
        "membership": [member.id],
        "membership_change": membership_changes,
        **quotes,
    }
    missing = {name: unlike(values[0]) for name, values in foreign.items()}
    missing |= {
        "cancellation": quote_id("cancel", unlike(booked), {}),
        "move": quote_id("move", unlike(booked), {}),
        "membership_end": quote_id("end-membership", unlike(member.id), {}),
        "invoice_quote": quote_id("pay-invoice", "987654321", {}),
        "membership_pause": quote_id("pause-membership", unlike(member.id), {}),
        "membership_resume": quote_id("resume-membership", unlike(member.id), {}),
    }
    missing |= {"payment": cursor("payment:999999999"), "invoice": cursor("invoice:999999999")}
    missing |= {"visit": cursor(f"appointment:{unlike(visit)}"), "place": cursor(unlike(place))}
    things = Things(
        foreign=foreign, missing=missing, keys=keys, patient=read_id, slot=(await stack.slot(ahead=5))["id"]
    )
    # They are what they seem: their owners, and staff, see every one of them.
    assert (await visitor.ask(documents.HOLD_OF, {"id": live}))["hold"]["id"] == live
    for app, name in ((owner, confirmed), (owner, waiting), (guest, left)):
        assert (await app.checkout(name))["id"] == name
    return things


@pytest.fixture
async def things(stack: Stack) -> Things:
    return await owned(stack)


@pytest.fixture
async def askers(stack: Stack, things: Things) -> AsyncIterator[list[Asker]]:
    """One of each kind."""
    plan = stack.plan("First Visit")
    guest, guests = await (await stack.visitor()).guest_checkout(
        (await stack.slot(ahead=3))["id"], planId=plan
    )
    patient = stack.patient(str(stack.practice["patients"][1]["id"]))
    patients = await patient.own_checkout((await stack.slot(ahead=4))["id"], planId=plan)
    missing = things.missing["checkout"]
    visit = await owners_visit(patient, (await stack.slot("Free Consultation", ahead=10))["id"])
    staff = stack.patient("staff-1", kind=PrincipalKind.STAFF)
    owing = {"patient": await (await a_debtor(stack, 1)).quote()}
    moving = {
        "patient": (await quotes_of(patient, documents.MOVE_QUOTE, visit))[0],
        "staff": (await quotes_of(staff, documents.MOVE_QUOTE, visit))[0],
    }
    apps = {
        "anonymous": (App(http=stack.http), missing),
        "visitor": (await stack.visitor(), missing),
        "guest": (guest, guests),
        "patient": (patient, patients),
        "staff": (staff, missing),
        "operator": (stack.patient("operator-1", kind=PrincipalKind.OPERATOR), missing),
    }
    async with AsyncExitStack() as exits:
        url = await exits.enter_async_context(served(stack.app))
        yield [
            Asker(
                kind=kind,
                app=app,
                socket=await (await exits.enter_async_context(connected(url))).open(app.headers),
                checkout=own,
                stack=stack,
                moving=moving.get(kind),
                owing=owing.get(kind),
            )
            for kind, (app, own) in apps.items()
        ]


async def test_foreign_and_missing_answer_alike_to_everybody_everywhere(
    stack: Stack, things: Things, askers: list[Asker]
) -> None:
    before = await stack.made()
    different = []
    await askers[0].upstream()
    for asker, (place, what) in itertools.product(askers, OWNED.items()):
        foreign = things.foreign[what]
        if (asker.kind, what) in NOT_FOREIGN:
            foreign = [stack.clinician(1)] if what == "patient" else []  # a person, but no patient
        field_name = place.partition("(")[0].partition(".")[2]
        for name in foreign:
            answers, calls = [], []
            for one, key in ((name, things.keys.get((field_name, name))), (things.missing[what], None)):
                answers.append(await asker.everywhere(document(place, things, asker), one, key))
                calls.append(await asker.upstream())
            if answers[0] != answers[1] or calls[0] != calls[1]:
                different.append((asker.kind, place, name, answers, calls))
            if foreign is things.foreign[what] and what not in {"visit", "place"}:
                assert name not in str(answers[0]), place
    assert different == []
    assert await stack.made() == before, "and nothing came of it"


async def test_who_is_not_meant_reaches_nothing(stack: Stack, things: Things, askers: list[Asker]) -> None:
    """Every field that is for some, asked by everybody else: null, or refused, and not a call upstream."""
    before = await stack.made()
    kinds = {str(kind): Caller(principal=Principal(kind=kind, id="")) for kind in PrincipalKind}
    asked = 0
    for (parent, name), who in audiences(build_schema()._schema).items():
        for asker in askers:
            if who.admits(kinds.get(asker.kind)):
                continue
            asked += 1
            await asker.upstream()
            text = document(f"{parent}.{name}()", things, asker, named=False)
            answer = await asker.first(text, key=f"not-meant-{asked}")
            codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
            data = answer.get("data") or {name: None}
            assert data == {name: None}, (asker.kind, text)
            assert set(codes) <= {"FORBIDDEN", "VISITOR_TOKEN_REQUIRED"}, (asker.kind, text)
            assert bool(codes) == (parent in {"Mutation", "Subscription"})
            assert await asker.upstream() == []
    assert asked > 20
    assert await stack.made() == before

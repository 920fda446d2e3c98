"""A Healthie that answers from a table, for tests of the adapters without a server."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2

from booking.catalog.model import BookingPolicy, ContactType
from booking.checkout.model import Checkout
from booking.models import Quote
from booking.money import Money
from booking.slots import Slot
from booking.system_of_record import SystemOfRecord
from integrations.healthie.connect import connect
from integrations.healthie.permissions import OF_CLINICIANS, OF_THE_ORGANIZATION
from integrations.stripe.declines import DECLINES
from integrations.upstream.audit import Answer, Call, LoggedCalls
from tests.doubles.httpx_wire import HttpxWire

ORGANIZATION_KEY = "sample-organization-key"
KEYS = {"11": "sample-key-of-11", "12": "sample-key-of-12"}
NOON = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


def a_membership(**changes: Any) -> dict[str, Any]:
    """What Healthie answers of a member who has every permission that our keys need."""
    needs = (*OF_CLINICIANS, *OF_THE_ORGANIZATION)
    return {need.permission: True for need in needs} | changes


def connection(nodes: list[Any]) -> dict[str, Any]:
    return {"nodes": nodes, "page_info": {"has_next_page": False, "end_cursor": None}}


def a_policy(**changes: Any) -> dict[str, Any]:
    """A practice's policy that lets Healthie charge nothing by itself."""
    return {
        "auto_schedule_charges_for_late_cancellation_no_show": False,
        "charge_for_occurred_appts": False,
        "late_cancellation_fee": None,
        "no_show_fee": None,
    } | changes


# Every key has all permissions, nothing is sold, and Healthie charges nothing by itself, unless a test says otherwise.
DEFAULTS: dict[str, Any] = {
    "Permissions": {"currentUser": {"id": "1", "is_owner": False, "organization_membership": a_membership()}},
    "PermissionsOfMembers": {
        "organizationMemberships": {
            "nodes": [a_membership(user={"id": one, "is_owner": False}) for one in KEYS],
            "page_info": {"has_next_page": False, "end_cursor": None},
        }
    },
    "AutomaticCharges": {
        "currentUser": {"appointment_setting": a_policy()},
        "appointmentTypes": connection([]),
    },
    "PublicCatalog": {
        "offerings": connection([]),
        "appointmentTypes": connection([]),
        "organizationMembers": connection([]),
        "appointmentLocations": connection([]),
        "currentUser": None,
    },
}

Reply = Any  # data, an httpx2.Response, an exception, or a function of the variables that gives one of these


@dataclass(frozen=True)
class Sent:
    operation: str
    variables: dict[str, Any]
    headers: Mapping[str, str]
    document: str
    timeout: Mapping[str, float]

    @property
    def key(self) -> str:
        return self.headers["authorization"].removeprefix("Basic ")

    @property
    def version(self) -> str:
        return self.headers["healthie-graphql-api-version"]


@dataclass
class Script:
    """`answers[operation]` is what comes back, the last of a list for ever."""

    answers: dict[str, Reply] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lists are used up: those that were given serve other tests as well."""
        self.answers = {
            name: list(each) if isinstance(each, list) else each for name, each in self.answers.items()
        }

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        sent = Sent(
            body["operationName"],
            body["variables"],
            request.headers,
            body["query"],
            request.extensions["timeout"],
        )
        self.sent.append(sent)
        reply = self.answers.get(sent.operation)
        if sent.operation == "WhoAmI" and reply is None:
            owner = next((owner for owner, key in KEYS.items() if key == sent.key), None)
            reply = {"currentUser": {"id": owner} if owner else None}
        if sent.operation == "ApiVersion" and reply is None:
            reply = {"currentUser": {"id": "1"}}
        if sent.operation in DEFAULTS and reply is None:
            reply = DEFAULTS[sent.operation]
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        if callable(reply):
            reply = reply(sent.variables)
            if hasattr(reply, "__await__"):
                reply = await reply
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx2.Response):
            return reply
        if reply is None:
            raise AssertionError(f"nobody said what {sent.operation} answers")
        return httpx2.Response(200, json={"data": reply})

    def of(self, operation: str) -> list[Sent]:
        return [each for each in self.sent if each.operation == operation]

    @asynccontextmanager
    async def connected(self, **options: Any) -> AsyncIterator[SystemOfRecord]:
        async with connect(
            url="https://healthie.invalid/graphql",
            organization_key=ORGANIZATION_KEY,
            clinician_keys=options.pop("keys", KEYS),
            declines=DECLINES,
            audit=options.pop("audit", None) or LoggedCalls(),
            digest=str,
            version=options.pop("version", PinnedVersion().used),
            wire=HttpxWire(httpx2.MockTransport(self)),
            **options,
        ) as healthie:
            yield healthie


@dataclass(frozen=True)
class PinnedVersion:
    """One version of the API, whatever is refused."""

    used: str = "2026-01-01"

    async def replace(self, refused: str) -> bool:
        return False


@dataclass
class RecordedCalls:
    """An audit trail in lists."""

    attempts: list[Call] = field(default_factory=list)
    answers: list[tuple[Call, Answer]] = field(default_factory=list)

    async def attempted(self, call: Call) -> None:
        self.attempts.append(call)

    async def answered(self, call: Call, answer: Answer) -> None:
        assert call is self.attempts[-1]
        self.answers.append((call, answer))


def errors(code: str, data: object = None) -> httpx2.Response:
    return httpx2.Response(
        200,
        json={"data": data, "errors": [{"message": "Sample Patient did it", "extensions": {"code": code}}]},
    )


def searched(
    active: list[Any], archived: list[Any] | None = None, *, more: str | None = None
) -> dict[str, Any]:
    """The answer of a search for patients; `more`: a cursor, since there are more active ones than fit on the page."""
    pages = {"active": connection(active), "archived": connection(archived or [])}
    if more:
        pages["active"]["page_info"] = {"has_next_page": True, "end_cursor": more}
    return pages


def usd(amount: str) -> Money:
    return Money.of(Decimal(amount), "USD")


def a_slot(**changes: Any) -> Slot:
    values: dict[str, Any] = {
        "clinician_id": "11",
        "visit_type_id": "70",
        "contact_type": ContactType.VIDEO,
        "location_id": None,
        "start": NOON,
        "minutes": 30,
    }
    return Slot(**(values | changes))


def a_checkout(**changes: Any) -> Checkout:
    quote = Quote(
        plan_id="40",
        visit_type_id="70",
        description="Sample plan",
        list_price=usd("120"),
        discount=usd("20"),
        due_today=usd("100"),
        promo_code="SAMPLE20",
        coupon_id="90",
        recurrence=None,
        policy=BookingPolicy(
            schedule_notice=None, cancel_notice=None, late_cancellation_fee=None, no_show_fee=None
        ),
    )
    values: dict[str, Any] = {
        "id": "checkout-a",
        "owner": "visitor:sample",
        "hold_id": "hold-a",
        "started_by": "visitor:sample",
        "slot": a_slot(),
        "time_zone": "America/New_York",
        "quote": quote,
        "created_at": NOON - timedelta(days=3),
        "updated_at": NOON - timedelta(days=3),
        "patient_id": "501",
        "card_id": "301",
        "attempt": 1,
    }
    return Checkout(**(values | changes))


def a_payment(**changes: Any) -> dict[str, Any]:
    """What Healthie answers for the sample checkout's charge."""
    return {
        "id": "801",
        "state": "SUCCEEDED",
        "amount_paid": "100.00",
        "net_payment": "100.00",
        "currency": "USD",
        "refund_amount": None,
        "is_outside_payment": False,
        "stripe_charge_id": "ch_sample",
        "card_last4": "4242",
        "note": "Booked online. Reference: checkout-a-1",
        "sender_id": "501",
        "sender": {"stripe_customer_details": [{"id": "301", "last_four": "4242"}]},
        "offering_id": "40",
        "requested_payment_id": None,
        "created_at": "2026-11-21 12:00:00 -0500",
        "deleted_at": None,
        "recurring_payment": None,
        "user_package_selection": {"id": "601"},
    } | changes


def charged(
    payment: dict[str, Any] | None, *messages: str, stripe_error: str | None = None
) -> dict[str, Any]:
    return {
        "createBillingItem": {
            "billingItem": payment,
            "messages": [{"field": None, "message": each} for each in messages] or None,
            "stripeError": stripe_error,
        }
    }


def a_listed_visit(**changes: Any) -> dict[str, Any]:
    """What Healthie answers for it in the list of its patient."""
    seats = {"is_group": False, "attended_clients": None, "attendees_on_waitlist": None}
    return a_visit(**seats | changes)


def a_visit(**changes: Any) -> dict[str, Any]:
    """What Healthie answers for the sample checkout's appointment."""
    return {
        "id": "901",
        "date": "2026-11-24 12:00:00 -0500",
        "length": 30,
        "contact_type": "Healthie Video Call",
        "appointment_location_id": None,
        "pm_status": None,
        "deleted_at": None,
        "metadata": '{"frontdoor_checkout": "checkout-a"}',
        "provider": {"id": "11", "full_name": "Dr. Sample Eleven"},
        "user": {"id": "501"},
        "appointment_type": {"id": "70", "name": "Sample visit"},
        "requested_payment": None,
    } | changes

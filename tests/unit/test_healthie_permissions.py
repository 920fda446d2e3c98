"""Permissions of API keys: which refusals are certain, who is told, and what a check finds before a patient does."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from booking.errors import OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import GuestDetails
from booking.sync.drift import DriftFinding, Severity
from booking.system_of_record import SystemOfRecord
from integrations.healthie.permission_check import PermissionCheck
from integrations.healthie.permission_refusals import FORMS, Place, refuses_permission
from integrations.healthie.permissions import OF_CLINICIANS, OF_THE_ORGANIZATION, PERMISSION_OF
from integrations.healthie.readback import READ_BACKS
from integrations.healthie.upstream import UpstreamCheck
from integrations.upstream.errors import NotPermitted
from tests.doubles.healthie_documents import OPERATIONS
from tests.doubles.healthie_script import (
    KEYS,
    NOON,
    Script,
    a_checkout,
    a_membership,
    a_payment,
    a_visit,
    connection,
    errors,
)

SENTENCE = (
    "You don't have permission to perform this operation. Please reach out to support if the problem persists"
)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)


def error(text: str, code: str | None = None, data: object = None) -> dict[str, Any]:
    extensions = {"extensions": {"code": code}} if code else {}
    return {"data": data, "errors": [{"message": text, **extensions}]}


def said(*texts: str, **beside: Any) -> dict[str, Any]:
    return {
        "change": {"record": None, "messages": [{"field": "base", "message": t} for t in texts], **beside}
    }


REFUSALS = {
    "code": error("Sample", "UNAUTHORIZED"),
    "other code": error("Sample", "forbidden"),
    "one word": error("Unauthorized"),
    "null beside it": error("Unauthorized", data={"change": None}),
    "sentence": error(SENTENCE),
    "typographic": error(SENTENCE.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}") + "."),
    "messages": {"data": said(SENTENCE)},
    "both": error(SENTENCE, data=said(SENTENCE)),
}
NO_REFUSALS = {
    "unknown text": error("You may not"),
    "a word of the sentence": error("permission"),
    "another code": error("Unauthorized", "INTERNAL_SERVER_ERROR"),
    "one of two": {"data": None, "errors": [{"message": "Unauthorized"}, {"message": "timeout"}]},
    "one of two messages": {"data": said(SENTENCE, "Sample")},
    "a record beside it": {"data": said(SENTENCE, record={"id": "1"})},
    "a bank beside it": {"data": said(SENTENCE, stripeError="Sample")},
    "errors beside a record": error(SENTENCE, data={"change": {"record": {"id": "1"}, "messages": None}}),
    "the word as a message": {"data": said("Unauthorized")},
    "success": {"data": {"change": {"record": {"id": "1"}, "messages": None}}},
    "nothing": {"data": None},
    "no errors": {"data": None, "errors": []},
    "odd": {"data": {"change": "x"}, "errors": ["Unauthorized"]},
}


class TestForms:
    @pytest.mark.parametrize("body", REFUSALS.values(), ids=REFUSALS)
    def test_a_documented_form_is_a_refusal(self, body: dict[str, Any]) -> None:
        assert refuses_permission(body, mutation=True)

    @pytest.mark.parametrize("body", NO_REFUSALS.values(), ids=NO_REFUSALS)
    def test_anything_else_is_none(self, body: dict[str, Any]) -> None:
        assert not refuses_permission(body, mutation=True)

    def test_data_of_a_read_is_never_one(self) -> None:
        assert not refuses_permission({"data": said(SENTENCE)}, mutation=False)

    def test_each_form_has_its_source_and_stands_once(self) -> None:
        assert all(form.source for form in FORMS)
        assert len({(form.place, form.text) for form in FORMS}) == len(FORMS)
        assert {form.place for form in FORMS} == set(Place)


class TestPermissionOf:
    def test_it_names_operations_that_we_send(self) -> None:
        assert PERMISSION_OF.keys() <= {each.name.value for each in OPERATIONS if each.name}

    def test_every_change_needs_a_permission(self) -> None:
        assert READ_BACKS.keys() <= PERMISSION_OF.keys()

    def test_what_a_change_needs_is_checked_beforehand(self) -> None:
        checked = {need.permission for need in (*OF_CLINICIANS, *OF_THE_ORGANIZATION)}
        assert {PERMISSION_OF[operation] for operation in READ_BACKS} <= checked


GUEST = GuestDetails(
    email="sample.guest@example.com", first_name="Sample", last_name="Guest", phone=None, birth_date=None
)
ROW = a_checkout(appointment_id="901")

Call = Callable[[SystemOfRecord], Awaitable[object]]

CHANGES: dict[str, tuple[str, Call]] = {
    "AttachCard": (
        "11",
        lambda healthie: healthie.cards.attach(
            patient_id="501", token="tok_sample", make_default=False, clinician_id="11"
        ),
    ),
    "Book": ("11", lambda healthie: healthie.scheduling.book(ROW)),
    "Charge": ("11", lambda healthie: healthie.billing.charge(ROW)),
    "CreatePatient": (
        "organization",
        lambda healthie: healthie.patients.create(
            GUEST, clinician_id="11", time_zone="UTC", reference="checkout-a"
        ),
    ),
    "DeleteVisit": ("11", lambda healthie: healthie.scheduling.delete(ROW)),
    "SubscribeWebhook": (
        "organization",
        lambda healthie: healthie.subscriptions.subscribe(
            "https://gateway.example/hook", frozenset({"patient.updated"})
        ),
    ),
}


@pytest.fixture
def script() -> Script:
    return Script(
        answers={"VisitById": {"appointment": a_visit()}, "PaymentById": {"billingItem": a_payment()}}
    )


def in_form(name: str, root: str) -> httpx2.Response:
    body = REFUSALS[name]
    data = body.get("data")
    renamed = {root: data["change"]} if isinstance(data, dict) else data
    return httpx2.Response(200, json={**body, "data": renamed})


class TestChanges:
    @pytest.mark.parametrize("form", REFUSALS)
    @pytest.mark.parametrize("operation", CHANGES)
    async def test_a_refused_permission_is_certain_and_told_by_name(
        self, script: Script, operation: str, form: str
    ) -> None:
        acting, call = CHANGES[operation]
        script.answers[operation] = in_form(form, ROOTS[operation])
        told: list[NotPermitted] = []

        async def tell(refusal: NotPermitted) -> None:
            told.append(refusal)

        async with script.connected(not_permitted=tell) as healthie:
            with pytest.raises(UpstreamRefused) as caught:
                await call(healthie)

        assert caught.value.permission == PERMISSION_OF[operation]
        assert SENTENCE not in str(caught.value)
        assert [(one.acting, one.permission, one.operation) for one in told] == [
            (acting, PERMISSION_OF[operation], operation)
        ]
        assert len(script.of(operation)) == 1

    @pytest.mark.parametrize("operation", ["Book", "Charge", "CreatePatient"])
    async def test_an_unknown_text_leaves_the_outcome_unknown(self, script: Script, operation: str) -> None:
        script.answers[operation] = httpx2.Response(200, json=error("You may not"))

        async with script.connected() as healthie:
            with pytest.raises(OutcomeUnknown):
                await CHANGES[operation][1](healthie)

    @pytest.mark.parametrize(
        "refused",
        [{"message": "Unauthorized"}, {"message": "no", "extensions": {"code": "FORBIDDEN"}}],
    )
    async def test_a_record_of_which_a_part_may_not_be_read_was_made(
        self, script: Script, refused: dict[str, Any]
    ) -> None:
        """GraphQL hands null on to the nearest field that may be null, up to the mutation's own: the charge was made."""
        path = ["createBillingItem", "billingItem", "sender", "stripe_customer_details"]
        answer = {"data": {"createBillingItem": None}, "errors": [refused | {"path": path}]}
        script.answers["Charge"] = httpx2.Response(200, json=answer)
        async with script.connected() as healthie:
            with pytest.raises(OutcomeUnknown):
                await healthie.billing.charge(a_checkout())

    async def test_http_403_is_one_as_well(self, script: Script) -> None:
        script.answers["Book"] = httpx2.Response(403, text="no")

        async with script.connected() as healthie:
            with pytest.raises(UpstreamRefused) as caught:
                await healthie.scheduling.book(ROW)
        assert caught.value.permission == "can_add_own_appointments"

    @pytest.mark.parametrize("reply", [httpx2.Response(401), errors("UNAUTHENTICATED")])
    async def test_a_key_that_is_unknown_is_no_lack_of_permission(
        self, script: Script, reply: httpx2.Response
    ) -> None:
        script.answers["Book"] = reply

        async with script.connected() as healthie:
            with pytest.raises(UpstreamRefused) as caught:
                await healthie.scheduling.book(ROW)
        assert caught.value.permission is None


ROOTS = {
    "AttachCard": "createStripeCustomerDetail",
    "Book": "createAppointment",
    "Charge": "createBillingItem",
    "CreatePatient": "createClient",
    "DeleteVisit": "deleteAppointment",
    "SubscribeWebhook": "createWebhook",
}


async def test_a_refused_read_fails_once_and_is_told(script: Script) -> None:
    script.answers["PaymentsSince"] = httpx2.Response(200, json=error("Unauthorized"))
    told: list[str] = []

    async def tell(refusal: NotPermitted) -> None:
        told.append(refusal.permission)

    async with script.connected(not_permitted=tell) as healthie:
        with pytest.raises(UpstreamUnavailable):
            await healthie.billing.find_charge(ROW, since=NOON)

    assert told == ["can_see_billing"]
    assert len(script.of("PaymentsSince")) == 1


async def test_the_proof_of_a_key_is_about_the_key_and_no_permission(script: Script) -> None:
    script.answers["WhoAmI"] = errors("UNAUTHORIZED")
    told: list[NotPermitted] = []

    async def tell(refusal: NotPermitted) -> None:
        told.append(refusal)

    async with script.connected(not_permitted=tell) as healthie:
        assert await healthie.keys.prove_due() == frozenset()
    assert told == []


def mine(**changes: Any) -> dict[str, Any]:
    return {"currentUser": {"id": "1", "is_owner": False, "organization_membership": a_membership(**changes)}}


def members(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"organizationMemberships": connection(list(nodes))}


def member(clinician_id: str, *, is_owner: bool = False, **changes: Any) -> dict[str, Any]:
    return a_membership(user={"id": clinician_id, "is_owner": is_owner}, **changes)


def check_of(healthie: SystemOfRecord) -> PermissionCheck:
    assert isinstance(healthie.drift, UpstreamCheck)
    return healthie.drift.permissions


async def found(script: Script) -> list[DriftFinding]:
    async with script.connected() as healthie:
        return await check_of(healthie).findings()


class TestCheck:
    async def test_keys_with_all_permissions_are_no_finding_and_cost_two_requests(
        self, script: Script
    ) -> None:
        assert await found(script) == []
        assert [each.operation for each in script.sent] == ["Permissions", "PermissionsOfMembers"]

    async def test_what_a_clinicians_key_lacks_is_named_with_its_severity(self, script: Script) -> None:
        script.answers["PermissionsOfMembers"] = members(
            member("11", can_charge_clients=False), member("12", can_edit_calendar=False)
        )

        assert [(each.severity, each.what) for each in await found(script)] == [
            (
                Severity.BREAKING,
                "The key of clinician 11 lacks can_charge_clients: cards cannot be attached, charged or refunded for their visits, nor paid invoices closed. Grant it to the key's owner in Healthie.",
            ),
            (
                Severity.WARNING,
                "The key of clinician 12 lacks can_edit_calendar: patients cannot cancel or move their visits, and one that must not stand may have to be deleted by hand. Grant it to the key's owner in Healthie.",
            ),
        ]

    @pytest.mark.parametrize("need", OF_THE_ORGANIZATION, ids=lambda need: need.permission)
    async def test_so_is_what_the_organization_key_lacks(self, script: Script, need: Any) -> None:
        script.answers["Permissions"] = mine(**{need.permission: False})

        (finding,) = await found(script)
        assert finding.severity is need.severity
        assert finding.what.startswith(f"The organization key lacks {need.permission}: ")

    @pytest.mark.parametrize(
        "answer",
        [members(), errors("UNAUTHORIZED"), httpx2.Response(200, json=error("Sample"))],
        ids=["not seen", "refused", "failed"],
    )
    async def test_whom_the_organization_key_does_not_see_is_asked_with_their_own(
        self, script: Script, answer: Any
    ) -> None:
        script.answers |= {
            "PermissionsOfMembers": answer,
            "Permissions": [mine(), mine(can_see_billing=False), mine()],
        }

        (finding,) = await found(script)
        assert finding.what.startswith("The key of clinician 11 lacks can_see_billing: ")
        assert [each.key for each in script.of("Permissions")][1:] == [KEYS["11"], KEYS["12"]]

    async def test_a_key_that_is_not_theirs_is_a_warning(self, script: Script) -> None:
        script.answers |= {"PermissionsOfMembers": members(member("12")), "WhoAmI": {"currentUser": None}}

        (finding,) = await found(script)
        assert finding.severity is Severity.WARNING
        assert "clinician 11 is not valid" in finding.what

    async def test_what_cannot_be_read_is_a_note_and_never_raised(self, script: Script) -> None:
        script.answers["Permissions"] = httpx2.Response(200, json=error("Sample text"))

        (finding,) = await found(script)
        assert finding.severity is Severity.NOTE
        assert "Sample" not in finding.what

    async def test_a_member_without_a_membership_is_a_note(self, script: Script) -> None:
        script.answers["Permissions"] = {
            "currentUser": {"id": "1", "is_owner": True, "organization_membership": None}
        }

        (finding,) = await found(script)
        assert (finding.severity, "no membership" in finding.what) == (Severity.NOTE, True)

    async def test_what_the_owner_of_the_practice_lacks_is_a_note(self, script: Script) -> None:
        script.answers["PermissionsOfMembers"] = members(
            member("11", is_owner=True, can_charge_clients=False), member("12")
        )

        (finding,) = await found(script)
        assert finding.severity is Severity.NOTE

    async def test_what_healthie_leaves_open_is_a_note(self, script: Script) -> None:
        script.answers["Permissions"] = mine(can_see_clients=None)

        (finding,) = await found(script)
        assert (finding.severity, "does not say" in finding.what) == (Severity.NOTE, True)

    async def test_many_clinicians_are_asked_for_fifty_at_once(self) -> None:
        keys = {str(number): f"sample-key-{number}" for number in range(100, 220)}
        script = Script(
            answers={
                "PermissionsOfMembers": lambda variables: members(*map(member, variables["user_ids"])),
            }
        )
        async with script.connected(keys=keys) as healthie:
            assert await check_of(healthie).findings() == []
        assert [len(each.variables["user_ids"]) for each in script.of("PermissionsOfMembers")] == [50, 50, 20]

"""What people of the practice read, and what they neither read nor do."""

import sqlite3
from datetime import timedelta

import pytest

from booking.changes.model import ChangeState
from booking.principals import PrincipalKind
from integrations.database.engine import connect_database
from integrations.database.unit_of_work import sql_unit_of_work
from tests.acceptance import documents
from tests.acceptance.app import GUEST, App, Json
from tests.integration.change_samples import a_cancellation, a_reschedule, added_change
from tests.integration.database_samples import NOON, SEALER
from tests.plugins.stack import Stack

PATIENT = f"""query Patient($id: ID!, $first: Int! = 20, $after: String) {{ patient(id: $id) {{
  id firstName lastName email timeZone
  appointments(first: $first, after: $after) {{ totalCount pageInfo {{ endCursor }} nodes {{ {documents.APPOINTMENT} }} }}
}} }}"""
CHECKOUTS = """query Checkouts($state: String, $attention: Boolean! = false, $first: Int! = 20, $after: String) {
  operations { checkouts(state: $state, attention: $attention, first: $first, after: $after) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor }
    nodes { id state attention clinicianId startsAt tries createdAt updatedAt dueAt }
  } }
}"""
CHANGES = """query Changes($state: String, $attention: Boolean! = false, $first: Int! = 20, $after: String) {
  operations { changes(state: $state, attention: $attention, first: $first, after: $after) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor }
    nodes { id kind state attention appointmentId checkoutId clinicianId startsAt tries createdAt updatedAt dueAt }
  } }
}"""


def staff(stack: Stack) -> App:
    return stack.patient("one-of-the-staff", kind=PrincipalKind.STAFF)


def operator(stack: Stack) -> App:
    return stack.patient("one-of-the-operators", kind=PrincipalKind.OPERATOR)


def patient_id(stack: Stack, number: int) -> str:
    return str(stack.practice["patients"][number - 1]["id"])


async def checkouts(app: App, **given: Json) -> Json:
    return (await app.ask(CHECKOUTS, given))["operations"]["checkouts"]


class TestStaff:
    async def test_read_what_a_patient_reads_of_themselves_but_for_the_cards(self, stack: Stack) -> None:
        for number in (1, 2, 3):
            name = patient_id(stack, number)
            own = (await stack.patient(name).ask(documents.ME))["me"]
            seen = (await staff(stack).ask(PATIENT, {"id": name}))["patient"]
            for field in ("id", "firstName", "lastName", "email"):
                assert seen[field] == own[field]
            assert seen["appointments"]["nodes"] == own["appointments"]["nodes"]
        refused = await staff(stack).post(
            "query ($id: ID!) { patient(id: $id) { cards { id } } }", {"id": "1"}
        )
        assert refused.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"

    async def test_page_through_the_visits(self, stack: Stack) -> None:
        given: Json = {"id": patient_id(stack, 3), "first": 1}
        first = (await staff(stack).ask(PATIENT, given))["patient"]["appointments"]
        after = first["pageInfo"]["endCursor"]
        second = (await staff(stack).ask(PATIENT, {**given, "after": after}))["patient"]["appointments"]
        assert first["totalCount"] == second["totalCount"] == 2
        assert first["nodes"] != second["nodes"]

    async def test_find_nobody_who_is_no_patient(self, stack: Stack) -> None:
        for name in (stack.clinician(1), "404"):
            assert (await staff(stack).ask(PATIENT, {"id": name}))["patient"] is None

    async def test_are_named_in_the_audit_of_what_they_read(self, stack: Stack) -> None:
        name = patient_id(stack, 2)
        await staff(stack).ask(PATIENT, {"id": name})
        database = str(stack.settings.database_url).removeprefix("sqlite:///")
        connection = sqlite3.connect(database)
        told = [line for line in connection.iterdump() if "staff:one-of-the-staff" in line]
        connection.close()
        told = [line for line in told if '"kind":"attempted"' in line and "PublicCatalog" not in line]
        assert len(told) == 2, "the record and the visits"
        assert all(name in line for line in told)

    async def test_neither_pay_nor_cancel_nor_hold_for_anybody(self, stack: Stack) -> None:
        guest, checkout_id = await (await stack.visitor()).guest_checkout(
            (await stack.slot("Free Consultation"))["id"]
        )
        slot = await stack.slot("Follow-up Visit")
        attempts: list[tuple[str, Json]] = [
            (documents.CONFIRM, {**guest.accepting(checkout_id), "cardToken": "tok_visa"}),
            (documents.CANCEL, {"checkoutId": checkout_id}),
            (documents.HOLD, {"slotId": slot["id"], "timeZone": "UTC"}),
            (documents.START, {"holdId": "hold_1", "guest": GUEST}),
        ]
        await stack.emulator.control.forget_requests()
        for app in (staff(stack), operator(stack)):
            for number, (document, given) in enumerate(attempts):
                answer = await app.post(document, {"input": given}, key=f"key-{number}")
                assert answer.status_code == 403
                assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
            assert await checkouts_of(app, checkout_id) is None
        assert await stack.upstream() == []
        assert (await guest.checkout(checkout_id))["status"] == "OPEN"


async def checkouts_of(app: App, checkout_id: str) -> Json:
    return (await app.ask("query ($id: ID!) { checkout(id: $id) { id } }", {"id": checkout_id}))["checkout"]


class TestOperators:
    async def test_see_where_checkouts_stand_and_page_through_them(self, stack: Stack) -> None:
        names = []
        for ahead in (3, 4, 5):
            _, name = await (await stack.visitor()).guest_checkout(
                (await stack.slot("Free Consultation", ahead=ahead))["id"]
            )
            names.append(name)
        seen, after = [], None
        for more in (True, True, False):
            page = await checkouts(operator(stack), first=1, after=after)
            assert page["pageInfo"]["hasNextPage"] is more
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            after = page["pageInfo"]["endCursor"]
            assert [edge["cursor"] for edge in page["edges"]] == [after]
            seen += page["nodes"]
        assert [row["id"] for row in seen] == names[::-1], "the latest first"
        assert {row["state"] for row in seen} == {"started"}
        assert {row["clinicianId"] for row in seen} == {stack.clinician(1)}
        assert (await checkouts(operator(stack), state="confirmed"))["nodes"] == []
        assert (await checkouts(operator(stack), attention=True))["nodes"] == []

    async def test_see_where_a_payment_hangs(self, stack: Stack) -> None:
        app = stack.patient(patient_id(stack, 1))
        checkout_id = await app.own_checkout((await stack.slot())["id"], planId=stack.plan("First Visit"))
        await stack.fault("lost_answer", "Charge")
        await app.confirm(checkout_id, cardToken="tok_visa")
        (row,) = (await checkouts(operator(stack)))["nodes"]
        assert (row["id"], row["state"]) == (checkout_id, "charge_intended")
        assert row["dueAt"] is not None

    async def test_see_nothing_of_whose_it_is(self, stack: Stack) -> None:
        name = patient_id(stack, 1)
        app = stack.patient(name)
        checkout_id = await app.own_checkout((await stack.slot("Free Consultation"))["id"])
        guest, _ = await (await stack.visitor()).guest_checkout(
            (await stack.slot("Free Consultation", ahead=4))["id"]
        )
        await app.confirm(checkout_id)
        answer = await operator(stack).post(CHECKOUTS)
        person = [name, *GUEST.values(), guest.headers["Authorization"].split()[1]]
        assert [one for one in person if f'"{one}"' in answer.text] == []
        assert (await operator(stack).ask(PATIENT, {"id": name}))["patient"] is None
        assert (await operator(stack).ask(documents.ME))["me"] is None

    @pytest.mark.parametrize("cursor", ["none", "bm9uZQ==", "MjAyNy0wMS0wNFQxNTowMDowMCBjaGtfMQ=="])
    async def test_go_on_behind_a_cursor_of_this_list_only(self, stack: Stack, cursor: str) -> None:
        for document in (CHECKOUTS, CHANGES):
            error = await operator(stack).error(document, {"after": cursor})
            assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "after"}

    async def test_see_where_changes_of_visits_stand_and_nothing_of_whose_they_are(
        self, stack: Stack
    ) -> None:
        engine = connect_database(stack.settings.database_url)
        units = sql_unit_of_work(engine, SEALER)
        waits = a_cancellation(
            "chg_2",
            state=ChangeState.NEEDS_ATTENTION,
            attention=("refund_failed",),
            reason="A sample reason",
            note="A sample note",
            due_at=None,
            created_at=NOON + timedelta(minutes=1),
        )
        for change in (a_reschedule("chg_1", owner="patient:4711", patient_id="4711"), waits):
            await added_change(units, change.changed(due_at=None))
        await engine.dispose()
        answer = await operator(stack).post(CHANGES)
        assert [one for one in ("4711", "sample", "patient-1") if one in answer.text] == []
        latest, first = answer.json()["data"]["operations"]["changes"]["nodes"]
        assert first | {"id": "chg_2", "kind": "cancellation"} == latest | {
            "state": "open",
            "attention": [],
            "appointmentId": "visit_of_chg_1",
            "createdAt": first["createdAt"],
        }
        assert latest == {
            "id": "chg_2",
            "kind": "cancellation",
            "state": "needs_attention",
            "attention": ["refund_failed"],
            "appointmentId": "visit_of_chg_2",
            "checkoutId": None,
            "clinicianId": "clinician-1",
            "startsAt": latest["startsAt"],
            "tries": 0,
            "createdAt": latest["createdAt"],
            "updatedAt": latest["updatedAt"],
            "dueAt": None,
        }
        for given, names in (
            ({"attention": True}, ["chg_2"]),
            ({"state": "open"}, ["chg_1"]),
            ({"state": "done"}, []),
        ):
            page = (await operator(stack).ask(CHANGES, given))["operations"]["changes"]
            assert [row["id"] for row in page["nodes"]] == names
        page = (await operator(stack).ask(CHANGES, {"first": 1}))["operations"]["changes"]
        assert page["pageInfo"]["hasNextPage"]
        after = page["pageInfo"]["endCursor"]
        page = (await operator(stack).ask(CHANGES, {"after": after}))["operations"]["changes"]
        assert ([row["id"] for row in page["nodes"]], page["pageInfo"]["hasPreviousPage"]) == (
            ["chg_1"],
            True,
        )

    async def test_are_nobody_else(self, stack: Stack) -> None:
        for app in (App(http=stack.http), await stack.visitor(), stack.patient("1"), staff(stack)):
            assert (await app.ask(CHECKOUTS))["operations"] is None
            assert (await app.ask(CHANGES))["operations"] is None

"""The GraphQL fields of cancelling and moving a visit, before a scripted service: what is mapped, kept with a key and refused."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking import refusals
from booking.changes.model import ActionKind, ActionState, ChangeKind, ChangeState
from booking.errors import UpstreamUnavailable
from booking.money import Money
from booking.refusals import NotAllowedReason, Refusal
from booking.stored_names import Unknown
from tests.doubles.booking_ports import NOW
from tests.doubles.change_service import CANCELLATION, MOVE, VISIT_ID, ScriptedChanges, a_change
from tests.integration.graphql_world import Answer, Api, api_on

CHANGE = """{ id kind status endReason appointmentId refunded { amount currency } fee { amount } creditGivenBack recurringStopped
  requestedAt slot { start } newSlot { start } appointment { id status } }"""
CANCEL = f"""mutation Cancel($input: CancelAppointmentInput!) {{
  cancelAppointment(input: $input) {{
    __typename
    ... on CancelAppointmentSuccess {{ change {CHANGE} }}
    ... on AppointmentChangeProcessing {{ change {CHANGE} }}
    ... on CancellationNotAllowed {{ reason until }}
    ... on CancellationQuoteChanged {{ quote {{ id refund {{ amount }} }} }}
    ... on Problem {{ code message retryable }}
  }}
}}"""
MOVING = f"""mutation Move($input: RescheduleAppointmentInput!) {{
  rescheduleAppointment(input: $input) {{
    __typename
    ... on RescheduleAppointmentSuccess {{ change {CHANGE} }}
    ... on AppointmentChangeProcessing {{ change {CHANGE} }}
    ... on RescheduleNotAllowed {{ reason until }}
    ... on RescheduleQuoteChanged {{ quote {{ id until }} }}
    ... on Problem {{ code message retryable }}
  }}
}}"""
CANCELLATION_QUOTE = """query Cost($id: ID!) { cancellationQuote(appointmentId: $id) {
  __typename
  ... on CancellationQuoteSuccess { quote { id appointmentId start late freeUntil refund { amount } kept { amount }
    fee { amount { amount } method } credit stopsRecurring reasonRequired } }
  ... on CancellationNotAllowed { code message reason until }
} }"""
MOVE_QUOTE = """query Move($id: ID!) { rescheduleQuote(appointmentId: $id) {
  __typename
  ... on RescheduleQuoteSuccess { quote { id appointmentId start until movesLeft clinicianId otherClinicians visitTypeId } }
  ... on RescheduleNotAllowed { code message reason until }
} }"""
CHANGE_OF = f"query ChangeOf($id: ID!) {{ appointmentChange(id: $id) {CHANGE} }}"
REASONS = "query { cancellationReasons { id text } }"


@pytest.fixture
def changes() -> ScriptedChanges:
    return ScriptedChanges()


@pytest.fixture
async def api(sqlite_engine: AsyncEngine, changes: ScriptedChanges) -> AsyncIterator[Api]:
    async with api_on(sqlite_engine, changes=changes) as one:
        yield one.patient()


async def cancel(app: Api, *, key: str | None = None, **given: Any) -> Answer:
    return await app.do(CANCEL, key=key, quoteId=CANCELLATION.id, **given)


async def move(app: Api, *, key: str | None = None, **given: Any) -> Answer:
    return await app.do(MOVING, key=key, quoteId=MOVE.id, **{"holdId": "hld_sample", **given})


async def test_a_quote_says_what_cancelling_does(api: Api) -> None:
    assert (await api.ask(CANCELLATION_QUOTE, {"id": VISIT_ID})).data["quote"] == {
        "id": CANCELLATION.id,
        "appointmentId": VISIT_ID,
        "start": "2026-06-02T15:00:00+00:00",
        "late": True,
        "freeUntil": (NOW - timedelta(hours=1)).isoformat(),
        "refund": {"amount": "112.50"},
        "kept": {"amount": "37.50"},
        "fee": {"amount": {"amount": "25.00"}, "method": "CHARGED"},
        "credit": None,
        "stopsRecurring": False,
        "reasonRequired": True,
    }


async def test_a_quote_says_what_moving_means(api: Api) -> None:
    assert (await api.ask(MOVE_QUOTE, {"id": VISIT_ID})).data["quote"] == {
        "id": MOVE.id,
        "appointmentId": VISIT_ID,
        "start": "2026-06-02T15:00:00+00:00",
        "until": (NOW + timedelta(hours=20)).isoformat(),
        "movesLeft": 2,
        "clinicianId": "c1",
        "otherClinicians": False,
        "visitTypeId": "v-priced",
    }


@pytest.mark.parametrize("document", [CANCELLATION_QUOTE, MOVE_QUOTE, CHANGE_OF])
async def test_a_visit_and_a_change_that_are_not_there_are_null(api: Api, document: str) -> None:
    assert (await api.ask(document, {"id": "a-none"})).data is None


@pytest.mark.parametrize("document", [CANCELLATION_QUOTE, MOVE_QUOTE, CHANGE_OF])
async def test_an_id_that_is_none_is_the_callers_mistake(api: Api, document: str) -> None:
    assert (await api.ask(document, {"id": "not an id"})).code == "BAD_USER_INPUT"


async def test_why_there_is_no_quote_is_typed_and_may_be_the_practices_words(
    api: Api, changes: ScriptedChanges
) -> None:
    words = "Please call us: 555-0100."
    changes.quotes["cancel"] = refusals.CancellationNotAllowed(
        NotAllowedReason.TOO_LATE, until=NOW, message=words
    )
    changes.quotes["move"] = refusals.RescheduleNotAllowed(NotAllowedReason.MOVED_TOO_OFTEN)
    assert (await api.ask(CANCELLATION_QUOTE, {"id": VISIT_ID})).data == {
        "__typename": "CancellationNotAllowed",
        "code": "CANCELLATION_NOT_ALLOWED",
        "message": words,
        "reason": "TOO_LATE",
        "until": NOW.isoformat(),
    }
    told = (await api.ask(MOVE_QUOTE, {"id": VISIT_ID})).data
    assert (told["__typename"], told["reason"], told["until"]) == (
        "RescheduleNotAllowed",
        "MOVED_TOO_OFTEN",
        None,
    )


async def test_the_practices_reasons_are_listed(api: Api) -> None:
    assert (await api.ask(REASONS)).data == [{"id": "r1", "text": "Feeling better"}]


async def test_a_cancellation_answers_what_was_given_back_and_charged_and_the_visit_as_it_stands(
    api: Api, changes: ScriptedChanges
) -> None:
    changes.outcomes = [a_change()]
    told = (await cancel(api, reason="  I am better.  ", reasonId="r1")).data
    assert changes.asked == [
        {"quote_id": CANCELLATION.id, "reason": "I am better.", "reason_id": "r1", "note": None}
    ]
    assert told == {
        "__typename": "CancelAppointmentSuccess",
        "change": {
            "id": "chg_sample",
            "kind": "CANCELLATION",
            "status": "DONE",
            "endReason": None,
            "appointmentId": VISIT_ID,
            "refunded": {"amount": "112.50", "currency": "USD"},
            "fee": {"amount": "25.00"},
            "creditGivenBack": False,
            "recurringStopped": False,
            "requestedAt": NOW.isoformat(),
            "slot": {"start": "2026-06-02T11:00:00-04:00"},
            "newSlot": None,
            "appointment": {"id": VISIT_ID, "status": "CANCELLED"},
        },
    }


async def test_a_move_to_another_clinician_names_the_new_visit(api: Api, changes: ScriptedChanges) -> None:
    changes.outcomes = [a_change(ChangeKind.RESCHEDULE, new_appointment_id="a-new")]
    told = (await move(api)).data
    assert changes.asked == [{"quote_id": MOVE.id, "hold_id": "hld_sample", "note": None}]
    assert told["__typename"] == "RescheduleAppointmentSuccess"
    change = told["change"]
    assert (change["kind"], change["appointmentId"]) == ("RESCHEDULE", "a-new")
    assert (change["slot"]["start"], change["newSlot"]["start"]) == (
        "2026-06-02T11:00:00-04:00",
        "2026-06-02T15:00:00-04:00",
    )
    assert (change["refunded"], change["fee"]) == (None, None)


@pytest.mark.parametrize("field", [cancel, move])
async def test_an_outcome_that_is_not_known_is_asked_for_again_with_the_same_key(
    api: Api, changes: ScriptedChanges, field: Any
) -> None:
    kind = ChangeKind.CANCELLATION if field is cancel else ChangeKind.RESCHEDULE
    waiting = a_change(kind, state=ChangeState.OPEN)
    changes.outcomes = [waiting, waiting, a_change(kind)]
    for status in ("PROCESSING", "PROCESSING"):
        told = (await field(api, key="one")).data
        assert told["__typename"] == "AppointmentChangeProcessing"
        assert told["change"]["status"] == status
    assert (await field(api, key="one")).data["__typename"].endswith("Success")
    again = await field(api, key="one")
    assert again.http.headers["Idempotent-Replayed"] == "true"
    assert again.data["change"]["status"] == "DONE"
    assert len(changes.asked) == 3, "a replay asks the service for nothing"


async def test_what_a_person_looks_after_is_not_called_a_success(api: Api, changes: ScriptedChanges) -> None:
    done = a_change()
    refund = dataclasses.replace(done.actions[1], state=ActionState.FAILED)
    changes.outcomes = [
        dataclasses.replace(
            done, state=ChangeState.NEEDS_ATTENTION, actions=(done.actions[0], refund, done.actions[2])
        )
    ]
    told = (await cancel(api)).data
    assert told["__typename"] == "AppointmentChangeProcessing"
    assert (told["change"]["status"], told["change"]["refunded"]) == ("NEEDS_ATTENTION", None)


async def test_a_change_says_done_although_the_visit_cannot_be_read(
    api: Api, changes: ScriptedChanges
) -> None:
    changes.outcomes, changes.now = [a_change()], UpstreamUnavailable("sample")
    told = (await cancel(api)).data
    assert (told["change"]["status"], told["change"]["appointment"]) == ("DONE", None)


SAMPLES: dict[type[Refusal], Refusal] = {
    refusals.CancellationNotAllowed: refusals.CancellationNotAllowed(NotAllowedReason.OVER),
    refusals.RescheduleNotAllowed: refusals.RescheduleNotAllowed(NotAllowedReason.NOT_ONLINE),
    refusals.CancellationQuoteChanged: refusals.CancellationQuoteChanged(CANCELLATION),
    refusals.RescheduleQuoteChanged: refusals.RescheduleQuoteChanged(MOVE),
    refusals.TooLateToBook: refusals.TooLateToBook(NOW),
}
OF_CANCELLING = (
    refusals.CancellationNotAllowed,
    refusals.CancellationQuoteChanged,
    refusals.CancellationReasonRequired,
    refusals.ClinicianNotBookable,
    refusals.ChangeInProgress,
    refusals.ChangedByPractice,
    refusals.ChangeFailed,
)
OF_MOVING = (
    refusals.RescheduleNotAllowed,
    refusals.RescheduleQuoteChanged,
    refusals.HoldExpired,
    refusals.HoldInCheckout,
    refusals.SlotDoesNotFit,
    refusals.SlotTaken,
    refusals.TooLateToBook,
    refusals.ClinicianNotBookable,
    refusals.ChangeInProgress,
    refusals.ChangedByPractice,
    refusals.ChangeFailed,
)


@pytest.mark.parametrize(
    ("field", "kind"),
    [*((cancel, kind) for kind in OF_CANCELLING), *((move, kind) for kind in OF_MOVING)],
    ids=lambda one: one.__name__,
)
async def test_every_refusal_is_a_problem_and_is_told_again_to_the_same_key(
    api: Api, changes: ScriptedChanges, field: Any, kind: type[Refusal]
) -> None:
    refusal = SAMPLES.get(kind) or kind()
    changes.outcomes = [refusal]
    told = (await field(api, key="one")).data
    assert (told["__typename"], told["code"], told["message"]) == (
        kind.__name__,
        refusal.code,
        refusal.message,
    )
    again = await field(api, key="one")
    assert again.http.headers["Idempotent-Replayed"] == "true"
    assert again.data == told
    assert len(changes.asked) == 1


async def test_a_replayed_change_of_a_quote_tells_the_present_one(api: Api, changes: ScriptedChanges) -> None:
    changes.outcomes = [refusals.CancellationQuoteChanged(CANCELLATION)]
    assert (await cancel(api, key="one")).data["quote"]["refund"] == {"amount": "112.50"}
    later = dataclasses.replace(CANCELLATION, refund=Money.of("75.00", "USD"))
    changes.quotes["cancel"] = later
    again = (await cancel(api, key="one")).data
    assert again["quote"] == {"id": later.id, "refund": {"amount": "75.00"}}
    changes.quotes["cancel"] = refusals.CancellationNotAllowed(NotAllowedReason.OVER)
    assert (await cancel(api, key="one")).data["__typename"] == "CancellationNotAllowed"


@pytest.mark.parametrize(
    ("field", "given", "named"),
    [
        (cancel, {"reason": "a\u0007b"}, "reason"),
        (cancel, {"reason": "x" * 501}, "reason"),
        (cancel, {"reasonId": "no id"}, "reasonId"),
        (cancel, {"note": "Sample note"}, "note"),
        (move, {"holdId": ""}, "holdId"),
        (move, {"holdId": "a hold"}, "holdId"),
        (move, {"note": "Sample note"}, "note"),
    ],
)
async def test_bad_input_reaches_no_service_and_leaves_the_key_free(
    api: Api, changes: ScriptedChanges, field: Any, given: dict[str, str], named: str
) -> None:
    refused = await field(api, key="one", **given)
    assert refused.code == "BAD_USER_INPUT"
    assert refused.body["errors"][0]["extensions"]["field"] == named
    assert not any(value in refused.http.text for value in given.values() if value)
    assert changes.asked == []
    changes.outcomes = [a_change()]
    assert (await field(api, key="one")).data["__typename"].endswith("Success")


@pytest.mark.parametrize("field", [cancel, move])
async def test_staff_say_why_and_their_note_is_passed_on(
    api: Api, changes: ScriptedChanges, field: Any
) -> None:
    staff = api.staff()
    for note in ({}, {"note": " "}):
        assert (await field(staff, **note)).code == "BAD_USER_INPUT"
    assert changes.asked == []
    changes.outcomes = [a_change()]
    assert (await field(staff, note="The clinician is ill.")).data["__typename"].endswith("Success")
    assert [one["note"] for one in changes.asked] == ["The clinician is ill."]


@pytest.mark.parametrize("document", [CANCEL, MOVING])
async def test_without_a_key_or_beside_another_mutation_nothing_is_asked(
    api: Api, changes: ScriptedChanges, document: str
) -> None:
    given: dict[str, Any] = {"quoteId": CANCELLATION.id}
    if document is MOVING:
        given = {"quoteId": MOVE.id, "holdId": "hld_sample"}
    assert (await api.ask(document, {"input": given})).code == "IDEMPOTENCY_KEY_REQUIRED"
    twice = """mutation Twice($one: CancelAppointmentInput!, $two: CancelAppointmentInput!) {
      a: cancelAppointment(input: $one) { __typename } b: cancelAppointment(input: $two) { __typename } }"""
    both = {"one": {"quoteId": CANCELLATION.id}, "two": {"quoteId": CANCELLATION.id}}
    refused = await api.ask(twice, both, headers={"Idempotency-Key": "one"})
    assert refused.code == "ONE_MUTATION_PER_REQUEST"
    assert changes.asked == []


async def test_a_stranger_may_ask_for_none_of_it(api: Api, changes: ScriptedChanges) -> None:
    stranger = api.visitor()
    for field in (cancel, move):
        assert (await field(stranger)).code == "FORBIDDEN"
    for document in (CANCELLATION_QUOTE, MOVE_QUOTE, CHANGE_OF):
        assert (await stranger.ask(document, {"id": VISIT_ID})).data is None
    assert (await stranger.ask(REASONS)).data is None
    assert changes.asked == []


async def test_a_change_is_its_owners_to_look_at(api: Api, changes: ScriptedChanges) -> None:
    changes.rows["chg_sample"] = a_change()
    assert (await api.ask(CHANGE_OF, {"id": "chg_sample"})).data["status"] == "DONE"
    assert (await api.patient("p-other").ask(CHANGE_OF, {"id": "chg_sample"})).data is None


async def test_a_state_of_a_newer_version_is_under_way_and_a_kind_of_one_is_asked_for_later(
    api: Api, changes: ScriptedChanges
) -> None:
    changes.rows["chg_sample"] = a_change(state=Unknown("of_tomorrow"), end_reason=Unknown("of_tomorrow"))
    told = (await api.ask(CHANGE_OF, {"id": "chg_sample"})).data
    assert (told["status"], told["endReason"]) == ("PROCESSING", None)
    changes.rows["chg_sample"] = dataclasses.replace(a_change(), kind=Unknown("of_tomorrow"))
    assert (await api.ask(CHANGE_OF, {"id": "chg_sample"})).code == "OUTCOME_UNKNOWN"


async def test_what_is_not_done_yet_is_not_told_as_done(api: Api, changes: ScriptedChanges) -> None:
    done = a_change()
    begun = done.with_action(1, state=ActionState.INTENDED).with_action(2, state=ActionState.PENDING)
    changes.rows["chg_sample"] = dataclasses.replace(begun, state=ChangeState.OPEN)
    told = (await api.ask(CHANGE_OF, {"id": "chg_sample"})).data
    assert (told["refunded"], told["fee"], told["creditGivenBack"]) == (None, None, False)
    credit = dataclasses.replace(done.actions[1], kind=ActionKind.READ_CREDIT, amount=None)
    changes.rows["chg_sample"] = dataclasses.replace(done, actions=(done.actions[0], credit))
    assert (await api.ask(CHANGE_OF, {"id": "chg_sample"})).data["creditGivenBack"] is True

"""Whatever Healthie may write without breaking its schema is read; where it breaks it, no finished change is lost."""

import contextlib
import inspect
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_type_hints

import httpx2
import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    OperationDefinitionNode,
    OperationType,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from booking.checkout.model import Attempt
from booking.errors import OutcomeUnknown, UpstreamUnavailable
from booking.system_of_record import SystemOfRecord
from integrations.healthie.contract import contract_schema, operations
from integrations.healthie.decoding import SKIPPING, decode
from integrations.healthie.generated.client import Client
from integrations.upstream.errors import CallError
from integrations.upstream.transport import Reply, Request
from tests.doubles.healthie_mutations import AS_ASKED, CALLS
from tests.doubles.healthie_script import NOON, Script, a_checkout, a_payment, connection, errors

SCHEMA = contract_schema()
DOCUMENT = operations()
FRAGMENTS = {
    each.name.value: each for each in DOCUMENT.definitions if isinstance(each, FragmentDefinitionNode)
}
OPERATIONS = {
    each.name.value: each
    for each in DOCUMENT.definitions
    if isinstance(each, OperationDefinitionNode) and each.name
}
MODELS = {
    (model := get_type_hints(method)["return"]).__name__: model
    for method in vars(Client).values()
    if inspect.iscoroutinefunction(method)
}

moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)).flatmap(  # noqa: DTZ001
    lambda naive: st.sampled_from([-7, -4, 0, 5]).map(
        lambda hours: naive.replace(microsecond=0, tzinfo=timezone(timedelta(hours=hours)))
    )
)
written = st.one_of(
    moments.map(lambda at: at.isoformat()),
    moments.map(lambda at: at.strftime("%Y-%m-%d %H:%M:%S %z")),
    moments.map(lambda at: f"{at:%Y-%m-%d %H:%M:%S} EDT {at.isoformat()[-6:]}"),
    moments.map(lambda at: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
)
numbers = st.integers(min_value=0, max_value=2**31 - 1)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "ID": st.one_of(numbers, numbers.map(str)),
    "String": st.one_of(st.text(max_size=5), numbers),
    "Int": numbers,
    "Boolean": st.booleans(),
    "Float": st.floats(allow_nan=False, allow_infinity=False),
    "ISO8601Date": moments.map(lambda at: at.date().isoformat()),
    "ISO8601DateTime": written,
    "JSON": st.one_of(st.none(), st.just({"a": 1}), st.just('{"a": 1}'), st.text(max_size=5)),
    "Cursor": st.text(max_size=5),
}
extras = st.dictionaries(st.just("novelty"), st.one_of(st.none(), st.integers(), st.just({"deep": [1]})))


def values(kind: Any, node: FieldNode) -> st.SearchStrategy[Any]:
    """What may stand at a place of this type: nothing where that is allowed, numbers for ids, enum values of tomorrow."""
    if isinstance(kind, GraphQLNonNull):
        return present(kind.of_type, node)
    return st.one_of(st.none(), present(kind, node))


def present(kind: Any, node: FieldNode) -> st.SearchStrategy[Any]:
    if isinstance(kind, GraphQLList):
        return st.lists(values(kind.of_type, node), max_size=2)
    if isinstance(kind, GraphQLEnumType):
        return st.sampled_from([*kind.values, "NOVELTY"])
    if isinstance(kind, GraphQLScalarType):
        return SCALARS[kind.name]
    return answers(kind, node)


def answers(kind: Any, node: Any) -> st.SearchStrategy[Any]:
    """Any answer to a selection, with more in it than was asked for."""
    chosen = {
        (field.alias or field.name).value: values(kind.fields[field.name.value].type, field)
        for field in fields(node)
    }
    return st.builds(lambda more, asked: more | asked, extras, st.fixed_dictionaries(chosen))


def fields(node: Any) -> list[FieldNode]:
    found: list[FieldNode] = []
    for each in node.selection_set.selections:
        found += fields(FRAGMENTS[each.name.value]) if isinstance(each, FragmentSpreadNode) else [each]
    return found


def request(name: str) -> Request:
    mutation = OPERATIONS[name].operation is OperationType.MUTATION
    return Request(operation=name, mutation=mutation, kind="any", variables={}, timeout=1, budget=1)


def test_every_operation_has_its_model() -> None:
    assert MODELS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_whatever_the_schema_allows_is_read(name: str, data: st.DataObject) -> None:
    operation = OPERATIONS[name]
    root = SCHEMA.get_root_type(operation.operation)
    answer = data.draw(answers(root, operation))

    decoded = decode(MODELS[name], request(name), Reply(status=200, data=answer))

    assert not isinstance(decoded, CallError), decoded


READS: dict[str, Callable[[SystemOfRecord], Awaitable[object]]] = {
    "PublicCatalog": lambda healthie: healthie.catalog.catalog(),
    "Cards": lambda healthie: healthie.cards.on_file("501"),
    "Patient": lambda healthie: healthie.patients.profile("501"),
    "VisitsOfPatient": lambda healthie: healthie.patients.appointments("501"),
    "VisitsBetween": lambda healthie: healthie.scheduling.find_all(a_checkout()),
    "PaymentsSince": lambda healthie: healthie.billing.late_charges(
        a_checkout(attempts=(Attempt(number=1, card_id="301", intended_at=NOON),)), known=frozenset()
    ),
}


def last(answer: Any) -> Any:
    """The same answer without further pages."""
    if isinstance(answer, dict):
        inner = {name: last(value) for name, value in answer.items()}
        return inner | ({"has_next_page": False} if "has_next_page" in answer else {})
    return [last(each) for each in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize("name", READS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
async def test_an_adapter_answers_whatever_the_schema_allows_or_says_that_it_cannot(
    name: str, data: st.DataObject
) -> None:
    answer = last(data.draw(answers(SCHEMA.query_type, OPERATIONS[name])))
    async with Script(answers={name: answer}).connected() as healthie:
        with contextlib.suppress(UpstreamUnavailable):
            await READS[name](healthie)


def strange(answer: Any, data: st.DataObject) -> Any:
    """An answer that means the same, written as another day's Healthie might."""
    if isinstance(answer, dict):
        return {name: strange(value, data) for name, value in answer.items()} | data.draw(extras)
    if isinstance(answer, list):
        return [strange(each, data) for each in answer]
    if isinstance(answer, str) and answer.isdigit() and not answer.startswith("0"):
        return data.draw(st.sampled_from([answer, int(answer)]))
    if answer == "2026-11-24 12:00:00 -0500":
        forms = [
            "2026-11-24T12:00:00-05:00",
            "2026-11-24 12:00:00 EST -05:00",
            "2026-11-24T17:00:00Z",
            answer,
        ]
        return data.draw(st.sampled_from(forms))
    return answer


@pytest.mark.parametrize("operation", CALLS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
async def test_a_change_that_was_made_is_known_however_it_is_written(
    operation: str, data: st.DataObject
) -> None:
    told = {name: _each(answer, data) for name, answer in AS_ASKED[operation].items()}
    async with Script(answers=told).connected() as healthie:
        await CALLS[operation](healthie)


def _each(answer: Any, data: st.DataObject) -> Any:
    return [strange(one, data) for one in answer] if isinstance(answer, list) else strange(answer, data)


BROKEN_MESSAGES = [{"field": None, "message": None}]
PERSON = {"timezone": None, "dietitian_id": None, "is_patient": True}

# A change that was made, in an answer that is no answer of the schema's, and what is looked up because of it.
UNREADABLE: dict[str, tuple[Any, dict[str, Any]]] = {
    "Charge": (
        {"createBillingItem": {"billingItem": {"id": 801, "created_at": "soon"}, "messages": None}},
        {"PaymentById": {"billingItem": a_payment()}},
    ),
    "Refund": ({"updateBillingItem": {"messages": BROKEN_MESSAGES}}, {}),
    "CancelRecurring": ({"cancelRecurringPayment": {"messages": BROKEN_MESSAGES}}, {}),
    "SetRecurringPaused": ({"updateBillingItem": {"messages": BROKEN_MESSAGES}}, {}),
    "CloseInvoice": (
        {"updateRequestedPayment": {"requested_payment": {"id": "77"}, "messages": BROKEN_MESSAGES}},
        {},
    ),
    "AttachCard": (
        {"createStripeCustomerDetail": {"stripe_customer_detail": {"id": "301", "expiration": "soon"}}},
        {
            "Cards": {
                "stripeCustomerDetails": connection(
                    [
                        AS_ASKED["AttachCard"]["AttachCard"]["createStripeCustomerDetail"][
                            "stripe_customer_detail"
                        ]
                    ]
                )
            }
        },
    ),
    "CreatePatient": (
        {"createClient": {"user": {"id": "501"}, "messages": None}},
        {"Patient": {"user": AS_ASKED["CreatePatient"]["CreatePatient"]["createClient"]["user"] | PERSON}},
    ),
    "Book": ({"createAppointment": {"appointment": {"id": "901"}, "messages": BROKEN_MESSAGES}}, {}),
    "DeleteVisit": ({"deleteAppointment": "gone"}, {}),
    "CancelVisit": ({"updateAppointment": {"messages": BROKEN_MESSAGES}}, {}),
    "MoveVisit": ({"updateAppointment": "moved"}, {}),
    "SubscribeWebhook": ({"createWebhook": {"webhook": {"id": "1001"}, "messages": BROKEN_MESSAGES}}, {}),
    "EnableWebhook": ({"updateWebhook": {"messages": BROKEN_MESSAGES}}, {}),
}


@pytest.mark.parametrize("operation", CALLS)
async def test_a_change_whose_answer_cannot_be_read_is_looked_up_at_once_and_sent_once(
    operation: str,
) -> None:
    answer, looked_up = UNREADABLE[operation]
    script = Script(answers=AS_ASKED[operation] | looked_up | {operation: answer})
    async with script.connected() as healthie:
        await CALLS[operation](healthie)

    assert len(script.of(operation)) == 1


@pytest.mark.parametrize("operation", ["Charge", "AttachCard", "CreatePatient", "Book"])
@pytest.mark.parametrize(
    "found", [httpx2.Response(502), {}, errors("TOO_MANY_REQUESTS")], ids=["5xx", "{}", "429"]
)
async def test_what_the_look_does_not_show_stays_unknown(
    operation: str, found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)
    answer, looked_up = UNREADABLE[operation]
    looks = dict.fromkeys(looked_up or ["VisitById"], found)
    async with Script(answers=looks | {operation: answer}).connected() as healthie:
        with pytest.raises(OutcomeUnknown):
            await CALLS[operation](healthie)


@pytest.mark.parametrize("operation", ["Charge", "AttachCard", "CreatePatient", "Book"])
async def test_without_an_id_to_look_by_it_stays_unknown(operation: str) -> None:
    (payload,) = UNREADABLE[operation][0]
    answer = {payload: {"messages": BROKEN_MESSAGES}}
    looks: dict[str, Any] = {"Cards": {"stripeCustomerDetails": connection([])}}
    async with Script(answers=looks | {operation: answer}).connected() as healthie:
        with pytest.raises(OutcomeUnknown):
            await CALLS[operation](healthie)


async def test_errors_beside_a_record_are_looked_into_at_once() -> None:
    partial = {"createBillingItem": {"billingItem": {"id": "801"}, "messages": None, "stripeError": None}}
    answers = {
        "Charge": errors("INTERNAL_SERVER_ERROR", data=partial),
        "PaymentById": {"billingItem": a_payment()},
    }
    async with Script(answers=answers).connected() as healthie:
        charge = await healthie.billing.charge(a_checkout())

    assert charge.billing_item_id == "801"


async def test_another_patients_record_is_not_taken_for_the_answers() -> None:
    answer, _ = UNREADABLE["Charge"]
    other = {"billingItem": a_payment(sender_id="502")}
    async with Script(answers={"Charge": answer, "PaymentById": other}).connected() as healthie:
        with pytest.raises(OutcomeUnknown):
            await healthie.billing.charge(a_checkout())


class TestSkipping:
    """A record that cannot be read is left out where nothing wrong follows, and nowhere else."""

    CARD = AS_ASKED["AttachCard"]["AttachCard"]["createStripeCustomerDetail"]["stripe_customer_detail"]

    async def test_a_strange_card_leaves_the_others_to_be_chosen_and_is_said(self) -> None:
        cards = [
            self.CARD,
            self.CARD | {"id": None},
            self.CARD | {"id": "302"},
            self.CARD | {"expiration": "x"},
        ]
        script = Script(answers={"Cards": {"stripeCustomerDetails": connection(cards)}})
        async with script.connected() as healthie:
            with capture_logs() as logs:
                found = await healthie.cards.on_file("501")

        assert [card.id for card in found] == ["301", "302"]
        (said,) = [each for each in logs if each["event"] == "healthie.records_skipped"]
        assert said["operation"] == "Cards"
        assert "4242" not in str(said)

    async def test_what_is_strange_outside_of_every_record_is_not_skipped(self) -> None:
        script = Script(answers={"Cards": {"stripeCustomerDetails": {"nodes": [], "page_info": None}}})
        async with script.connected() as healthie:
            with pytest.raises(UpstreamUnavailable):
                await healthie.cards.on_file("501")

    @pytest.mark.parametrize("name", ["PaymentsSince", "VisitsBetween", "VisitsOfPatient", "PatientsByEmail"])
    def test_where_a_missing_record_would_be_believed_nothing_is_skipped(self, name: str) -> None:
        assert name not in SKIPPING

    async def test_a_strange_payment_keeps_the_look_for_a_charge_from_an_answer(self) -> None:
        pages = {"by_client": connection([a_payment(created_at="soon")]), "by_user": connection([])}
        checkout = a_checkout()
        async with Script(answers={"PaymentsSince": pages}).connected() as healthie:
            with pytest.raises(UpstreamUnavailable):
                await healthie.billing.find_charge(checkout, since=checkout.created_at)

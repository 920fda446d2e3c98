"""Stored outcomes of mutations, told again by another version than the one that stored them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLError

from booking.checkout.model import CheckoutState
from booking.errors import UnknownState
from booking.refusals import DeclineReason as Declined
from booking.stored_names import Unknown
from gateway.errors import explain
from resolvers.checkouts import to_end_status, to_status
from resolvers.outcomes import recall, reference_of
from schema.checkouts import CheckoutStatus, DeclineReason
from schema.problems import CardDeclined
from tests.integration.database_samples import a_checkout

# What is told here is read from nowhere.
NOTHING: Any = SimpleNamespace()

DECLINED = CardDeclined(
    code="CARD_DECLINED", message="Sample.", retryable=True, reason=DeclineReason.CARD_EXPIRED
)


async def test_a_problem_is_told_again_and_more_parts_of_it_are_passed_over() -> None:
    reference = dict(reference_of(DECLINED) or {})
    reference["fields"] |= {"of_tomorrow": 7}
    assert await recall(reference, NOTHING) == DECLINED


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "ProblemOfTomorrow"},
        {"fields": {"code": "CARD_DECLINED"}},
        {"fields": {"reason": {"enum": "DeclineReason", "name": "OF_TOMORROW"}}},
        {"fields": {"reason": {"enum": "OfTomorrow", "name": "ANY"}}},
    ],
)
async def test_what_only_a_newer_version_can_tell_is_to_be_asked_for_again(changed: dict[str, Any]) -> None:
    reference = {**(reference_of(DECLINED) or {}), **changed}
    with pytest.raises(UnknownState) as caught:
        await recall(reference, NOTHING)
    told = explain(GraphQLError("", original_error=caught.value, path=["confirmCheckout"]), request_id="r")
    assert (told.code, told.extensions["retryable"]) == ("OUTCOME_UNKNOWN", True)


def test_a_state_of_a_newer_version_is_under_way_to_its_patient() -> None:
    row = replace(a_checkout(), state=Unknown("of_tomorrow"))
    assert to_status(row) is CheckoutStatus.PROCESSING
    assert to_end_status("of_tomorrow") is CheckoutStatus.PROCESSING
    assert to_end_status(CheckoutState.REFUNDED) is CheckoutStatus.REFUNDED


def test_every_reason_of_a_decline_is_one_that_patients_are_told() -> None:
    assert {one.name for one in Declined} == {one.name for one in DeclineReason}

"""The next version of this program, as far as what it stores goes: `python -m tests.doubles.next_version serve`, or `worker`.

It is this one, with a state, reasons, an event and parts of documents that this one does not know. So two versions can run on one
database, and this one be the version before.

A confirmed checkout waits for a review first: at a worker that has REVIEWS in its environment it passes, at all others it waits on.
"""

import os
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from booking.checkout.model import Checkout

UNDER_REVIEW = "under_review"  # a state
UNDER_REVIEW_EVENT = "checkout.under_review"
WANTS_A_LOOK = "wants_a_look"  # a reason for a person
LEFT_BY_TELEPHONE = "left_by_telephone"  # a reason of an end
PARTS = {"of_tomorrow": {"terms": 7}}  # of a quote
REVIEWS = "FRONTDOOR_TEST_REVIEWS"


def new_member(kind: type[StrEnum], name: str, text: str) -> Any:
    """Give an enumeration another member, as a release would."""
    member = str.__new__(kind, text)
    member._name_, member._value_ = name, text
    setattr(kind, name, member)
    kind._member_names_.append(name)
    kind._member_map_[name] = kind._value2member_map_[text] = member
    return member


def become_the_next_version() -> None:
    """Change the program before the rest of it is loaded: what is made of these names when it loads is made of the new ones, too."""
    from booking.checkout import model  # noqa: PLC0415
    from booking.events import model as events  # noqa: PLC0415
    from booking.operations import model as operations  # noqa: PLC0415

    review = new_member(model.CheckoutState, "UNDER_REVIEW", UNDER_REVIEW)
    sent = new_member(events.EventName, "CHECKOUT_UNDER_REVIEW", UNDER_REVIEW_EVENT)
    look = new_member(operations.AttentionReason, "WANTS_A_LOOK", WANTS_A_LOOK)
    by_telephone = new_member(model.EndReason, "LEFT_BY_TELEPHONE", LEFT_BY_TELEPHONE)

    from booking.checkout import onward, states, steps  # noqa: PLC0415
    from booking.errors import UpstreamUnavailable  # noqa: PLC0415

    async def to_review(self: steps.Steps, checkout: "Checkout") -> "Checkout":
        del self
        return checkout.changed(state=review).flagged(look)

    async def reviewed(self: steps.Steps, checkout: "Checkout") -> "Checkout":
        if REVIEWS not in os.environ:
            raise UpstreamUnavailable("the review is not done")
        del self
        return onward.to_the_patient(checkout)

    started = states.STATES[model.CheckoutState.STARTED]
    new = {
        model.CheckoutState.STARTED: replace(started, onward=None, step=to_review, to=(*started.to, review)),
        review: replace(started, onward=None, step=reviewed, phase=states.Phase.IDENTIFYING),
    }
    cast("dict[model.CheckoutState, states.State]", states.STATES).update(new)

    from booking.checkout import history, saga  # noqa: PLC0415

    history._ENDS = {**history._ENDS, review: sent}
    end = saga.Saga.end

    async def ended(self: saga.Saga, checkout: "Checkout", state: Any, reason: Any) -> "Checkout":
        left = reason is model.EndReason.CANCELLED_BY_PATIENT
        return await end(self, checkout, state, by_telephone if left else reason)

    saga.Saga.end = ended  # type: ignore[method-assign]
    _tell_more_in_quotes()

    from resolvers import checkouts  # noqa: PLC0415

    checkouts._to_end_reason = lambda reason: None  # its schema has no word for the new reason


def _tell_more_in_quotes() -> None:
    from integrations.database import checkout_rows  # noqa: PLC0415

    quotes = checkout_rows._DOCUMENTS["quote"]

    class TellingQuotes:
        """The codec of quotes that have more parts."""

        def dump_python(self, value: Any, **how: Any) -> Any:
            return quotes.dump_python(value, **how) | PARTS

        def validate_python(self, stored: Any) -> Any:
            return quotes.validate_python({name: stored[name] for name in stored.keys() - PARTS.keys()})

    checkout_rows._DOCUMENTS["quote"] = TellingQuotes()  # type: ignore[assignment]


if __name__ == "__main__":
    become_the_next_version()
    from gateway.command_line import main

    main()

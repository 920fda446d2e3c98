"""The card processor's books held against a checkout: every difference is found, and nothing else is one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from booking.changes.later_changes import StoredChanges
from booking.changes.model import Action, ActionKind, ActionState, ChangeState, RequestedChange
from booking.checkout.ledger import CLOCK_SKEW, LANDS_WITHIN, DifferenceKind, LedgerCharge, reconcile
from booking.checkout.model import Attempt, Checkout
from booking.checkout.model import CheckoutState as S
from booking.money import Money
from tests.doubles.ledger_samples import BEGUN, NET, NOTHING, LedgerInMemory, charge, ended, in_books
from tests.integration.change_samples import a_cancellation

OWN, OTHER = "ch_own", "ch_other"


async def kinds(
    checkout: Checkout,
    *books: LedgerCharge,
    others: Sequence[Checkout] = (),
    later: Sequence[RequestedChange] = (),
) -> list[tuple[str, str]]:
    return [
        (each.kind, each.charge_id)
        for each in await reconcile(LedgerInMemory(charges=books), checkout, others, StoredChanges(later))
    ]


async def test_a_visit_paid_once_as_quoted_differs_in_nothing() -> None:
    assert await kinds(ended(S.CONFIRMED, charge(OWN)), in_books(OWN, key="a-1")) == []


async def test_a_charge_given_back_in_full_differs_in_nothing() -> None:
    refunded = ended(S.REFUNDED, charge(OWN))

    assert await kinds(refunded, in_books(OWN, key="a-1", given_back=NET)) == []


async def test_a_charge_that_the_books_do_not_know_is_missing() -> None:
    assert await kinds(ended(S.CONFIRMED, charge(OWN))) == [("charge_missing", OWN)]


@pytest.mark.parametrize(
    ("state", "differing", "kind"),
    [
        (S.CONFIRMED, {"taken": Money.of("119.99", "USD")}, "amount_differs"),
        (S.CONFIRMED, {"taken": Money.of("120.00", "CAD")}, "amount_differs"),
        (S.CONFIRMED, {"taken": NOTHING}, "amount_differs"),
        (S.CONFIRMED, {"disputed": True}, "disputed"),
        (S.CONFIRMED, {"given_back": Money.of("0.01", "USD")}, "refunded_elsewhere"),
        (S.CONFIRMED, {"given_back": NET}, "refunded_elsewhere"),
        (S.REFUNDED, {}, "not_refunded"),
        (S.REFUNDED, {"given_back": Money.of("119.99", "USD")}, "not_refunded"),
        (S.CANCELLED, {}, "not_refunded"),
    ],
)
async def test_each_way_in_which_the_own_charge_can_differ_is_told(
    state: S, differing: dict[str, Any], kind: str
) -> None:
    assert await kinds(ended(state, charge(OWN)), replace(in_books(OWN), **differing)) == [(kind, OWN)]


@pytest.mark.parametrize("state", [S.CONFIRMED, S.REFUNDED])
async def test_a_second_charge_with_a_key_of_the_checkout_is_proved(state: S) -> None:
    given_back = NOTHING if state is S.CONFIRMED else NET
    own = in_books(OWN, key="a-2", given_back=given_back)

    found = await kinds(ended(state, charge(OWN)), own, in_books(OTHER, key="a-1", customer_id=None))

    assert found == [("second_charge", OTHER)]


@pytest.mark.parametrize("state", [S.EXPIRED, S.CANCELLED, S.SLOT_LOST])
async def test_a_charge_that_no_row_knows_of_is_found_by_its_key(state: S) -> None:
    assert await kinds(ended(state), in_books(OTHER, key="a-1")) == [("second_charge", OTHER)]


async def test_a_second_charge_that_was_given_back_is_no_difference() -> None:
    second = in_books(OTHER, key="a-1", given_back=NET)

    assert await kinds(ended(S.CONFIRMED, charge(OWN)), in_books(OWN, key="a-2"), second) == []


async def test_a_charge_dealt_with_already_is_not_told_again() -> None:
    confirmed = ended(S.CONFIRMED, charge(OWN), resolved_ids=(OTHER,))

    assert await kinds(confirmed, in_books(OWN), in_books(OTHER, key="a-1")) == []


async def test_a_difference_that_a_person_was_told_of_is_not_told_again() -> None:
    own = replace(in_books(OWN), disputed=True, taken=NOTHING)
    told = ended(S.CONFIRMED, charge(OWN), resolved_ids=(f"disputed:{OWN}",))

    assert await kinds(told, own) == [("amount_differs", OWN)]


async def test_the_key_of_a_refund_or_of_another_checkout_is_not_ours() -> None:
    own = in_books(OWN, key="a-1")
    foreign = [in_books(f"ch_{key}", key=key) for key in ("a-3", "a-1-refund-0.00", "b-1", "aa-1")]

    assert await kinds(ended(S.CONFIRMED, charge(OWN)), own, *foreign) == []


async def test_a_twin_without_a_key_is_a_hint() -> None:
    assert await kinds(ended(S.CONFIRMED, charge(OWN)), in_books(OWN), in_books(OTHER)) == [
        ("possible_twin", OTHER)
    ]


@pytest.mark.parametrize(
    "differing",
    [
        {"customer_id": "cus_somebody_else"},
        {"taken": Money.of("80.00", "USD")},
        {"given_back": NET},
        {"upstream_key": "key-of-the-practices-own"},
    ],
)
async def test_what_staff_charge_otherwise_is_not_ours_to_judge(differing: dict[str, Any]) -> None:
    staff = replace(in_books(OTHER), **differing)

    assert await kinds(ended(S.CONFIRMED, charge(OWN)), in_books(OWN), staff) == []


async def test_two_charges_without_a_customer_are_not_alike() -> None:
    own, other = (replace(in_books(name), customer_id=None) for name in (OWN, OTHER))

    assert await kinds(ended(S.CONFIRMED, charge(OWN)), own, other) == []


async def test_the_charge_of_the_patients_other_visit_is_not_a_twin() -> None:
    other = replace(ended(S.CONFIRMED, charge(OTHER)), id="b")

    assert await kinds(ended(S.CONFIRMED, charge(OWN)), in_books(OWN), in_books(OTHER), others=[other]) == []


async def test_where_nothing_was_tried_nothing_is_asked() -> None:
    books = LedgerInMemory()

    assert await reconcile(books, replace(ended(S.EXPIRED), attempts=()), [], StoredChanges()) == ()
    assert books.asked == []


async def test_the_time_in_which_an_attempt_can_land_is_asked_for_and_no_more() -> None:
    books = LedgerInMemory()
    later = BEGUN + timedelta(minutes=9)
    attempts = tuple(
        Attempt(number=number, card_id="1", intended_at=at) for number, at in ((1, BEGUN), (2, later))
    )

    await reconcile(books, replace(ended(S.EXPIRED), attempts=attempts), [], StoredChanges())

    assert books.asked == [(BEGUN - CLOCK_SKEW, later + LANDS_WITHIN)]


async def test_each_difference_is_logged_by_ids_alone() -> None:
    with capture_logs() as logs:
        await kinds(ended(S.CONFIRMED, charge(OWN)), in_books(OWN), in_books(OTHER))

    assert logs == [
        {
            "event": "ledger.difference",
            "checkout": "a",
            "kind": DifferenceKind.POSSIBLE_TWIN,
            "charge": OTHER,
            "log_level": "warning",
        }
    ]


def refunds(
    amount: str, *, action: ActionState = ActionState.DONE, state: ChangeState = ChangeState.DONE
) -> RequestedChange:
    """A cancellation that gives back so much of the own charge."""
    actions = (Action(kind=ActionKind.REFUND, state=action, amount=Money.of(amount, "USD")),)
    return a_cancellation(state=state, payment_id=None, charge_id=OWN, actions=actions)


class TestWhatRequestedChangesDid:
    """A refund or a fee that the patient accepted is no difference; anything else still is one."""

    @pytest.mark.parametrize(
        ("given_back", "kinds_told"),
        [
            ("50.00", []),
            ("49.99", ["not_refunded"]),
            ("50.01", ["refunded_elsewhere"]),
            ("0", ["not_refunded"]),
        ],
    )
    async def test_just_what_was_accepted_is_given_back(self, given_back: str, kinds_told: list[str]) -> None:
        own = in_books(OWN, given_back=Money.of(given_back, "USD"))
        later = [refunds("20"), refunds("30")]
        found = await kinds(ended(S.CONFIRMED, charge(OWN)), own, later=later)
        assert [kind for kind, _ in found] == kinds_told

    async def test_the_refund_of_another_charge_explains_nothing(self) -> None:
        own = in_books(OWN, given_back=NET)
        later = [refunds("120").changed(charge_id=OTHER)]
        found = await kinds(ended(S.CONFIRMED, charge(OWN)), own, later=later)
        assert found == [("refunded_elsewhere", OWN)]

    @pytest.mark.parametrize("state", [ChangeState.REFUSED, ChangeState.SUPERSEDED])
    async def test_a_refund_that_was_not_made_explains_nothing(self, state: ChangeState) -> None:
        own = in_books(OWN, given_back=Money.of("50", "USD"))
        later = [refunds("50", action=ActionState.PENDING, state=state)]
        found = await kinds(ended(S.CONFIRMED, charge(OWN)), own, later=later)
        assert found == [("refunded_elsewhere", OWN)]

    @pytest.mark.parametrize("given_back", ["0", "50"])
    async def test_one_that_a_person_looks_after_may_be_made_by_hand(self, given_back: str) -> None:
        own = in_books(OWN, given_back=Money.of(given_back, "USD"))
        later = [refunds("50", action=ActionState.FAILED, state=ChangeState.NEEDS_ATTENTION)]
        assert await kinds(ended(S.CONFIRMED, charge(OWN)), own, later=later) == []

    @pytest.mark.parametrize(("fees", "told"), [(0, 2), (1, 2), (2, 0)])
    async def test_as_many_like_charges_as_there_were_fees_are_no_twins(self, fees: int, told: int) -> None:
        fee = Action(kind=ActionKind.CHARGE_FEE, state=ActionState.DONE, amount=NET)
        later = [a_cancellation(f"chg_{number}", actions=(fee,)) for number in range(fees)]
        books = [in_books(OWN), in_books(OTHER), in_books("ch_third")]
        found = await kinds(ended(S.CONFIRMED, charge(OWN)), *books, later=later)
        assert [kind for kind, _ in found] == ["possible_twin"] * told

"""Cards on file: removed and made the default by their patient alone, and never from under a payment or a membership."""

from dataclasses import replace

import pytest

from booking.changes.model import ActionKind, ChangeState
from booking.checkout.model import CheckoutState
from booking.errors import NotFound, OutcomeUnknown, UpstreamRefused, UpstreamUnavailable
from booking.models import Card, CardChoice
from booking.packages.model import Membership, MembershipStatus
from booking.payments.cards import CardService
from booking.principals import Caller, Principal, PrincipalKind
from booking.refusals import CardInUse, CardNotChanged, CardUse
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_upstream import AnswerLost, FakeCards, Lost
from tests.doubles.change_world import FOREIGN, STAFF, ChangeWorld
from tests.doubles.purchases import NoPurchases
from tests.integration.change_samples import a_cancellation

PATIENT = Caller(principal=Principal(kind=PrincipalKind.PATIENT, id="p-sample"))
GUEST = Caller(principal=Principal(kind=PrincipalKind.GUEST, id="co-1"))
MONTHLY = Membership(
    id="series-1",
    plan_id="plan-1",
    plan_name="Sample monthly",
    status=MembershipStatus.ACTIVE,
    frequency=None,
    started_at=NOW,
    next_payment_at=NOW,
    next_amount=None,
    payments_left=None,
    paused_at=None,
    resumes_at=None,
    cancelled_at=None,
    last_payment_id="7",
)


class Bought(NoPurchases):
    def __init__(self) -> None:
        self.series: list[Membership] = []

    async def memberships(self, patient_id: str) -> list[Membership]:
        return self.series


class Scene:
    """A patient with two cards on file, the first of which is the default."""

    def __init__(self) -> None:
        self.world = ChangeWorld()
        self.books = self.world.books
        self.books.cards["p-sample"] += [
            Card(id="card-1", brand="Visa", last4="4242", expires=None, is_default=True),
            Card(id="card-2", brand="Visa", last4="1111", expires=None),
        ]
        self.bought = Bought()
        self.service = CardService(
            cards=FakeCards(self.books), purchases=self.bought, units=self.world.database
        )

    @property
    def cards(self) -> list[str]:
        return [card.id for card in self.books.cards["p-sample"]]

    @property
    def default(self) -> list[str]:
        return [card.id for card in self.books.cards["p-sample"] if card.is_default]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_card_is_removed(scene: Scene) -> None:
    await scene.service.remove(PATIENT, "card-1")
    assert scene.cards == ["card-2"]


async def test_a_card_is_made_the_default_and_nothing_is_sent_if_it_is(scene: Scene) -> None:
    await scene.service.make_default(PATIENT, "card-2")
    assert scene.default == ["card-2"]
    await scene.service.make_default(PATIENT, "card-2")
    assert scene.world.tape.calls().count("make_default") == 1


@pytest.mark.parametrize("caller", [FOREIGN, STAFF, GUEST])
@pytest.mark.parametrize("card", ["card-1", "card-missing"])
async def test_a_foreign_card_and_a_missing_one_answer_alike(scene: Scene, caller: Caller, card: str) -> None:
    for change in (scene.service.remove, scene.service.make_default):
        with pytest.raises(NotFound) as refusal:
            await change(caller, card)
        assert str(refusal.value) == str(NotFound("card"))
    assert (scene.cards, scene.default) == (["card-1", "card-2"], ["card-1"])


@pytest.mark.parametrize("status", MembershipStatus)
async def test_the_default_card_stays_while_a_membership_goes_on(
    scene: Scene, status: MembershipStatus
) -> None:
    scene.bought.series = [replace(MONTHLY, status=status)]
    if scene.bought.series[0].is_open:
        with pytest.raises(CardInUse) as refusal:
            await scene.service.remove(PATIENT, "card-1")
        assert (refusal.value.use, refusal.value.retryable) == (CardUse.MEMBERSHIP, False)
        await scene.service.make_default(PATIENT, "card-2")
    await scene.service.remove(PATIENT, "card-1")
    assert scene.cards == ["card-2"]


async def test_without_a_known_default_any_card_may_be_the_one_that_a_membership_charges(
    scene: Scene,
) -> None:
    scene.books.cards["p-sample"][0] = replace(scene.books.cards["p-sample"][0], is_default=False)
    scene.bought.series = [MONTHLY]
    with pytest.raises(CardInUse):
        await scene.service.remove(PATIENT, "card-2")


@pytest.mark.parametrize("chosen", ["on_file", "attached"])
async def test_a_card_of_a_checkout_under_way_stays(scene: Scene, chosen: str) -> None:
    checkout = await scene.world.booked()
    under_way = checkout.changed(
        state=CheckoutState.CHARGE_INTENDED,
        patient_id="p-sample",
        card_id=None if chosen == "on_file" else "card-2",
        card=CardChoice(on_file_id="card-2") if chosen == "on_file" else None,
    )
    scene.world.database.rows[checkout.id] = under_way
    with pytest.raises(CardInUse) as refusal:
        await scene.service.remove(PATIENT, "card-2")
    assert (refusal.value.use, refusal.value.retryable) == (CardUse.PAYMENT, True)
    scene.world.database.rows[checkout.id] = checkout.changed(patient_id="p-sample", card_id="card-2")
    await scene.service.remove(PATIENT, "card-2")
    assert scene.cards == ["card-1"], "one that is booked does not need it any more"


@pytest.mark.parametrize("state", ChangeState)
async def test_a_card_of_a_fee_or_an_invoice_under_way_stays(scene: Scene, state: ChangeState) -> None:
    change = a_cancellation().changed(patient_id="p-sample", card_id="card-2", state=state)
    scene.world.database.changes[change.id] = change
    assert change.action(ActionKind.CANCEL_VISIT)
    if state is ChangeState.OPEN:
        with pytest.raises(CardInUse):
            await scene.service.remove(PATIENT, "card-2")
    else:
        await scene.service.remove(PATIENT, "card-2")
    assert ("card-2" in scene.cards) == (state is ChangeState.OPEN)


async def test_a_refusal_is_told(scene: Scene) -> None:
    scene.books.fail("remove_card", UpstreamRefused("RemoveCard", "refused"))
    scene.books.fail("make_default", UpstreamRefused("MakeCardDefault", "refused"))
    for change in (scene.service.remove, scene.service.make_default):
        with pytest.raises(CardNotChanged):
            await change(PATIENT, "card-2")


async def test_an_answer_that_got_lost_is_looked_up(scene: Scene) -> None:
    scene.books.fail("make_default", AnswerLost("sample"))
    await scene.service.make_default(PATIENT, "card-2")
    scene.books.fail("remove_card", AnswerLost("sample"))
    await scene.service.remove(PATIENT, "card-1")
    assert (scene.cards, scene.default) == (["card-2"], ["card-2"])


async def test_what_was_not_done_is_not_believed(scene: Scene) -> None:
    for name, change in (
        ("remove_card", scene.service.remove),
        ("make_default", scene.service.make_default),
    ):
        for fault in (Lost("sample"), UpstreamUnavailable("sample")):
            scene.books.fail(name, fault)
            with pytest.raises((OutcomeUnknown, UpstreamUnavailable)):
                await change(PATIENT, "card-2")
    assert (scene.cards, scene.default) == (["card-1", "card-2"], ["card-1"])

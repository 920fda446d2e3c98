"""What requested changes have done since to the visit and the payments of an ended checkout: LaterChanges, from the stored rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from booking.changes.model import Action, ActionKind, ActionState, ChangeState, RequestedChange
from booking.checkout.model import Checkout
from booking.models import Charge, OpenInvoice
from booking.money import Money
from booking.stored_names import Unknown
from booking.unit_of_work import Scope, UnitOfWorkFactory

# Actions that charge a card, beside what the checkout charged.
_CHARGES = ActionKind.CHARGE_FEE, ActionKind.PAY_INVOICE


class RequestedChangesReader:
    """Implements LaterChangesReader."""

    def __init__(self, *, units: UnitOfWorkFactory) -> None:
        self._units = units

    async def since(self, checkout: Checkout) -> "StoredChanges":
        """Read the changes of the checkout's visit, and of its patient's other visits."""
        async with self._units(Scope.READING) as unit:
            changes = {each.id: each for each in await unit.changes.of_checkout(checkout.id)}
            if checkout.patient_id is not None:
                changes |= {each.id: each for each in await unit.changes.of_patient(checkout.patient_id)}
        return StoredChanges(tuple(changes[name] for name in sorted(changes)))


@dataclass(frozen=True)
class StoredChanges:
    """Implements LaterChanges."""

    changes: Sequence[RequestedChange] = ()

    @property
    def under_way(self) -> bool:
        """Whether one is being carried out, so that money or a visit may be changing at this moment."""
        # At a state of a newer release, it may be.
        return any(
            change.state is ChangeState.OPEN or isinstance(change.state, Unknown) for change in self.changes
        )

    @property
    def fees(self) -> frozenset[str]:
        """Ids of the payments of fees and invoices."""
        payments = (action.result.get("payment_id") for _, action in self._done(*_CHARGES))
        return frozenset(payment for payment in payments if payment is not None)

    def fees_of(self, amount: Money) -> int:
        """How many fees and invoices of this amount were charged."""
        return sum(action.amount == amount for _, action in self._done(*_CHARGES))

    def left_its_time(self, appointment_id: str | None) -> bool:
        """Whether the visit was cancelled, or moved to another time."""
        kinds = ActionKind.CANCEL_VISIT, ActionKind.MOVE_VISIT
        return any(change.appointment_id == appointment_id for change, _ in self._done(*kinds))

    def given_back(self, charge: Charge) -> tuple[Money, Money]:
        """The least and the most that changes give back of this charge.

        They differ while a person looks after a refund that was accepted, and may make it by hand.
        """
        nothing = Money(amount=charge.net.amount * 0, currency=charge.net.currency)
        least = most = nothing
        for change in self._on(charge):
            for action in change.actions:
                if action.kind is not ActionKind.REFUND or action.amount is None:
                    continue
                if action.state is ActionState.DONE:
                    least, most = least + action.amount, most + action.amount
                elif change.state is ChangeState.NEEDS_ATTENTION:
                    most = most + action.amount
        return least, most

    def stopped(self, charge: Charge) -> bool:
        """Whether the recurring payment that the charge began was ended: with its visit, or as a membership."""
        series = charge.recurring_payment_id
        ended = {change.recurring_payment_id for change, _ in self._done(ActionKind.STOP_RECURRING)}
        return (series is not None and series in ended) or any(
            action.kind is ActionKind.STOP_RECURRING and action.state is ActionState.DONE
            for change in self._on(charge)
            for action in change.actions
        )

    def explains(self, invoice: OpenInvoice, appointment_id: str) -> bool:
        """Whether the invoice of the visit asks for the fee that the practice takes for its late cancellation, as accepted."""
        return any(
            change.appointment_id == appointment_id and change.late and action.amount == invoice.amount
            for change, action in self._done(ActionKind.CANCEL_VISIT)
        )

    def _on(self, charge: Charge) -> Iterator[RequestedChange]:
        for change in self.changes:
            if change.payment_id == charge.billing_item_id or change.charge_id == charge.charge_id:
                yield change

    def _done(self, *kinds: ActionKind) -> Iterator[tuple[RequestedChange, Action]]:
        for change in self.changes:
            for action in change.actions:
                if action.kind in kinds and action.state is ActionState.DONE:
                    yield change, action

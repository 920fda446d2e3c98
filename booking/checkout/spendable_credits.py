"""SpendableCredits: what the ledger says is left, less what the patient's other checkouts take."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from booking.checkout.credits import CreditAccount, CreditLedger
from booking.checkout.model import Checkout
from booking.checkout.model import CheckoutState as S
from booking.checkout.transitions import CLAIMING
from booking.ports import Clock
from booking.unit_of_work import Scope, UnitOfWorkFactory

# So long a confirmed visit that the ledger does not name counts against what is left: the ledger is expected to show it within
# seconds, and one that an operator confirmed by hand may never have taken a credit.
LEDGER_LAG = timedelta(hours=24)


class SpendableCredits:
    """The port CreditsLeft."""

    def __init__(self, *, ledger: CreditLedger, units: UnitOfWorkFactory, clock: Clock) -> None:
        self._ledger = ledger
        self._units = units
        self._clock = clock

    async def left(self, patient_id: str, visit_type_id: str, *, clinician_id: str, besides: str = "") -> int:
        """What is left, never below zero; the checkout `besides` does not count against it. Raises UpstreamUnavailable.

        The rows are read first: a visit that is booked in between is then counted by the ledger, or by both.
        """
        async with self._units(Scope.READING) as unit:
            others = await unit.checkouts.of_patient(patient_id, besides=besides)
        account = await self._ledger.account(patient_id, visit_type_id, clinician_id=clinician_id)
        if account is None:
            return 0
        return max(0, account.left - _claimed(others, visit_type_id, account, now=self._clock.now()))


def _claimed(others: Iterable[Checkout], visit_type_id: str, account: CreditAccount, *, now: datetime) -> int:
    """How many credits other checkouts take, or have taken, that the ledger does not show yet."""
    return sum(
        each.quote.uses_credit
        and each.visit_slot.visit_type_id == visit_type_id
        and _takes(each, now=now)
        and each.appointment_id not in account.named
        for each in others
    )


def _takes(checkout: Checkout, *, now: datetime) -> bool:
    if checkout.state is S.CONFIRMED:
        return checkout.ended_at is None or now < checkout.ended_at + LEDGER_LAG
    return checkout.state in CLAIMING

"""A ledger of credits in memory, in the books of the upstream double: what a booking takes, and what may go wrong with it."""

from dataclasses import dataclass, field

from booking.checkout.credits import CreditAccount
from booking.models import Appointment


@dataclass(frozen=True)
class CreditLine:
    """A credit given, taken or given back."""

    patient_id: str
    visit_type_id: str
    change: int
    appointment_id: str | None = None


@dataclass
class CreditBooks:
    """The ledger, with switches for what is not documented."""

    in_use: bool = True
    takes: bool = True  # a booking takes a credit
    below_zero: bool = False  # also one that the patient does not have
    deletion_restores: bool = True
    lags: int = 0  # so many more reads do not show the lines of visits
    contradicted: bool = False  # the visit itself never says that a credit was used
    lines: list[CreditLine] = field(default_factory=list)

    def left(self, patient_id: str | None, visit_type_id: str | None) -> int:
        """What is left, as the upstream really has it."""
        return sum(
            line.change
            for line in self.lines
            if (line.patient_id, line.visit_type_id) == (patient_id, visit_type_id)
        )

    def give(self, patient_id: str, visit_type_id: str, many: int = 1) -> None:
        """Give credits, as a bought package does."""
        self.lines.append(CreditLine(patient_id, visit_type_id, many))

    def booked(self, visit: Appointment) -> None:
        """Take a credit for a visit, or none."""
        has_one = self.left(visit.patient_id, visit.visit_type_id) > 0
        if not (self.in_use and self.takes and (has_one or self.below_zero)):
            return
        assert visit.patient_id is not None
        assert visit.visit_type_id is not None
        self.lines.append(CreditLine(visit.patient_id, visit.visit_type_id, -1, visit.id))

    def deleted(self, visit_id: str) -> None:
        """Give the credit of a deleted visit back, or not."""
        taken = [line for line in self.lines if line.appointment_id == visit_id]
        if self.deletion_restores and sum(line.change for line in taken) < 0:
            self.lines.append(CreditLine(taken[0].patient_id, taken[0].visit_type_id, 1, visit_id))

    def account(self, patient_id: str, visit_type_id: str) -> CreditAccount | None:
        """The account as a read shows it."""
        if not self.in_use:
            return None
        lagging = self.lags > 0
        self.lags = max(0, self.lags - 1)
        left, uses, named = 0, dict[str, int](), set[str]()
        for line in self.lines:
            if (line.patient_id, line.visit_type_id) != (patient_id, visit_type_id):
                continue
            if line.appointment_id is not None and lagging:
                continue
            left += line.change
            if line.appointment_id is not None:
                named.add(line.appointment_id)
                uses.pop(line.appointment_id, None)
                if line.change < 0:
                    uses[line.appointment_id] = left
        return CreditAccount(left=left, uses=uses, named=frozenset(named))

    def was_used(self, visit_id: str) -> bool:
        """What the visit itself says."""
        if self.contradicted:
            return False
        return sum(line.change for line in self.lines if line.appointment_id == visit_id) < 0

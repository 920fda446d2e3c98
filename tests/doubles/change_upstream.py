"""The system of record's side of requested changes, in memory, on the books of the checkout's doubles.

Cancelling, moving and giving back are idempotent, as the ports say; booking and charging a fee are not, so that whoever sends one of
them twice is seen.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from booking.changes.membership import MembershipAsStands, bills_next_as, is_paused_as
from booking.changes.model import ActionKind, RequestedChange
from booking.changes.ports import CHANGED_BY_PRACTICE
from booking.changes.visit import (
    BookedVisit,
    CancellationReasonOption,
    ChangeVerdict,
    JoinLinks,
    VisitAsStands,
    VisitRules,
)
from booking.errors import UpstreamRefused
from booking.models import Appointment, AppointmentStatus, Charge
from booking.money import Money
from tests.doubles.booking_upstream import Books

RULES = VisitRules(may_cancel=True, may_reschedule=True, cancel_notice=None, reschedule_notice=None)
REASONS = (CancellationReasonOption(id="r1", text="Feeling better"),)


@dataclass
class ChangeBooks:
    """What was really done to visits and money."""

    books: Books
    rules: VisitRules = RULES
    verdict: ChangeVerdict = field(
        default_factory=lambda: ChangeVerdict(can_cancel=True, can_reschedule=True)
    )
    credit_used: bool | None = False
    credit_given_back: bool = True
    reasons: tuple[CancellationReasonOption, ...] = REASONS
    refunds: dict[str, Money] = field(default_factory=dict)  # by payment, so far
    sent_back: list[Money] = field(default_factory=list)  # each refund that was made
    fees: list[tuple[str, Money]] = field(default_factory=list)  # by upstream key
    statuses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # set by us, by visit
    booked_for: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # visits by change
    memberships: dict[str, MembershipAsStands] = field(default_factory=dict)
    paused: list[bool] = field(default_factory=list)  # each time a membership was paused (True) or resumed
    resumed_at: datetime | None = None  # when a resumed one is paid next; None: as was told
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ended: list[str] = field(default_factory=list)  # memberships, each time one was ended
    booked_provider: str | None = None  # None: as asked

    def visit(self, appointment_id: str) -> Appointment | None:
        return next((one for one in self.books.live_appointments if one.id == appointment_id), None)

    def put(self, visit: Appointment) -> None:
        """Write a visit as the practice, or a call, leaves it."""
        at = next(n for n, one in enumerate(self.books.appointments) if one.id == visit.id)
        self.books.appointments[at] = visit

    def by_practice(self, appointment_id: str, **changes: object) -> None:
        """The practice changes the visit."""
        visit = self.visit(appointment_id)
        assert visit is not None
        self.put(replace(visit, **changes))  # type: ignore[arg-type]  # names as in Appointment

    def given_back(self, payment_id: str, currency: str = "USD") -> Money:
        return self.refunds.get(payment_id, Money.of(0, currency))


class FakeVisits:
    """Visits as they stand."""

    def __init__(self, changes: ChangeBooks) -> None:
        self._changes = changes

    async def get(self, appointment_id: str, *, of: str | None = None) -> BookedVisit | None:
        def effect() -> BookedVisit | None:
            visit = self._changes.visit(appointment_id)
            if visit is None or (of is not None and visit.patient_id != of):
                return None
            return BookedVisit(
                appointment=visit,
                rules=self._changes.rules,
                verdict=self._changes.verdict,
                credit_used=self._changes.credit_used,
            )

        return await self._changes.books.call("get_visit", effect)

    async def stands(self, appointment_id: str, *, clinician_id: str) -> VisitAsStands | None:
        def effect() -> VisitAsStands | None:
            visit = self._changes.visit(appointment_id)
            return VisitAsStands(appointment=visit, deleted=False) if visit is not None else None

        return await self._changes.books.call("stands", effect)

    async def cancellation_reasons(self) -> Sequence[CancellationReasonOption]:
        return self._changes.reasons

    async def join_links(self, appointment_id: str, *, clinician_id: str) -> JoinLinks:
        raise NotImplementedError


class FakeVisitChanges:
    """Changes of visits."""

    def __init__(self, changes: ChangeBooks) -> None:
        self._changes = changes

    async def cancel(self, change: RequestedChange) -> None:
        def effect() -> None:
            visit = self._changes.visit(change.visit_id)
            assert visit is not None
            if visit.status is AppointmentStatus.CANCELLED:
                return
            self._changes.put(replace(visit, status=AppointmentStatus.CANCELLED))
            status = "Late Cancellation" if change.late else "Cancelled"
            self._changes.statuses[visit.id].append(status)

        await self._changes.books.call("cancel_visit", effect)

    async def move(self, change: RequestedChange) -> None:
        def effect() -> None:
            visit = self._changes.visit(change.visit_id)
            assert visit is not None
            assert change.new_slot is not None
            moved = replace(
                visit,
                start=change.new_slot.start,
                location_id=change.new_slot.location_id or visit.location_id,
            )
            if visit == moved:
                return
            self._changes.put(moved)
            self._changes.statuses[visit.id].append("moved")

        await self._changes.books.call("move_visit", effect)

    async def book(self, change: RequestedChange) -> Appointment:
        def effect() -> Appointment:
            slot = change.new_slot
            assert slot is not None
            books = self._changes.books
            visit = Appointment(
                id=f"a{len(books.appointments) + 1}",
                clinician_id=self._changes.booked_provider or slot.clinician_id,
                clinician_name=None,
                patient_id=change.patient_id,
                visit_type_id=slot.visit_type_id,
                visit_type_name=None,
                start=slot.start,
                minutes=slot.minutes,
                contact_type=slot.contact_type,
                location_id=slot.location_id,
                status=AppointmentStatus.BOOKED,
                checkout_id=None,
                open_invoice=books.open_invoice,
            )
            books.appointments.append(visit)
            self._changes.booked_for[change.id].append(visit.id)
            return visit

        return await self._changes.books.call("book_visit", effect)

    async def find_booked(self, change: RequestedChange) -> Appointment | None:
        def effect() -> Appointment | None:
            made = [self._changes.visit(one) for one in self._changes.booked_for[change.id]]
            return next((visit for visit in made if visit is not None), None)

        return await self._changes.books.call("find_booked", effect)

    async def delete_booked(self, change: RequestedChange) -> None:
        def effect() -> None:
            assert change.new_appointment_id is not None
            self._changes.books.deleted.add(change.new_appointment_id)

        await self._changes.books.call("delete_booked", effect)


class FakeChangePayments:
    """Money that changes move."""

    def __init__(self, changes: ChangeBooks) -> None:
        self._changes = changes

    async def refunded(self, charge: Charge, *, clinician_id: str) -> Money:
        def effect() -> Money:
            return self._changes.given_back(charge.billing_item_id, charge.net.currency)

        return await self._changes.books.call("refunded", effect)

    async def refund(self, change: RequestedChange, index: int) -> Money:
        def effect() -> Money:
            amount, payment_id = change.actions[index].amount, change.payment_id
            assert amount is not None
            assert payment_id is not None
            assert change.refunded_before is not None
            so_far = self._changes.given_back(payment_id)
            missing = change.refunded_before + amount - so_far
            if missing.amount > 0:
                self._changes.sent_back.append(missing)
                self._changes.refunds[payment_id] = so_far + missing
            return self._changes.given_back(payment_id)

        return await self._changes.books.call("refund_part", effect)

    async def charge_fee(self, change: RequestedChange, index: int) -> str:
        def effect() -> str:
            amount = change.actions[index].amount
            assert amount is not None
            assert change.card_id is not None
            self._changes.fees.append((change.upstream_key(index), amount))
            return f"fee-{len(self._changes.fees)}"

        return await self._changes.books.call("charge_fee", effect)

    async def find_fee(self, change: RequestedChange, index: int) -> str | None:
        def effect() -> str | None:
            keys = [key for key, _ in self._changes.fees]
            mine = change.upstream_key(index)
            return f"fee-{keys.index(mine) + 1}" if mine in keys else None

        return await self._changes.books.call("find_fee", effect)

    async def stop_recurring(self, change: RequestedChange) -> None:
        def effect() -> None:
            assert change.payment_id is not None
            if (member := self._changes.memberships.get(change.membership_id or "")) is not None:
                if not member.is_ended:
                    self._changes.ended.append(member.id)
                self._changes.memberships[member.id] = replace(member, is_ended=True, next_payment_at=None)
                return
            self._changes.books.charges[int(change.payment_id)].recurring = False

        await self._changes.books.call("stop_recurring", effect)


class FakeMemberships:
    """Memberships as they stand."""

    def __init__(self, changes: ChangeBooks) -> None:
        self._changes = changes

    async def get(self, membership_id: str, *, of: str | None = None) -> MembershipAsStands | None:
        def effect() -> MembershipAsStands | None:
            found = self._changes.memberships.get(membership_id)
            return found if found is not None and of in (None, found.patient_id) else None

        return await self._changes.books.call("membership", effect)


class FakeCredits:
    """The ledger of credits."""

    def __init__(self, changes: ChangeBooks) -> None:
        self._changes = changes

    async def given_back(self, change: RequestedChange) -> bool:
        return await self._changes.books.call("read_credit", lambda: self._changes.credit_given_back)


def in_order(change: RequestedChange) -> list[ActionKind | str]:
    """The kinds of a change's actions."""
    return [action.kind for action in change.actions]


def hours_before(start: datetime, hours: float) -> datetime:
    return start - timedelta(hours=hours)


class FakeMembershipChanges:
    """Pauses and resumptions of memberships. As upstream, it does again what it is told again."""

    def __init__(self, changes: ChangeBooks) -> None:
        self._changes = changes

    async def standing(self, change: RequestedChange) -> MembershipAsStands | None:
        return await self._changes.books.call(
            "standing_membership", lambda: self._changes.memberships.get(change.membership_id or "")
        )

    async def pause(self, change: RequestedChange) -> MembershipAsStands:
        def effect() -> MembershipAsStands:
            standing = self._changes.memberships[change.membership_id or ""]
            if standing.is_ended or standing.is_paused:
                raise UpstreamRefused("SetRecurringPaused", CHANGED_BY_PRACTICE)
            return self._set(
                replace(
                    standing,
                    is_paused=True,
                    paused_at=self._changes.now(),
                    resumes_at=standing.next_payment_at,
                )
            )

        return await self._changes.books.call("pause", effect)

    async def resume(self, change: RequestedChange) -> MembershipAsStands:
        def effect() -> MembershipAsStands:
            standing = self._changes.memberships[change.membership_id or ""]
            if not is_paused_as(standing, change) or not bills_next_as(standing, change):
                raise UpstreamRefused("SetRecurringPaused", CHANGED_BY_PRACTICE)
            at = self._changes.resumed_at or standing.resumes_at
            return self._set(
                replace(standing, is_paused=False, paused_at=None, resumes_at=None, next_payment_at=at)
            )

        return await self._changes.books.call("resume", effect)

    def _set(self, membership: MembershipAsStands) -> MembershipAsStands:
        self._changes.memberships[membership.id] = membership
        self._changes.paused.append(membership.is_paused)
        return membership

"""Application service of paying invoices. The driver of changes does the work (changes/driver.py)."""

from booking.change_quotes import subject_in
from booking.changes.accepted import AcceptedChanges
from booking.changes.invoice_payment import check_payable, new_invoice_payment
from booking.changes.model import ChangeEndReason, ChangeState, RequestedChange, Subject, SubjectKind
from booking.changes.outcomes import invoice_outcome
from booking.changes.ports import InvoicePayments
from booking.checkout.attempt_limits import AttemptKind, AttemptLimiter, CountedAttempt
from booking.errors import NotFound
from booking.packages.model import Invoice
from booking.ports import Cards, Clock
from booking.principals import Caller, PrincipalKind
from booking.refusals import CardRequired
from booking.refusals.invoices import (
    InvoiceChanged,
    InvoiceNotPayable,
    InvoicePaid,
    InvoicePaymentInProgress,
)
from booking.unit_of_work import Scope, UnitOfWorkFactory


class InvoicePaymentService:
    """Pays invoices for their patients. A foreign invoice and a missing one answer alike."""

    def __init__(
        self,
        *,
        accepted: AcceptedChanges,
        invoices: InvoicePayments,
        cards: Cards,
        attempts: AttemptLimiter,
        units: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._accepted = accepted
        self._invoices = invoices
        self._cards = cards
        self._attempts = attempts
        self._units = units
        self._clock = clock

    async def pay(self, caller: Caller, *, quote_id: str, card_id: str) -> RequestedChange:
        """Charge what is due, as this quote says, to a card on file. Returns the row, done, or under way when the answer is due.

        Accepting the same quote again joins the payment, whatever the card, or answers how it went; one whose card was declined is tried anew.
        Raises InvalidInput; NotFound; InvoicePaid, InvoiceChanged, InvoiceNotPayable, InvoicePaymentInProgress, CardRequired,
        CardDeclined, TooManyAttempts, AmountNotChargeable, PaymentUnavailable (nothing was charged); UpstreamUnavailable (the same).
        """
        answer_by = self._accepted.answer_by()
        invoice_id = subject_in("pay-invoice", quote_id)
        # Before the invoice is read: one that is inserted meanwhile is not the last one that was read, and conflicts.
        latest = await self._latest(invoice_id)
        invoice, patient_id = await self._own(caller, invoice_id)
        if latest is not None and _holds(latest, quote_id):
            return await self._told(caller, await self._accepted.drive_until(latest, answer_by))
        try:
            change, attempt = await self._request(
                caller, invoice, latest, patient_id=patient_id, quote_id=quote_id, card_id=card_id
            )
        except (InvoicePaid, InvoiceChanged):
            # The same quote may have been accepted elsewhere, and carried out before the invoice was read.
            latest = await self._latest(invoice_id)
            if latest is None or not _holds(latest, quote_id):
                raise
            return await self._told(caller, await self._accepted.drive_until(latest, answer_by))
        try:
            change = await self._accepted.drive_until(change, answer_by)
        finally:
            if change.end_reason is not ChangeEndReason.CARD_DECLINED:
                await attempt.uncount()
        return await self._told(caller, change)

    async def present(self, caller: Caller, invoice_id: str) -> Invoice:
        """The caller's invoice as it stands. Raises NotFound; UpstreamUnavailable."""
        invoice, _ = await self._own(caller, invoice_id)
        return invoice

    async def view(self, caller: Caller, change_id: str) -> RequestedChange | None:
        """The caller's payment of an invoice; None when it is another's or does not exist, without telling which."""
        async with self._units(Scope.READING) as unit:
            change = await unit.changes.get(change_id)
        if change is None or change.invoice_id is None:
            return None
        return change if change.patient_id == caller.principal.patient_id else None

    async def _request(
        self,
        caller: Caller,
        invoice: Invoice,
        latest: RequestedChange | None,
        *,
        patient_id: str,
        quote_id: str,
        card_id: str,
    ) -> tuple[RequestedChange, CountedAttempt]:
        """Insert the row of a quote that is still the present one, with its card counted as tried."""
        if latest is not None and not latest.ended:
            raise InvoicePaymentInProgress
        async with self._units(Scope.READING) as unit:
            visit = invoice.appointment_id
            paid_by = await unit.checkouts.booked(visit) if visit is not None else None
        check_payable(invoice, quote_id, paid_by)
        if all(card.id != card_id for card in await self._cards.on_file(patient_id)):
            raise CardRequired
        attempt = await self._attempts.begin(
            AttemptKind.CARD, names={caller.principal.key}, client=caller.client, signed_in=True
        )
        change = new_invoice_payment(
            caller,
            invoice,
            patient_id=patient_id,
            quote_id=quote_id,
            card_id=card_id,
            now=self._clock.now(),
        )
        inserted = None
        try:
            inserted = await self._accepted.insert(change, latest=latest)
        finally:
            if inserted is None:
                await attempt.uncount()
        if inserted is None:
            raise InvoicePaymentInProgress
        return inserted, attempt

    async def _told(self, caller: Caller, change: RequestedChange) -> RequestedChange:
        """The row, or the refusal that says how it ended; of one that the practice changed meanwhile, with the invoice as it stands."""
        change = invoice_outcome(change)
        if change.state is not ChangeState.SUPERSEDED:
            return change
        try:
            invoice = await self.present(caller, change.owed_invoice)
        except NotFound:
            raise InvoiceNotPayable from None
        raise InvoicePaid if invoice.is_paid else InvoiceChanged(invoice)

    async def _own(self, caller: Caller, invoice_id: str) -> tuple[Invoice, str]:
        patient_id = caller.principal.patient_id
        if caller.principal.kind is not PrincipalKind.PATIENT or patient_id is None:
            raise NotFound("invoice")
        invoice = await self._invoices.get(invoice_id, of=patient_id)
        if invoice is None:
            raise NotFound("invoice")
        return invoice, patient_id

    async def _latest(self, invoice_id: str) -> RequestedChange | None:
        async with self._units(Scope.READING) as unit:
            changes = await unit.changes.of_subject(Subject(kind=SubjectKind.INVOICE, id=invoice_id))
        return changes[-1] if changes else None


def _holds(change: RequestedChange, quote_id: str) -> bool:
    """Whether the payment accepted this quote, and goes on or is done. One that was refused is tried again."""
    return change.quote_id == quote_id and (not change.ended or change.state is ChangeState.DONE)

"""HealthiePurchases: what a patient bought and owes, read with the organisation's key. Reads only.

A filter that Healthie does not apply would list what other patients have: every row is compared with the patient that was asked for.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol, TypeVar

from booking.packages.model import Credit, CreditEntry, Invoice, Membership, Package, Payment
from integrations.healthie.answers import every
from integrations.healthie.bought_packages import credit_of, ledger_of, membership_of, package_of
from integrations.healthie.catalog import CurrencyOwner, currency_of
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Receipt
from integrations.healthie.receipts import invoice_of, payment_of
from integrations.upstream.errors import reading


class _Answer(Protocol):
    """An answer with the key's owner, who has the practice's currency."""

    @property
    def current_user(self) -> CurrencyOwner | None: ...


A = TypeVar("A", bound=_Answer)


class HealthiePurchases:
    """The port Purchases."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def packages(self, patient_id: str) -> Sequence[Package]:
        """The plans that the patient has, newest first. Raises UpstreamUnavailable."""
        currency = _Currency()
        with reading():
            rows = await every(
                lambda after: self._client.packages_of_patient(user_id=patient_id, after=after),
                lambda answer: currency.of(answer).user_package_selections,
            )
        own = [row for row in rows if row.user is not None and row.user.id == patient_id]
        found = [package_of(row, currency.code) for row in own]
        return sorted(found, key=lambda each: each.bought_at, reverse=True)

    async def credits(self, patient_id: str) -> Sequence[Credit]:
        """What is left for each visit type. Raises UpstreamUnavailable."""
        with reading():
            person = (await self._client.credits_of_patient(user_id=patient_id)).user
        if person is None or person.id != patient_id:
            return ()
        own = [row for row in person.appointment_type_credits if str(row.user_id) in {patient_id, "None"}]
        return [credit for credit in map(credit_of, own) if credit is not None]

    async def ledger(self, patient_id: str, visit_type_id: str) -> Sequence[CreditEntry]:
        """The lines of the ledger for one visit type, newest first. Raises UpstreamUnavailable."""
        with reading():
            rows = await every(
                lambda after: self._client.credit_ledger(
                    user_id=patient_id, appointment_type_id=visit_type_id, after=after
                ),
                lambda answer: answer.appointment_type_credit_changes,
            )
        return ledger_of(rows, patient_id)

    async def memberships(self, patient_id: str) -> Sequence[Membership]:
        """The series of payments, those that go on first, each newest first. Raises UpstreamUnavailable."""
        currency = _Currency()
        with reading():
            rows = await every(
                lambda after: self._client.memberships_of_patient(user_id=patient_id, after=after),
                lambda answer: currency.of(answer).recurring_payments,
            )
        found = [membership_of(row, currency.code) for row in rows if row.sender_id == patient_id]
        newest_first = sorted(found, key=lambda each: each.started_at, reverse=True)
        return sorted(newest_first, key=lambda each: not each.is_open)

    async def payments(self, patient_id: str) -> Sequence[Payment]:
        """The payments, newest first. Raises UpstreamUnavailable."""
        currency = _Currency()
        with reading():
            lists = await asyncio.gather(
                every(
                    lambda after: self._client.payments_of_client(patient_id=patient_id, after=after),
                    lambda answer: currency.of(answer).billing_items,
                ),
                every(
                    lambda after: self._client.payments_of_user(patient_id=patient_id, after=after),
                    lambda answer: currency.of(answer).billing_items,
                ),
            )
        rows: dict[str, Receipt] = {row.id: row for rows in lists for row in rows}
        found = [payment_of(row, currency.code) for row in rows.values() if row.sender_id == patient_id]
        return sorted((each for each in found if each is not None), key=lambda each: each.at, reverse=True)

    async def invoices(self, patient_id: str) -> Sequence[Invoice]:
        """The invoices to the patient, newest first. Raises UpstreamUnavailable."""
        currency = _Currency()
        with reading():
            rows = await every(
                lambda after: self._client.invoices_of_patient(patient_id=patient_id, after=after),
                lambda answer: currency.of(answer).requested_payments,
            )
        own = [row for row in rows if row.recipient_id == patient_id and not row.is_preview]
        found = [invoice_of(row, currency.code) for row in own]
        return sorted(
            (each for each in found if each is not None), key=lambda each: each.created_at, reverse=True
        )


class _Currency:
    """The practice's currency, noted from the answers of a list: for amounts that name none."""

    def __init__(self) -> None:
        self.code = currency_of(None)

    def of(self, answer: A) -> A:
        """Note it, and hand the answer on."""
        self.code = currency_of(answer.current_user)
        return answer

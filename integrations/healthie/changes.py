"""What changed while Healthie sent us nothing, as far as it lists changes: visits, patients with their cards, payments."""

from collections.abc import Sequence
from datetime import datetime

from booking.watched import Kind, Poke, Resource
from integrations.healthie.answers import changed_since
from integrations.healthie.errors import reading
from integrations.healthie.generated.client import Client


class HealthieChanges:
    """The port Changes."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def since(self, moment: datetime) -> Sequence[Poke]:
        """What changed or came at or after the moment. Raises UpstreamUnavailable."""
        client = self._client
        with reading():
            visits = await changed_since(
                moment, lambda after: client.visits_changed(after=after), lambda answer: answer.appointments
            )
            patients = await changed_since(
                moment, lambda after: client.patients_changed(after=after), lambda answer: answer.users
            )
            payments = await changed_since(
                moment,
                lambda after: client.payments_changed(after=after),
                lambda answer: answer.billing_items,
            )
        cards = [
            _poke(Kind.CARD, card.id, about=patient.id)
            for patient, _ in patients
            for card in patient.stripe_customer_details or ()
            if card.created_at >= moment
        ]
        return [
            *(_poke(Kind.VISIT, visit.id) for visit, _ in visits),
            *(_poke(Kind.PATIENT, patient.id) for patient, _ in patients),
            *(_poke(Kind.PAYMENT, payment.id) for payment, _ in payments),
            *cards,
        ]


def _poke(kind: Kind, one: str, *, about: str | None = None) -> Poke:
    return Poke(resource=Resource(kind=kind, id=one), about=about)

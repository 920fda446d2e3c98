"""Cards on file."""

from collections.abc import Sequence

from booking.models import Card
from booking.refusals import CardDeclined, OutcomeUnknown, UpstreamRefused
from integrations.healthie.acting import ClinicianClient
from integrations.healthie.answers import every, refusal
from integrations.healthie.declines import DeclineCodes, decline
from integrations.healthie.errors import changing, reading
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import CardOnFile

# Stripe's words for a token that did its work before: this call changed nothing, an earlier one may have.
_TOKEN_USED = "cannot use a stripe token more than once"  # noqa: S105 - a sentence
_TOKEN_UNKNOWN = "no such token"  # noqa: S105 - a sentence


class HealthieCards:
    """The port Cards: reads with the organisation's key, attaches with the clinician's."""

    def __init__(self, *, client: Client, clinician: ClinicianClient, declines: DeclineCodes) -> None:
        self._client = client
        self._clinician = clinician
        self._declines = declines

    async def on_file(self, patient_id: str) -> Sequence[Card]:
        """The patient's cards. Raises UpstreamUnavailable."""
        with reading():
            cards = await every(
                lambda after: self._client.cards(user_id=patient_id, after=after),
                lambda answer: answer.stripe_customer_details,
            )
        return [_card(each) for each in cards if each.user_id in (None, patient_id)]

    async def attach(self, *, patient_id: str, token: str, make_default: bool, clinician_id: str) -> Card:
        """Turn a single-use token into a card on file.

        Raises CardDeclined, UpstreamRefused (`token_used`, `token_unknown`), ClinicianNotBookable, OutcomeUnknown.
        """
        client = await self._clinician(clinician_id)
        with changing():
            payload = (
                await client.attach_card(token=token, user_id=patient_id, is_default=make_default)
            ).create_stripe_customer_detail
        detail = payload.stripe_customer_detail if payload else None
        refused = refusal("AttachCard", payload.messages, payload.stripe_error) if payload else None
        if refused is not None and detail is None:
            raise _refused(refused.words, self._declines)
        if refused is not None or detail is None or detail.user_id not in (None, patient_id):
            raise OutcomeUnknown("AttachCard: not what was asked")
        return _card(detail)


def _refused(words: Sequence[str], declines: DeclineCodes) -> Exception:
    reason = decline(words, declines)
    if reason is not None:
        return CardDeclined(reason)
    said = " ".join(words).casefold()
    if _TOKEN_USED in said:
        return UpstreamRefused("AttachCard", "token_used")
    if _TOKEN_UNKNOWN in said:
        return UpstreamRefused("AttachCard", "token_unknown")
    return OutcomeUnknown("AttachCard: unfamiliar refusal")


def _card(detail: CardOnFile) -> Card:
    return Card(
        id=detail.id,
        brand=detail.card_type or "",
        last4=detail.last_four or "",
        expires=detail.expiration.date() if detail.expiration else None,
    )

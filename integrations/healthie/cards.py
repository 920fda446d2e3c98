"""HealthieCards: cards on file."""

from collections.abc import Sequence
from contextlib import suppress

from booking.errors import OutcomeUnknown, UpstreamRefused
from booking.models import Card
from booking.refusals import CardDeclined, DeclineReason
from integrations.healthie.acting import ClinicianClient
from integrations.healthie.answers import every, refusal
from integrations.healthie.charge_refusals import certain_refusal
from integrations.healthie.declines import DeclineCodes, decline, in_doubt
from integrations.healthie.errors import Refused
from integrations.healthie.generated.cards import Cards as CardsAnswer
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import CardOnFile
from integrations.healthie.readback import Comparison
from integrations.upstream.errors import UnreadableAnswer, changing, reading, reading_back


class HealthieCards:
    """The port Cards: reads, removes and makes default with the organisation's key, attaches with the clinician's."""

    def __init__(
        self, *, client: Client, clinician: ClinicianClient, declines: DeclineCodes, comparison: Comparison
    ) -> None:
        self._client = client
        self._comparison = comparison
        self._clinician = clinician
        self._declines = declines

    async def on_file(self, patient_id: str) -> Sequence[Card]:
        """The patient's cards. Raises UpstreamUnavailable."""
        with reading():
            return await self._read(patient_id)

    async def attach(self, *, patient_id: str, token: str, make_default: bool, clinician_id: str) -> Card:
        """Turn a single-use token into a card on file.

        Raises CardDeclined (TRY_AGAIN when the token was used before or the refusal's wording is unknown: a new token will tell),
        UpstreamRefused, UpstreamUnavailable, ClinicianNotBookable, OutcomeUnknown.
        """
        client = await self._clinician(clinician_id)
        with changing():
            try:
                payload = (
                    await client.attach_card(token=token, user_id=patient_id, is_default=make_default)
                ).create_stripe_customer_detail
            except UnreadableAnswer as answer:
                return await self._recover(patient_id, answer)
            detail = payload.stripe_customer_detail if payload else None
            refused = refusal("AttachCard", payload.messages, payload.stripe_error) if payload else None
            if refused is not None and detail is None:
                raise _refused(refused, self._declines)
            if refused is not None:
                raise OutcomeUnknown("AttachCard: refused yet made")
            await self._comparison.check(
                "AttachCard",
                card=detail is not None,
                owner=detail is not None and _is_of(patient_id, detail),
            )
        if detail is None:
            raise AssertionError("a card that was compared is there")
        return _card(detail, is_default=make_default)

    async def remove(self, *, patient_id: str, card_id: str) -> None:
        """Take the card off file, and read back that it is gone. Raises UpstreamRefused, UpstreamUnavailable, OutcomeUnknown."""
        payload = None
        # An undecodable response does no harm: the read-back shows the outcome in any case.
        with changing(), suppress(UnreadableAnswer):
            payload = (
                await self._client.remove_card(card_id=card_id, user_id=patient_id)
            ).delete_stripe_customer_detail
        refused = refusal("RemoveCard", payload.messages) if payload else None
        gone = all(card.id != card_id for card in await self._read_back(patient_id))
        if refused is not None and not gone:
            raise UpstreamRefused("RemoveCard", "refused")
        with changing():
            await self._comparison.check("RemoveCard", gone=gone)

    async def make_default(self, *, patient_id: str, card_id: str) -> None:
        """Make the card the default, and read it back. Raises as `remove`.

        The only field that may tell the default is `User.stripe_customer_detail`; where it is another card, the change is not believed.
        """
        payload = None
        with changing(), suppress(UnreadableAnswer):
            payload = (
                await self._client.make_card_default(id=card_id, user_id=patient_id)
            ).update_stripe_customer_detail
        refused = refusal("MakeCardDefault", payload.messages) if payload else None
        default = any(card.id == card_id and card.is_default for card in await self._read_back(patient_id))
        if refused is not None and not default:
            raise UpstreamRefused("MakeCardDefault", "refused")
        with changing():
            await self._comparison.check("MakeCardDefault", default=default)

    async def _read_back(self, patient_id: str) -> Sequence[Card]:
        with reading_back():
            return await self._read(patient_id)

    async def _read(self, patient_id: str) -> Sequence[Card]:
        default: set[str] = set()

        async def ask(after: str | None) -> CardsAnswer:
            answer = await self._client.cards(user_id=patient_id, after=after)
            person = answer.user
            if person is not None and person.id == patient_id and person.stripe_customer_detail is not None:
                default.add(person.stripe_customer_detail.id)
            return answer

        found = await every(ask, lambda answer: answer.stripe_customer_details)
        own = [each for each in found if _is_of(patient_id, each)]
        return [_card(each, is_default=each.id in default) for each in own]

    async def _recover(self, patient_id: str, answer: UnreadableAnswer) -> Card:
        """Look up the card whose id an undecodable response contained. Raises OutcomeUnknown."""
        with reading_back():
            found = [each for each in await self._details(patient_id) if each.id == answer.record_id]
        if not found:
            raise answer
        return _card(found[0])

    async def _details(self, patient_id: str) -> list[CardOnFile]:
        found = await every(
            lambda after: self._client.cards(user_id=patient_id, after=after),
            lambda answer: answer.stripe_customer_details,
        )
        return [each for each in found if _is_of(patient_id, each)]


def _is_of(patient_id: str, detail: CardOnFile) -> bool:
    """Whether a card that was requested for this patient is theirs. Healthie may omit the owner."""
    return detail.user_id in (None, patient_id)


def _refused(refused: Refused, declines: DeclineCodes) -> Exception:
    certain = certain_refusal(refused)
    if certain is not None:
        return UpstreamRefused("AttachCard", certain)
    if in_doubt(refused.words):
        return OutcomeUnknown("AttachCard: in doubt")
    return CardDeclined(decline(refused.words, declines) or DeclineReason.TRY_AGAIN)


def _card(detail: CardOnFile, *, is_default: bool = False) -> Card:
    return Card(
        id=detail.id,
        brand=detail.card_type or "",
        last4=detail.last_four or "",
        expires=detail.expiration.date() if detail.expiration else None,
        is_default=is_default,
    )

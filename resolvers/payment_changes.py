"""The mutations of cards on file and receipts."""

from typing import Annotated

import strawberry
from strawberry import ID

from resolvers import inputs
from schema.context import Info
from schema.fields import computed
from schema.inputs import INPUT, RemoveCardInput, SendReceiptInput, SetDefaultCardInput
from schema.payment_changes import (
    RemoveCardResult,
    RemoveCardSuccess,
    SendReceiptResult,
    SendReceiptSuccess,
    SetDefaultCardResult,
    SetDefaultCardSuccess,
)
from schema.permissions import PATIENTS


@strawberry.type
class PaymentMutation:
    """Cards on file and receipts of the signed-in patient."""

    @computed(description="Take a card off file. One that is needed at the moment stays.", who=PATIENTS)
    async def remove_card(self, info: Info, asked: Annotated[RemoveCardInput, INPUT]) -> RemoveCardResult:
        """Remove."""
        card_id = inputs.required_token(asked.card_id, field="cardId")
        await info.context.services.cards.remove(info.context.identified, card_id)
        return RemoveCardSuccess(card_id=ID(card_id))

    @computed(
        description="Make a card the default: the one that is charged where no card is named, as memberships do.",
        who=PATIENTS,
    )
    async def set_default_card(
        self, info: Info, asked: Annotated[SetDefaultCardInput, INPUT]
    ) -> SetDefaultCardResult:
        """Choose."""
        card_id = inputs.required_token(asked.card_id, field="cardId")
        await info.context.services.cards.make_default(info.context.identified, card_id)
        return SetDefaultCardSuccess(card_id=ID(card_id))

    @computed(
        description="Have the receipt of a payment mailed again by the practice's system. One that was mailed in the last five minutes is not mailed again.",
        who=PATIENTS,
    )
    async def send_receipt(self, info: Info, asked: Annotated[SendReceiptInput, INPUT]) -> SendReceiptResult:
        """Mail."""
        payment_id = inputs.required_token(asked.payment_id, field="paymentId")
        sent_at = await info.context.services.receipts.send(info.context.identified, payment_id)
        return SendReceiptSuccess(payment_id=ID(payment_id), sent_at=sent_at)

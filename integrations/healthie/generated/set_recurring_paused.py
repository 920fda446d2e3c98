from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class SetRecurringPaused(BaseModel):
    update_billing_item: Optional["SetRecurringPausedUpdateBillingItem"] = Field(
        alias="updateBillingItem"
    )


class SetRecurringPausedUpdateBillingItem(BaseModel):
    messages: Optional[list[Optional["SetRecurringPausedUpdateBillingItemMessages"]]]


class SetRecurringPausedUpdateBillingItemMessages(BaseModel):
    field: Optional[str]
    message: str


SetRecurringPaused.model_rebuild()
SetRecurringPausedUpdateBillingItem.model_rebuild()

from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class EnableWebhook(BaseModel):
    update_webhook: Optional["EnableWebhookUpdateWebhook"] = Field(
        alias="updateWebhook"
    )


class EnableWebhookUpdateWebhook(BaseModel):
    webhook: Optional["EnableWebhookUpdateWebhookWebhook"]
    messages: Optional[list[Optional["EnableWebhookUpdateWebhookMessages"]]]


class EnableWebhookUpdateWebhookWebhook(BaseModel):
    id: str


class EnableWebhookUpdateWebhookMessages(BaseModel):
    message: str


EnableWebhook.model_rebuild()
EnableWebhookUpdateWebhook.model_rebuild()

from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Subscription


class SubscribeWebhook(BaseModel):
    create_webhook: Optional["SubscribeWebhookCreateWebhook"] = Field(
        alias="createWebhook"
    )


class SubscribeWebhookCreateWebhook(BaseModel):
    webhook: Optional["SubscribeWebhookCreateWebhookWebhook"]
    messages: Optional[list[Optional["SubscribeWebhookCreateWebhookMessages"]]]


SubscribeWebhookCreateWebhookWebhook = Subscription


class SubscribeWebhookCreateWebhookMessages(BaseModel):
    message: str


SubscribeWebhook.model_rebuild()
SubscribeWebhookCreateWebhook.model_rebuild()

from typing import Optional

from .base_model import BaseModel
from .fragments import More, Subscription


class WebhookSubscriptions(BaseModel):
    webhooks: Optional["WebhookSubscriptionsWebhooks"]


class WebhookSubscriptionsWebhooks(BaseModel):
    nodes: Optional[list[Optional["WebhookSubscriptionsWebhooksNodes"]]]
    page_info: "WebhookSubscriptionsWebhooksPageInfo"


WebhookSubscriptionsWebhooksNodes = Subscription
WebhookSubscriptionsWebhooksPageInfo = More
WebhookSubscriptions.model_rebuild()
WebhookSubscriptionsWebhooks.model_rebuild()

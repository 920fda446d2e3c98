from typing import Annotated, Optional, Union

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .enums import WebhookEventType
from .fragments import More


class WebhookAttempts(BaseModel):
    sent_webhooks: Optional["WebhookAttemptsSentWebhooks"] = Field(alias="sentWebhooks")


class WebhookAttemptsSentWebhooks(BaseModel):
    nodes: Optional[list[Optional["WebhookAttemptsSentWebhooksNodes"]]]
    page_info: "WebhookAttemptsSentWebhooksPageInfo"


class WebhookAttemptsSentWebhooksNodes(BaseModel):
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    event_type: Optional[Union[WebhookEventType, str]]
    http_response_status: Optional[str]
    resource_id: Optional[str]
    resource_id_type: Optional[str]
    url: Optional[str]
    webhook_id: Optional[str]


WebhookAttemptsSentWebhooksPageInfo = More
WebhookAttempts.model_rebuild()
WebhookAttemptsSentWebhooks.model_rebuild()

from typing import Optional

from .base_model import BaseModel
from .enums import WebhookEventType


class WebhookEventInput(BaseModel):
    id: Optional[str] = None
    event_type: WebhookEventType

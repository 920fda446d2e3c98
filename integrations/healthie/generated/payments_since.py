from typing import Optional

from .base_model import BaseModel
from .fragments import Payment


class PaymentsSince(BaseModel):
    by_client: Optional["PaymentsSinceByClient"]
    by_user: Optional["PaymentsSinceByUser"]


class PaymentsSinceByClient(BaseModel):
    nodes: Optional[list[Optional["PaymentsSinceByClientNodes"]]]
    page_info: "PaymentsSinceByClientPageInfo"


PaymentsSinceByClientNodes = Payment


class PaymentsSinceByClientPageInfo(BaseModel):
    has_next_page: bool


class PaymentsSinceByUser(BaseModel):
    nodes: Optional[list[Optional["PaymentsSinceByUserNodes"]]]
    page_info: "PaymentsSinceByUserPageInfo"


PaymentsSinceByUserNodes = Payment


class PaymentsSinceByUserPageInfo(BaseModel):
    has_next_page: bool


PaymentsSince.model_rebuild()
PaymentsSinceByClient.model_rebuild()
PaymentsSinceByUser.model_rebuild()

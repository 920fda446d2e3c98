from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import More, Receipt


class PaymentsOfClient(BaseModel):
    billing_items: Optional["PaymentsOfClientBillingItems"] = Field(
        alias="billingItems"
    )
    current_user: Optional["PaymentsOfClientCurrentUser"] = Field(alias="currentUser")


class PaymentsOfClientBillingItems(BaseModel):
    nodes: Optional[list[Optional["PaymentsOfClientBillingItemsNodes"]]]
    page_info: "PaymentsOfClientBillingItemsPageInfo"


PaymentsOfClientBillingItemsNodes = Receipt
PaymentsOfClientBillingItemsPageInfo = More


class PaymentsOfClientCurrentUser(BaseModel):
    default_currency: Optional[str]


PaymentsOfClient.model_rebuild()
PaymentsOfClientBillingItems.model_rebuild()

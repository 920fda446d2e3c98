from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import More, Receipt


class PaymentsOfUser(BaseModel):
    billing_items: Optional["PaymentsOfUserBillingItems"] = Field(alias="billingItems")
    current_user: Optional["PaymentsOfUserCurrentUser"] = Field(alias="currentUser")


class PaymentsOfUserBillingItems(BaseModel):
    nodes: Optional[list[Optional["PaymentsOfUserBillingItemsNodes"]]]
    page_info: "PaymentsOfUserBillingItemsPageInfo"


PaymentsOfUserBillingItemsNodes = Receipt
PaymentsOfUserBillingItemsPageInfo = More


class PaymentsOfUserCurrentUser(BaseModel):
    default_currency: Optional[str]


PaymentsOfUser.model_rebuild()
PaymentsOfUserBillingItems.model_rebuild()

from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .fragments import More


class PaymentsChanged(BaseModel):
    billing_items: Optional["PaymentsChangedBillingItems"] = Field(alias="billingItems")


class PaymentsChangedBillingItems(BaseModel):
    nodes: Optional[list[Optional["PaymentsChangedBillingItemsNodes"]]]
    page_info: "PaymentsChangedBillingItemsPageInfo"


class PaymentsChangedBillingItemsNodes(BaseModel):
    id: str
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


PaymentsChangedBillingItemsPageInfo = More
PaymentsChanged.model_rebuild()
PaymentsChangedBillingItems.model_rebuild()

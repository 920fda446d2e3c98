from typing import Optional

from .base_model import BaseModel


class Offerings(BaseModel):
    offerings: Optional["OfferingsOfferings"]


class OfferingsOfferings(BaseModel):
    nodes: Optional[list[Optional["OfferingsOfferingsNodes"]]]
    page_info: "OfferingsOfferingsPageInfo"


class OfferingsOfferingsNodes(BaseModel):
    id: str
    name: Optional[str]
    description: Optional[str]
    price: Optional[str]
    initial_payment_amount: Optional[str]
    initial_price_with_taxes: Optional[str]
    currency: Optional[str]
    billing_frequency: Optional[str]
    repeat_times: Optional[int]
    archived: bool
    show_offering: bool
    visibility_status: str
    under_purchase_cap: Optional[bool]
    offering_includes: Optional[list["OfferingsOfferingsNodesOfferingIncludes"]]


class OfferingsOfferingsNodesOfferingIncludes(BaseModel):
    appointment_type_id: Optional[str]
    quantity: Optional[str]


class OfferingsOfferingsPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


Offerings.model_rebuild()
OfferingsOfferings.model_rebuild()
OfferingsOfferingsNodes.model_rebuild()

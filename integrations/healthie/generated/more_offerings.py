from typing import Optional

from .base_model import BaseModel
from .fragments import More, Package


class MoreOfferings(BaseModel):
    offerings: Optional["MoreOfferingsOfferings"]


class MoreOfferingsOfferings(BaseModel):
    nodes: Optional[list[Optional["MoreOfferingsOfferingsNodes"]]]
    page_info: "MoreOfferingsOfferingsPageInfo"


MoreOfferingsOfferingsNodes = Package
MoreOfferingsOfferingsPageInfo = More
MoreOfferings.model_rebuild()
MoreOfferingsOfferings.model_rebuild()

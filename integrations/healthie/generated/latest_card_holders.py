from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator

from .base_model import BaseModel
from .fragments import More


class LatestCardHolders(BaseModel):
    users: "LatestCardHoldersUsers"


class LatestCardHoldersUsers(BaseModel):
    nodes: Optional[list[Optional["LatestCardHoldersUsersNodes"]]]
    page_info: "LatestCardHoldersUsersPageInfo"


class LatestCardHoldersUsersNodes(BaseModel):
    id: str
    stripe_customer_details: Optional[
        list["LatestCardHoldersUsersNodesStripeCustomerDetails"]
    ]


class LatestCardHoldersUsersNodesStripeCustomerDetails(BaseModel):
    id: str
    created_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


LatestCardHoldersUsersPageInfo = More
LatestCardHolders.model_rebuild()
LatestCardHoldersUsers.model_rebuild()
LatestCardHoldersUsersNodes.model_rebuild()

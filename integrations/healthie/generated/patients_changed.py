from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator

from .base_model import BaseModel
from .fragments import (
    CardHolder,
    CardHolderStripeCustomerDetails,  # noqa: F401
    More,
)


class PatientsChanged(BaseModel):
    users: "PatientsChangedUsers"


class PatientsChangedUsers(BaseModel):
    nodes: Optional[list[Optional["PatientsChangedUsersNodes"]]]
    page_info: "PatientsChangedUsersPageInfo"


class PatientsChangedUsersNodes(CardHolder):
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


PatientsChangedUsersPageInfo = More
PatientsChanged.model_rebuild()
PatientsChangedUsers.model_rebuild()

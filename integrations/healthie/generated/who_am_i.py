from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class WhoAmI(BaseModel):
    current_user: Optional["WhoAmICurrentUser"] = Field(alias="currentUser")


class WhoAmICurrentUser(BaseModel):
    id: str


WhoAmI.model_rebuild()

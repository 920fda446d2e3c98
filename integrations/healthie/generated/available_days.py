from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class AvailableDays(BaseModel):
    days_available_for_range: Optional[list[Optional[str]]] = Field(
        alias="daysAvailableForRange"
    )

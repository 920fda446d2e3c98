from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel


class AvailableSlots(BaseModel):
    available_slots_for_range: Optional[
        list["AvailableSlotsAvailableSlotsForRange"]
    ] = Field(alias="availableSlotsForRange")


class AvailableSlotsAvailableSlotsForRange(BaseModel):
    user_id: Optional[str]
    date: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    length: Optional[int]
    is_fully_booked: Optional[bool]


AvailableSlots.model_rebuild()

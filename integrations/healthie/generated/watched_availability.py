from datetime import date
from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator

from .base_model import BaseModel


class WatchedAvailability(BaseModel):
    availability: Optional["WatchedAvailabilityAvailability"]


class WatchedAvailabilityAvailability(BaseModel):
    id: str
    user_id: Optional[int]
    range_start: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    range_end: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    is_repeating: Optional[bool]
    day_of_week: Optional[int]
    end_on: Optional[date]
    timezone: Optional[str]
    contact_type_id: Optional[int]
    appointment_type_id: Optional[int]
    appointment_location_id: Optional[str]
    created_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


WatchedAvailability.model_rebuild()

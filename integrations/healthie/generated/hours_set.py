from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator

from .base_model import BaseModel


class HoursSet(BaseModel):
    once: Optional[list["HoursSetOnce"]]
    weekly: Optional[list["HoursSetWeekly"]]


class HoursSetOnce(BaseModel):
    id: str
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


class HoursSetWeekly(BaseModel):
    id: str
    repeating_availability_id: Optional[str]
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


HoursSet.model_rebuild()

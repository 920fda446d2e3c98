from datetime import date
from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator

from .base_model import BaseModel


class WatchedPatient(BaseModel):
    user: Optional["WatchedPatientUser"]


class WatchedPatientUser(BaseModel):
    id: str
    active: bool
    first_name: Optional[str]
    last_name: Optional[str]
    email: Optional[str]
    phone_number: Optional[str]
    dob: Optional[date]
    timezone: Optional[str]
    dietitian_id: Optional[str]
    created_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


WatchedPatient.model_rebuild()

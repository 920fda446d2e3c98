from typing import Annotated, Optional

from integrations.healthie.scalars import (
    Json,
    Moment,
    parse_json,
    parse_moment,
)
from pydantic import BeforeValidator

from .base_model import BaseModel


class WatchedVisit(BaseModel):
    appointment: Optional["WatchedVisitAppointment"]


class WatchedVisitAppointment(BaseModel):
    id: str
    date: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    length: Optional[int]
    pm_status: Optional[str]
    pm_status_changed_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    pm_status_last_changed_by_id: Optional[str]
    last_updated_by_id: Optional[str]
    metadata: Optional[Annotated[Json, BeforeValidator(parse_json)]]
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    deleted_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]
    provider: Optional["WatchedVisitAppointmentProvider"]
    user: Optional["WatchedVisitAppointmentUser"]
    appointment_type: Optional["WatchedVisitAppointmentAppointmentType"]


class WatchedVisitAppointmentProvider(BaseModel):
    id: str


class WatchedVisitAppointmentUser(BaseModel):
    id: str


class WatchedVisitAppointmentAppointmentType(BaseModel):
    id: str


WatchedVisit.model_rebuild()
WatchedVisitAppointment.model_rebuild()

from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator

from .base_model import BaseModel
from .fragments import (  # noqa: F401
    Visit,
    VisitAppointmentType,
    VisitProvider,
    VisitRequestedPayment,
    VisitUser,
)


class VisitAsItStands(BaseModel):
    appointment: Optional["VisitAsItStandsAppointment"]


class VisitAsItStandsAppointment(Visit):
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


VisitAsItStands.model_rebuild()

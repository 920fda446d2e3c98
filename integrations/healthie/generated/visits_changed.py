from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator

from .base_model import BaseModel
from .fragments import More


class VisitsChanged(BaseModel):
    appointments: Optional["VisitsChangedAppointments"]


class VisitsChangedAppointments(BaseModel):
    nodes: Optional[list[Optional["VisitsChangedAppointmentsNodes"]]]
    page_info: "VisitsChangedAppointmentsPageInfo"


class VisitsChangedAppointmentsNodes(BaseModel):
    id: str
    updated_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


VisitsChangedAppointmentsPageInfo = More
VisitsChanged.model_rebuild()
VisitsChangedAppointments.model_rebuild()

from typing import Optional

from .base_model import BaseModel
from .fragments import More


class VisitsStanding(BaseModel):
    appointments: Optional["VisitsStandingAppointments"]


class VisitsStandingAppointments(BaseModel):
    nodes: Optional[list[Optional["VisitsStandingAppointmentsNodes"]]]
    page_info: "VisitsStandingAppointmentsPageInfo"


class VisitsStandingAppointmentsNodes(BaseModel):
    id: str


VisitsStandingAppointmentsPageInfo = More
VisitsStanding.model_rebuild()
VisitsStandingAppointments.model_rebuild()

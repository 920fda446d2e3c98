from typing import Optional

from .base_model import BaseModel
from .fragments import More, Visit


class VisitsBetween(BaseModel):
    appointments: Optional["VisitsBetweenAppointments"]


class VisitsBetweenAppointments(BaseModel):
    nodes: Optional[list[Optional["VisitsBetweenAppointmentsNodes"]]]
    page_info: "VisitsBetweenAppointmentsPageInfo"


VisitsBetweenAppointmentsNodes = Visit
VisitsBetweenAppointmentsPageInfo = More
VisitsBetween.model_rebuild()
VisitsBetweenAppointments.model_rebuild()

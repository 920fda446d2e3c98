from typing import Optional

from .base_model import BaseModel
from .fragments import Visit


class VisitsBetween(BaseModel):
    appointments: Optional["VisitsBetweenAppointments"]


class VisitsBetweenAppointments(BaseModel):
    nodes: Optional[list[Optional["VisitsBetweenAppointmentsNodes"]]]
    page_info: "VisitsBetweenAppointmentsPageInfo"


VisitsBetweenAppointmentsNodes = Visit


class VisitsBetweenAppointmentsPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


VisitsBetween.model_rebuild()
VisitsBetweenAppointments.model_rebuild()

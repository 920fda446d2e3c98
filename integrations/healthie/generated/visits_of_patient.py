from typing import Optional

from .base_model import BaseModel
from .fragments import Visit


class VisitsOfPatient(BaseModel):
    appointments: Optional["VisitsOfPatientAppointments"]


class VisitsOfPatientAppointments(BaseModel):
    nodes: Optional[list[Optional["VisitsOfPatientAppointmentsNodes"]]]
    page_info: "VisitsOfPatientAppointmentsPageInfo"


VisitsOfPatientAppointmentsNodes = Visit


class VisitsOfPatientAppointmentsPageInfo(BaseModel):
    has_next_page: bool
    end_cursor: Optional[str]


VisitsOfPatient.model_rebuild()
VisitsOfPatientAppointments.model_rebuild()

from typing import Optional

from .base_model import BaseModel
from .fragments import More, Visit


class VisitsOfPatient(BaseModel):
    appointments: Optional["VisitsOfPatientAppointments"]


class VisitsOfPatientAppointments(BaseModel):
    nodes: Optional[list[Optional["VisitsOfPatientAppointmentsNodes"]]]
    page_info: "VisitsOfPatientAppointmentsPageInfo"


VisitsOfPatientAppointmentsNodes = Visit
VisitsOfPatientAppointmentsPageInfo = More
VisitsOfPatient.model_rebuild()
VisitsOfPatientAppointments.model_rebuild()

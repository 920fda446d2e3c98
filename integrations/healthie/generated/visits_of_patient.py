from typing import Optional

from .base_model import BaseModel
from .fragments import (  # noqa: F401
    More,
    Visit,
    VisitAppointmentType,
    VisitProvider,
    VisitRequestedPayment,
    VisitUser,
)


class VisitsOfPatient(BaseModel):
    appointments: Optional["VisitsOfPatientAppointments"]


class VisitsOfPatientAppointments(BaseModel):
    nodes: Optional[list[Optional["VisitsOfPatientAppointmentsNodes"]]]
    page_info: "VisitsOfPatientAppointmentsPageInfo"


class VisitsOfPatientAppointmentsNodes(Visit):
    is_group: Optional[bool]
    attended_clients: Optional[list["VisitsOfPatientAppointmentsNodesAttendedClients"]]
    attendees_on_waitlist: Optional[
        list["VisitsOfPatientAppointmentsNodesAttendeesOnWaitlist"]
    ]


class VisitsOfPatientAppointmentsNodesAttendedClients(BaseModel):
    cancelled: Optional[bool]
    user: Optional["VisitsOfPatientAppointmentsNodesAttendedClientsUser"]


class VisitsOfPatientAppointmentsNodesAttendedClientsUser(BaseModel):
    id: str


class VisitsOfPatientAppointmentsNodesAttendeesOnWaitlist(BaseModel):
    id: str


VisitsOfPatientAppointmentsPageInfo = More
VisitsOfPatient.model_rebuild()
VisitsOfPatientAppointments.model_rebuild()
VisitsOfPatientAppointmentsNodes.model_rebuild()
VisitsOfPatientAppointmentsNodesAttendedClients.model_rebuild()

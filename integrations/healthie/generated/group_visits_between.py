from typing import Optional

from .base_model import BaseModel
from .fragments import GroupVisit, More


class GroupVisitsBetween(BaseModel):
    appointments: Optional["GroupVisitsBetweenAppointments"]


class GroupVisitsBetweenAppointments(BaseModel):
    nodes: Optional[list[Optional["GroupVisitsBetweenAppointmentsNodes"]]]
    page_info: "GroupVisitsBetweenAppointmentsPageInfo"


GroupVisitsBetweenAppointmentsNodes = GroupVisit
GroupVisitsBetweenAppointmentsPageInfo = More
GroupVisitsBetween.model_rebuild()
GroupVisitsBetweenAppointments.model_rebuild()

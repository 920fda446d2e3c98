from typing import Optional

from .base_model import BaseModel
from .fragments import (  # noqa: F401
    Changeable,
    ChangeableRecurringAppointment,
    ChangeableTypePolicy,
    Visit,
    VisitAppointmentType,
    VisitProvider,
    VisitRequestedPayment,
    VisitUser,
)


class BookedVisit(BaseModel):
    appointment: Optional["BookedVisitAppointment"]


class BookedVisitAppointment(Changeable, Visit):
    pass


BookedVisit.model_rebuild()

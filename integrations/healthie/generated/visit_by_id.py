from typing import Optional

from .base_model import BaseModel
from .fragments import Visit


class VisitById(BaseModel):
    appointment: Optional["VisitByIdAppointment"]


VisitByIdAppointment = Visit
VisitById.model_rebuild()

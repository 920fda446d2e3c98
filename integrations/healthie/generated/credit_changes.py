from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .fragments import More


class CreditChanges(BaseModel):
    appointment_type_credit_changes: Optional[
        "CreditChangesAppointmentTypeCreditChanges"
    ] = Field(alias="appointmentTypeCreditChanges")


class CreditChangesAppointmentTypeCreditChanges(BaseModel):
    nodes: Optional[list[Optional["CreditChangesAppointmentTypeCreditChangesNodes"]]]
    page_info: "CreditChangesAppointmentTypeCreditChangesPageInfo"


class CreditChangesAppointmentTypeCreditChangesNodes(BaseModel):
    id: str
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    credit_quantity: int
    appointment: Optional["CreditChangesAppointmentTypeCreditChangesNodesAppointment"]


class CreditChangesAppointmentTypeCreditChangesNodesAppointment(BaseModel):
    id: str


CreditChangesAppointmentTypeCreditChangesPageInfo = More
CreditChanges.model_rebuild()
CreditChangesAppointmentTypeCreditChanges.model_rebuild()
CreditChangesAppointmentTypeCreditChangesNodes.model_rebuild()

from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .fragments import More


class CreditLedger(BaseModel):
    appointment_type_credit_changes: Optional[
        "CreditLedgerAppointmentTypeCreditChanges"
    ] = Field(alias="appointmentTypeCreditChanges")


class CreditLedgerAppointmentTypeCreditChanges(BaseModel):
    nodes: Optional[list[Optional["CreditLedgerAppointmentTypeCreditChangesNodes"]]]
    page_info: "CreditLedgerAppointmentTypeCreditChangesPageInfo"


class CreditLedgerAppointmentTypeCreditChangesNodes(BaseModel):
    id: str
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    credit_quantity: int
    appointment: Optional["CreditLedgerAppointmentTypeCreditChangesNodesAppointment"]
    offering: Optional["CreditLedgerAppointmentTypeCreditChangesNodesOffering"]


class CreditLedgerAppointmentTypeCreditChangesNodesAppointment(BaseModel):
    id: str
    user: Optional["CreditLedgerAppointmentTypeCreditChangesNodesAppointmentUser"]


class CreditLedgerAppointmentTypeCreditChangesNodesAppointmentUser(BaseModel):
    id: str


class CreditLedgerAppointmentTypeCreditChangesNodesOffering(BaseModel):
    id: str


CreditLedgerAppointmentTypeCreditChangesPageInfo = More
CreditLedger.model_rebuild()
CreditLedgerAppointmentTypeCreditChanges.model_rebuild()
CreditLedgerAppointmentTypeCreditChangesNodes.model_rebuild()
CreditLedgerAppointmentTypeCreditChangesNodesAppointment.model_rebuild()

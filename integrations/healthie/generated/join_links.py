from typing import Optional

from .base_model import BaseModel


class JoinLinks(BaseModel):
    appointment: Optional["JoinLinksAppointment"]


class JoinLinksAppointment(BaseModel):
    id: str
    contact_type: Optional[str]
    external_videochat_url: Optional[str]
    zoom_join_url: Optional[str]
    zoom_dial_in_info: Optional[str]


JoinLinks.model_rebuild()

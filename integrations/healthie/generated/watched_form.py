from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel


class WatchedForm(BaseModel):
    form_answer_group: Optional["WatchedFormFormAnswerGroup"] = Field(
        alias="formAnswerGroup"
    )


class WatchedFormFormAnswerGroup(BaseModel):
    id: str
    finished: bool
    user_id: Optional[str]
    created_at: Annotated[Moment, BeforeValidator(parse_moment)]
    updated_at: Annotated[Moment, BeforeValidator(parse_moment)]
    deleted_at: Optional[Annotated[Moment, BeforeValidator(parse_moment)]]


WatchedForm.model_rebuild()

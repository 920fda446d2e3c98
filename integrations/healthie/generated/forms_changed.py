from typing import Annotated, Optional

from integrations.healthie.scalars import Moment, parse_moment
from pydantic import BeforeValidator, Field

from .base_model import BaseModel
from .fragments import More


class FormsChanged(BaseModel):
    form_answer_groups: Optional["FormsChangedFormAnswerGroups"] = Field(
        alias="formAnswerGroups"
    )


class FormsChangedFormAnswerGroups(BaseModel):
    nodes: Optional[list[Optional["FormsChangedFormAnswerGroupsNodes"]]]
    page_info: "FormsChangedFormAnswerGroupsPageInfo"


class FormsChangedFormAnswerGroupsNodes(BaseModel):
    id: str
    updated_at: Annotated[Moment, BeforeValidator(parse_moment)]


FormsChangedFormAnswerGroupsPageInfo = More
FormsChanged.model_rebuild()
FormsChangedFormAnswerGroups.model_rebuild()

from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import BoughtPackage, More


class PackagesOfPatient(BaseModel):
    user_package_selections: Optional["PackagesOfPatientUserPackageSelections"] = Field(
        alias="userPackageSelections"
    )
    current_user: Optional["PackagesOfPatientCurrentUser"] = Field(alias="currentUser")


class PackagesOfPatientUserPackageSelections(BaseModel):
    nodes: Optional[list[Optional["PackagesOfPatientUserPackageSelectionsNodes"]]]
    page_info: "PackagesOfPatientUserPackageSelectionsPageInfo"


PackagesOfPatientUserPackageSelectionsNodes = BoughtPackage
PackagesOfPatientUserPackageSelectionsPageInfo = More


class PackagesOfPatientCurrentUser(BaseModel):
    default_currency: Optional[str]


PackagesOfPatient.model_rebuild()
PackagesOfPatientUserPackageSelections.model_rebuild()

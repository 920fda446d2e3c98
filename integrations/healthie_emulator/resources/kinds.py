"""Item: a record of any kind that has no class of its own, and which kinds there are."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from integrations.healthie_emulator.records import Record

FIRST_TABLE = 50  # the ids of items begin at 5,000,001, far from those of records with a class

# The types of the contract that are kept as items. Order decides ids: new kinds go to the end.
KINDS = (
    "CustomModuleForm",
    "CustomModule",
    "FormAnswer",
    "FileAttachment",
    "FormAnswerGroupSigning",
    "FormAnswerGroupAuditEvent",
    "RequestedFormCompletion",
    "RecurringForm",
    "OnboardingFlow",
    "OnboardingItem",
    "CompletedOnboardingItem",
    "Document",
    "DocumentViewing",
    "Upload",
    "Conversation",
    "ConversationMembership",
    "Note",
    "Tag",
    "AppliedTag",
    "UserGroup",
    "InsurancePlan",
    "AcceptedInsurancePlan",
    "ProviderAcceptedInsurancePlan",
    "Policy",
    "InsuranceAuthorization",
    "EligibilityCheck",
    "NotificationSetting",
    "NotificationContact",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item(Record):
    """A record whose fields are in `values`; one that is not there reads as None."""

    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """Read a field by its name in the contract."""
        if name == "values" or name.startswith("__"):
            raise AttributeError(name)
        return self.values.get(name)

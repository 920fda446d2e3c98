"""Item: a record of any kind that has no class of its own, and the functions that keep items in a world's tables."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from integrations.healthie_emulator.records import Record

if TYPE_CHECKING:
    from integrations.healthie_emulator.state import World

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


def add(world: "World", kind: str, /, **values: Any) -> Item:
    """Make an item; its id and dates are given, unless `created_at` is among the values."""
    dated = {name: values.pop(name) for name in ("created_at",) if name in values}
    return world.items[kind].add(values=values, **dated)


def change(world: "World", kind: str, item_id: str, /, **changes: Any) -> Item:
    """Put changed values over those of an item."""
    table = world.items[kind]
    return table.change(item_id, values={**table[item_id].values, **changes})


def every(world: "World", kind: str, /, **wanted: Any) -> list[Item]:
    """Return the items of a kind that have all these values, in the order in which they were made."""
    return [
        item
        for item in world.items[kind]
        if all(getattr(item, name) == value for name, value in wanted.items())
    ]


def first(world: "World", kind: str, /, **wanted: Any) -> Item | None:
    """Return the first item of a kind with these values."""
    return next(iter(every(world, kind, **wanted)), None)

from enum import Enum


class BillingItemState(str, Enum):
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SCHEDULED = "SCHEDULED"

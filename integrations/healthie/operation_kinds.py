"""Operation kinds: operations that tend to fail together share a circuit breaker (`integrations.upstream.breaker`)."""

_KINDS = {
    "availability": ("AvailableSlots", "AvailableDays", "GroupVisitsBetween"),
    "catalog": (
        "PublicCatalog",
        "MoreOfferings",
        "MoreAppointmentTypes",
        "MoreMembers",
        "MoreLocations",
        "PlanOnSale",
        "VisitOnSale",
        "ValidateCoupon",
        "Coupons",
        "LastingCoupons",
        "CancellationReasons",
        "VisitRules",
    ),
    "keys": ("WhoAmI", "ApiVersion", "Permissions", "PermissionsOfMembers"),
    "patients": (
        "Patient",
        "PatientsByEmail",
        "PatientsByName",
        "MorePatients",
        "VisitAsItStands",
        "VisitsOfPatient",
        "Cards",
        "CreditLedger",
        "CreditsOfPatient",
        "InvoicesOfPatient",
        "JoinLinks",
        "MembershipsOfPatient",
        "PackagesOfPatient",
        "PaymentsOfClient",
        "PaymentsOfUser",
    ),
    "outcomes": (
        "BookedVisit",
        "CreditChanges",
        "CreditsLeft",
        "InvoiceById",
        "InvoiceStanding",
        "MembershipStanding",
        "PaymentById",
        "PaymentsSince",
        "ReceiptById",
        "VisitById",
        "VisitsBetween",
    ),
    "patient_changes": ("CreatePatient", "AttachCard", "MakeCardDefault", "RemoveCard"),
    "money": ("Charge", "Refund", "CancelRecurring", "SetRecurringPaused", "CloseInvoice", "SendReceipt"),
    "visits": ("Book", "CancelVisit", "DeleteVisit", "MoveVisit"),
}
_KIND_OF = {operation: kind for kind, operations in _KINDS.items() for operation in operations}


def kind_of(operation: str, *, mutation: bool) -> str:
    """The kind of an operation; unlisted ones share a kind for mutations or for reads."""
    return _KIND_OF.get(operation, "other_changes" if mutation else "other_reads")

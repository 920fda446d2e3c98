"""Subjects: whether an operation is public or concerns a patient. The audit needs this before a call is sent.

Every operation in `operations/` is listed in one of the two groups; an unlisted one is treated as concerning a patient.
"""

from collections.abc import Mapping

# The practice's public offer and its policy, its clinicians' free time, and the owner and permissions of a key. Neither request nor
# response says anything about a patient; a promo code belongs to the practice, and anybody who looks at a price may enter it.
PUBLIC = frozenset(
    {
        "ApiVersion",  # asks for the version of the API; in no file of `operations/`
        "AutomaticCharges",
        "AvailableDays",
        "AvailableSlots",
        "CancellationReasons",
        "Coupons",
        "HoursSet",
        "IntrospectionQuery",  # of the schema; in no file of `operations/`
        "LastingCoupons",
        "MoreAppointmentTypes",
        "MoreLocations",
        "MoreMembers",
        "MoreOfferings",
        "Permissions",
        "PermissionsOfMembers",
        "PlanOnSale",
        "PublicCatalog",
        "ValidateCoupon",
        "VisitOnSale",
        "VisitRules",
        "WatchedAvailability",
        "WebhookSubscriptions",
        "WhoAmI",
    }
)

# Operations that send or return patient data, with the variable that holds the patient's id (None: no variable does). Includes
# every mutation, whatever its subject, so that none is sent before its audit record is durable.
OF_PATIENTS: Mapping[str, str | None] = {
    "AttachCard": "user_id",
    "Book": "user_id",
    "BookedVisit": None,
    "CancelRecurring": None,
    "CancelVisit": None,
    "Cards": "user_id",
    "Charge": "sender_id",
    "CloseInvoice": None,
    "CreatePatient": None,
    "CreditChanges": "user_id",
    "CreditLedger": "user_id",
    "CreditsOfPatient": "user_id",
    "CreditsLeft": "user_id",
    "DeleteVisit": None,
    "DisputesChanged": None,
    "EnableWebhook": None,
    "FormsChanged": None,
    "GroupVisitsBetween": None,  # how many come, and not who; it is a look into the calendar all the same
    "InvoiceById": None,
    "InvoiceStanding": None,
    "InvoicesOfPatient": "patient_id",
    "JoinLinks": None,
    "LatestCardHolders": None,
    "MakeCardDefault": "user_id",
    "MembershipsOfPatient": "user_id",
    "MembershipStanding": None,
    "MorePatients": None,
    "MoveVisit": None,
    "PackagesOfPatient": "user_id",
    "Patient": "id",
    "PatientsByEmail": None,
    "PatientsByName": None,
    "PatientsChanged": None,
    "PaymentById": None,
    "PaymentsChanged": None,
    "PaymentsOfClient": "patient_id",
    "PaymentsOfUser": "patient_id",
    "PaymentsSince": "patient_id",
    "ReceiptById": None,
    "Refund": None,
    "RemoveCard": "user_id",
    "SendReceipt": None,
    "SetRecurringPaused": None,
    "SubscribeWebhook": None,
    "VisitAsItStands": None,
    "VisitById": None,
    "VisitsBetween": "user_id",
    "VisitsChanged": None,
    "VisitsOfPatient": "user_id",
    "VisitsStanding": None,
    "WatchedCards": "user_id",
    "WatchedDispute": None,
    "WatchedForm": None,
    "WatchedPatient": "id",
    "WatchedPayment": None,
    "WatchedVisit": None,
    "WebhookAttempts": None,
}


def is_public(operation: str) -> bool:
    """Whether neither request nor response of the operation can hold patient data."""
    return operation in PUBLIC


def patient_in(operation: str, variables: Mapping[str, object]) -> str | None:
    """The patient's id in the variables, or None."""
    name = OF_PATIENTS.get(operation)
    found = variables.get(name) if name else None
    return found if isinstance(found, str) else None

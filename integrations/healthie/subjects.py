"""Whom each operation is about: nobody, or a patient. What the audit must know before a call is sent.

Every operation of `operations/` stands in one of the two. One that stands in neither is taken to be about a patient.
"""

from collections.abc import Mapping

# What a practice shows to anybody, what the free time of its clinicians is, and whose a key is. What is asked and what
# comes back says nothing of a patient; a promo code is the practice's, and is typed in by whoever looks at a price.
PUBLIC = frozenset(
    {
        "AvailableDays",
        "AvailableSlots",
        "Coupons",
        "HoursSet",
        "IntrospectionQuery",  # of the schema; in no file of `operations/`
        "MoreAppointmentTypes",
        "MoreLocations",
        "MoreMembers",
        "MoreOfferings",
        "PlanOnSale",
        "PublicCatalog",
        "ValidateCoupon",
        "VisitOnSale",
        "WatchedAvailability",
        "WebhookSubscriptions",
        "WhoAmI",
    }
)

# What carries or brings back patient data, each with the variable that names the patient; None: none of them does. And
# every mutation, whatever it is about: none is sent before its record is durable.
OF_PATIENTS: Mapping[str, str | None] = {
    "AttachCard": "user_id",
    "Book": "user_id",
    "CancelRecurring": None,
    "Cards": "user_id",
    "Charge": "sender_id",
    "CreatePatient": None,
    "DeleteVisit": None,
    "DisputesChanged": None,
    "EnableWebhook": None,
    "FormsChanged": None,
    "LatestCardHolders": None,
    "Patient": "id",
    "PatientsByEmail": None,
    "PatientsByName": None,
    "PatientsChanged": None,
    "PaymentById": None,
    "PaymentsChanged": None,
    "PaymentsSince": "patient_id",
    "Refund": None,
    "SubscribeWebhook": None,
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
    """Whether a call of this operation can hold no patient data, neither way."""
    return operation in PUBLIC


def patient_in(operation: str, variables: Mapping[str, object]) -> str | None:
    """The id of the patient whom the variables name, if they name one."""
    name = OF_PATIENTS.get(operation)
    found = variables.get(name) if name else None
    return found if isinstance(found, str) else None

"""Permissions: which of Healthie's permissions each API key needs, and for what.

A key has the permissions of its owner: fields of their `OrganizationMembership`, which the practice sets in Healthie
(Healthie's guides on authentication and on organizations). The reference describes each field in a sentence; it names no
permission for changing or deleting a visit but `can_edit_calendar`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from booking.sync.drift import Severity

# The permission that an operation needs of its key's owner. Healthie's refusal does not name it. Operations that are not listed
# need none that Healthie documents: a refusal of theirs is one of the key.
PERMISSION_OF: Mapping[str, str] = {
    "AttachCard": "can_charge_clients",
    "Book": "can_add_own_appointments",
    "BookedVisit": "can_see_calendar",
    "CancelRecurring": "can_charge_clients",
    "CancelVisit": "can_edit_calendar",
    "Cards": "can_see_billing",
    "Charge": "can_charge_clients",
    "CloseInvoice": "can_charge_clients",
    "CreatePatient": "can_add_clients",
    "CreditChanges": "can_see_clients",
    "CreditLedger": "can_see_clients",
    "CreditsOfPatient": "can_see_clients",
    "CreditsLeft": "can_see_clients",
    "DeleteVisit": "can_edit_calendar",
    "DisputesChanged": "sees_all_billing",
    "EnableWebhook": "is_developer",
    "GroupVisitsBetween": "can_see_calendar",
    "InvoiceById": "can_see_billing",
    "InvoiceStanding": "can_see_billing",
    "InvoicesOfPatient": "can_see_billing",
    "JoinLinks": "can_see_calendar",
    "LatestCardHolders": "sees_all_clients",
    "MembershipsOfPatient": "can_see_billing",
    "MakeCardDefault": "can_charge_clients",
    "MembershipStanding": "can_see_billing",
    "MorePatients": "can_see_clients",
    "MoveVisit": "can_edit_calendar",
    "PackagesOfPatient": "can_see_billing",
    "Patient": "can_see_clients",
    "PatientsByEmail": "can_see_clients",
    "PatientsByName": "can_see_clients",
    "PatientsChanged": "sees_all_clients",
    "PaymentById": "can_see_billing",
    "PaymentsChanged": "sees_all_billing",
    "PaymentsOfClient": "can_see_billing",
    "PaymentsOfUser": "can_see_billing",
    "PaymentsSince": "can_see_billing",
    "ReceiptById": "can_see_billing",
    "Refund": "can_charge_clients",
    "RemoveCard": "can_charge_clients",
    "SendReceipt": "can_charge_clients",
    "SetRecurringPaused": "can_charge_clients",
    "SubscribeWebhook": "is_developer",
    "VisitAsItStands": "can_see_calendar",
    "VisitById": "can_see_calendar",
    "VisitsBetween": "can_see_calendar",
    "VisitsChanged": "can_see_calendar",
    "VisitsOfPatient": "can_see_calendar",
    "VisitsStanding": "can_see_calendar",
    "WatchedCards": "can_see_billing",
    "WatchedDispute": "sees_all_billing",
    "WatchedPatient": "can_see_clients",
    "WatchedPayment": "can_see_billing",
    "WatchedVisit": "can_see_calendar",
    "WebhookAttempts": "is_developer",
    "WebhookSubscriptions": "is_developer",
}


@dataclass(frozen=True, kw_only=True)
class Need:
    """A permission that a key's owner needs. `without` says what fails without it, as the end of a sentence."""

    permission: str
    severity: Severity
    without: str


OF_CLINICIANS = (
    Need(
        permission="can_add_own_appointments",
        severity=Severity.BREAKING,
        without="visits with them cannot be booked",
    ),
    Need(
        permission="can_charge_clients",
        severity=Severity.BREAKING,
        without="cards cannot be attached, charged or refunded for their visits, nor paid invoices closed",
    ),
    Need(
        permission="can_see_billing",
        severity=Severity.BREAKING,
        without="payments for their visits cannot be looked up when an answer was lost",
    ),
    Need(
        permission="can_edit_calendar",
        severity=Severity.WARNING,
        without="patients cannot cancel or move their visits, and one that must not stand may have to be deleted by hand",
    ),
    Need(
        permission="can_see_calendar",
        severity=Severity.WARNING,
        without="a visit that Healthie gives to another clinician is not seen, and must be found by hand",
    ),
    Need(
        permission="can_see_clients",
        severity=Severity.WARNING,
        without="patients of other clinicians may not be bookable with them",
    ),
)

OF_THE_ORGANIZATION = (
    Need(permission="can_see_clients", severity=Severity.BREAKING, without="patients are not found"),
    Need(
        permission="can_add_clients",
        severity=Severity.BREAKING,
        without="guests' patient records cannot be created",
    ),
    Need(
        permission="can_see_calendar",
        severity=Severity.BREAKING,
        without="visits of clinicians cannot be read, nor changes to them",
    ),
    Need(
        permission="can_see_billing",
        severity=Severity.BREAKING,
        without="cards on file and payments cannot be read",
    ),
    Need(
        permission="sees_all_billing",
        severity=Severity.WARNING,
        without="payments to clinicians are not seen in reconciliation",
    ),
    Need(
        permission="sees_all_clients",
        severity=Severity.WARNING,
        without="changes to patients of clinicians may not be seen",
    ),
    Need(
        permission="can_charge_clients",
        severity=Severity.WARNING,
        without="refunds fail, and paid invoices stay open, while a clinician's own key is not valid, and invoices of others cannot be paid",
    ),
    Need(
        permission="can_edit_calendar",
        severity=Severity.WARNING,
        without="visits can be neither cancelled nor deleted while a clinician's own key is not valid",
    ),
    Need(
        permission="is_developer",
        severity=Severity.WARNING,
        without="webhooks can neither be checked nor restored",
    ),
)

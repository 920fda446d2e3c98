"""The texts of alerts. None holds patient data: it names the reason, and the id to look it up by."""

from booking.operations.model import Alert, AttentionReason

_TEXTS = {
    AttentionReason.OUT_OF_TRIES: "A step of the checkout, or of the change of a visit, keeps failing. Nothing further happens until somebody acts.",
    AttentionReason.APPOINTMENT_NOT_DELETED: "A visit that must not stand could not be deleted.",
    AttentionReason.VISIT_NOT_CANCELLED: "A new visit was booked, and the one that it replaces could not be cancelled.",
    AttentionReason.FEE_NOT_CHARGED: "A visit was cancelled late, and the fee that its patient accepted could not be charged.",
    AttentionReason.CREDIT_NOT_GIVEN_BACK: "A visit was cancelled or undone, and the credit that its patient should have back is not in the ledger.",
    AttentionReason.CREDIT_NOT_PROVED: "A visit was booked by credit, and only one of the visit and the ledger says that one was used.",
    AttentionReason.RECURRING_NOT_CANCELLED: "A recurring payment could not be cancelled: the patient would be billed again.",
    AttentionReason.MEMBERSHIP_NOT_CHANGED: "A membership could be neither paused nor resumed as its patient asked.",
    AttentionReason.RESUMED_OTHERWISE: "A membership was resumed, and Healthie plans its next payment on another day or with another amount than its patient accepted.",
    AttentionReason.REFUND_FAILED: "A refund was refused: the patient's money is still with the practice.",
    AttentionReason.CHARGED_WRONGLY: "A card was charged on other terms than the patient accepted: the practice changed a plan or a promo code in "
    "between, or Healthie charged otherwise. The series is cancelled and the payment given back, as long as no other alert follows.",
    AttentionReason.LIVE_SERIES: "A recurring payment goes on that its patient did not accept, or whose payment was given back. They would be billed again.",
    AttentionReason.BOOKING_UNPROVED: "A checkout that was resolved as booked: no visit, or no payment, of it is found in Healthie.",
    AttentionReason.PACKAGE_REMAINS: "The payment was given back, and the package that it bought is still with the patient.",
    AttentionReason.POSSIBLE_DUPLICATE_PATIENT: "A guest gave the email and name of a patient whom the practice has, and got a record of their own "
    "without the email. If they are the same person, merge the two in Healthie; then resolve it.",
    AttentionReason.ARCHIVED_PATIENT: "A guest who verified the email of an archived patient uses that record. Healthie may not make it active again by "
    "itself: do it there, or speak to the patient; then resolve it.",
    AttentionReason.OPEN_INVOICE: "The booking raised an invoice although the visit is paid, and it could not be closed automatically.",
    AttentionReason.ALREADY_COUNTED: "A payment or visit that seems to be this checkout's stands on another one.",
    AttentionReason.LATE_CHARGE_UNCERTAIN: "A payment turned up after the end that may be this checkout's.",
    AttentionReason.LATE_CHARGE: "A payment turned up while the checkout waits for a person.",
    AttentionReason.LATE_VISIT: "A visit turned up after the end that no machine should delete.",
    AttentionReason.LATE_FOUND: "A payment or visit turned up after the end, and is undone. Nothing is to be done as long as no other alert follows.",
    AttentionReason.CHANGE_LANDED_LATE: "A change of a visit landed long after it was sent: the visit may stand where nobody wants it.",
    AttentionReason.LATE_UNDO_FAILED: "A payment or visit that turned up after the end could not be undone.",
    AttentionReason.LATE_CHECK_FAILED: "For days it could not be asked whether anything turned up after the end.",
    AttentionReason.IN_DOUBT: "An outcome has been unknown, or a checkout has gone on past its deadline, for too long.",
    AttentionReason.UNKNOWN_STATE: "The row is at a state that this version does not know: a migration is missing.",
    AttentionReason.PROVIDER_MISMATCH: "A visit came back under another clinician's name. The one who was chosen is not bookable until cleared.",
    AttentionReason.LOCKED_OUT: "Healthie refuses an API key for too many requests. Nothing is sent on it for a while; "
    "checkouts wait. The subject is the key's fingerprint and the time.",
    AttentionReason.SILENT_NO_OP: "Healthie answered a change as done, and what came back is not what was asked. The log's healthie.silent_no_op says which.",
    AttentionReason.NOT_PERMITTED: "Healthie refuses what the owner of an API key may not do. The subject says whose key, which permission and which "
    "call; of a checkout or a change, `frontdoor checkouts show` and `changes show` do. Grant it in Healthie: see `frontdoor upstream check`.",
    AttentionReason.UPSTREAM_DRIFT: "Healthie is no longer what this version was written for, or will not be. See `frontdoor upstream check`.",
    AttentionReason.WEBHOOK_GIVEN_UP: "What a webhook is about could not be fetched for a day: see `frontdoor webhooks list --dead`.",
    AttentionReason.CARD_TESTING: "Somebody seems to try cards that are not theirs: more were declined than patients' are. What is beyond the "
    "bound is not sent to Healthie. The log's attempts.refused say by what; the subject is the hour.",
    AttentionReason.UNPAID_VISITS: "Guests book more visits that cost nothing than they may, or half of what all may in a day: somebody may be filling "
    "the calendars. Look at the newest visits and patients in Healthie. The log's attempts.refused say by what; the subject is the day.",
    AttentionReason.NEW_RECORDS: "Guests begin to pay, which makes a patient's record, and do not pay in the end, more often than they may or half as "
    "often as all may in a day. Look at the newest patients in Healthie. The log's attempts.refused say by what; the subject is the day.",
    AttentionReason.DAY_HELD: "People who have not signed in hold nearly all that they may of a clinician's day, without paying so far: a rush, or "
    "somebody who keeps the calendar shut. Patients who sign in can still book the rest. The subject is the clinician and the day (UTC).",
    AttentionReason.WEBHOOK_MISSING: "No webhook at Healthie sent these events to us. One was made, and what Healthie lists as changed since is looked at.",
    AttentionReason.WEBHOOK_DISABLED: "Healthie had disabled a webhook of ours. It was enabled again, and what Healthie tried to send is fetched.",
    AttentionReason.WEBHOOK_FAILING: "What Healthie sends on a webhook of ours is not taken; it will be disabled. See `frontdoor webhooks health`.",
    AttentionReason.WEBHOOK_ELSEWHERE: "A webhook of ours sends to an address that is not ours. Delete it in Healthie, or point it back.",
    AttentionReason.WEBHOOK_NOT_MENDED: "A webhook of ours is missing or disabled, and Frontdoor could not change that. Do it in Healthie.",
    AttentionReason.WEBHOOKS_SILENT: "No webhook comes in, although visits change. See `frontdoor webhooks health`, and whether Healthie reaches us.",
    AttentionReason.WEBHOOKS_UNCHECKED: "For an hour nobody could look whether our webhooks at Healthie are well. See `frontdoor webhooks health`.",
    AttentionReason.SUBSCRIBER_FAILING: "A subscriber has accepted no event for half an hour or more. Deliveries are retried for three days.",
    AttentionReason.ENDPOINT_DISABLED: "An endpoint accepted no event for three days, or wants no more, and is sent nothing. Fix it, then "
    "`frontdoor endpoints enable`: what happened meanwhile waits for it.",
    AttentionReason.EVENT_NOT_DELIVERED: "A subscriber did not accept an event for three days, and its delivery was given up. "
    "See `frontdoor endpoints show` or `frontdoor handlers show`; `replay` sends it once more.",
    AttentionReason.HANDLER_UNUSABLE: "A handler that is installed cannot be loaded, and receives no event. The log's events.handler_unusable says why.",
    AttentionReason.LEDGER_DIFFERENCE: "The card processor's books and ours differ.",
}


def text_of(alert: Alert) -> str:
    """The text of an alert: what happened, to what, and the command that shows more."""
    what = _TEXTS.get(AttentionReason(alert.reason), "") if alert.reason in set(AttentionReason) else ""
    commands = {"chk_": "checkouts", "chg_": "changes"}
    command = commands.get(alert.subject[:4])
    look = f" (frontdoor {command} show {alert.subject})" if command is not None else ""
    return f"Frontdoor: {alert.reason}: {alert.subject}{look}\n{what}".rstrip()

"""Webhook events that are offered and never sent here, each with the reason.

Most tell of records that the emulator does not have at all.
"""

NOT_EMULATED = "the record is not emulated"
READ_ONLY = "the record is only read here"
CALLS = "calls are not emulated"
NO_MUTATION = "no mutation is documented, and nothing here does it by itself"
NOT_IN_CONTRACT = "its mutation is not in the contract"

_WRITTEN = ("created", "updated", "deleted")

# By reason and record, what happens to the record.
_UNSENT: dict[str, dict[str, tuple[str, ...]]] = {
    NOT_EMULATED: {
        **dict.fromkeys(
            (
                "allergy_sensitivity",
                "charting_note_addendum",
                "claim_submission",
                "cms1500",
                "comment",
                "course_membership",
                "diagnosis",
                "entry",
                "family_history_condition",
                "feature_toggle",
                "goal",
                "goal_template",
                "medication",
                "metric_entry",
                "other_id_number",
                "patient_educational_resource",
                "referral",
                "referring_physician",
                "task",
            ),
            _WRITTEN,
        ),
        "care_plan": (*_WRITTEN, "activated", "deactivated"),
        "dosespot_notification": ("created",),
        "external_calendar": ("authorization_error",),
        "folder_sharing": ("created", "deleted"),
        "generated_form_answer_group": ("created", "updated", "deleted", "converted", "rejected"),
        "goal_history": ("created", "deleted"),
        "lab_order": ("created", "updated"),
        "lab_result": ("created", "updated"),
        "organization_membership": ("created", "updated"),
        "prescription": ("updated", "medication_status_updated"),
        "received_direct_message": ("created",),
        "received_fax": ("created",),
        "sent_fax": ("created", "updated", "status_changed"),
        "sent_notification_record": ("created", "updated"),
    },
    READ_ONLY: {
        "insurance_authorization": _WRITTEN,
        "organization_info": _WRITTEN,
        "organization_member": ("updated",),
        "super_bill": _WRITTEN,
    },
    CALLS: {
        "appointment": (
            "participant_joined",
            "participant_left",
            "recording_completed",
            "recording_started",
            "recording_stopped",
            "transcript_available",
            "transcript_failed",
            "transcript_started",
        ),
    },
    NO_MUTATION: {
        "appointment_form_answer_group_connection": ("updated", "deleted"),
        "charge_back": ("deleted",),
        "completed_onboarding_item": ("updated", "deleted"),
        "conversation_membership": ("viewed",),
        "notification_setting": ("created", "deleted"),
    },
    NOT_IN_CONTRACT: {
        "charge_back": ("updated",),
        "notification_contact": ("updated",),
    },
}

NEVER_SENT = {
    f"{record}.{what}": reason
    for reason, records in _UNSENT.items()
    for record, changes in records.items()
    for what in changes
}

"""Which of the offered webhook events this emulator sends, and the ids that some carry beyond the thin body.

Source: Healthie's webhook event reference. It gives each event an example, and names what triggers it; `resource_organization_id` stands in
the examples of a created and an updated appointment, and not in that of a deleted one.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from integrations.healthie_emulator import money_records as money
from integrations.healthie_emulator.records import Organization

R_co = TypeVar("R_co", covariant=True)


class ById(Protocol[R_co]):
    """Records of one kind."""

    def get(self, record_id: object) -> R_co | None:
        """Return the record of that id; None if there is none."""


class Practice(Protocol):
    """The part of the world that events name more ids from."""

    @property
    def organization(self) -> Organization: ...  # noqa: D102 - as in `state`
    @property
    def billing_items(self) -> ById[money.BillingItem]: ...  # noqa: D102 - as in `state`
    @property
    def charge_backs(self) -> ById[money.ChargeBack]: ...  # noqa: D102 - as in `state`
    @property
    def cards(self) -> ById[money.Card]: ...  # noqa: D102 - as in `state`


# Events that are sent, with what triggers them here; those that are not stand in `events/unsent.py`.
SENT = {
    "accepted_insurance_plan.created": "`createAcceptedInsurancePlan`, once for each plan",
    "accepted_insurance_plan.deleted": "`deleteAcceptedInsurancePlan`",
    "applied_tag.created": "`bulkApply`, `createTag` with a user; a form whose completion applies a tag",
    "applied_tag.deleted": "`removeAppliedTag`",
    "appointment.created": "`createAppointment`, `completeCheckout`",
    "appointment.deleted": "`deleteAppointment` with a member's key",
    "appointment.patient_added": "a seat in a group that is taken, or that the first on the waitlist gets",
    "appointment.patient_removed": "a seat in a group that is given up or taken away",
    "appointment.updated": "`updateAppointment`; `deleteAppointment` with a patient's key, which cancels",
    "appointment_form_answer_group_connection.created": "`createFormAnswerGroup` with an appointment",
    "availability.created": "`createAvailability`",
    "availability.deleted": "`deleteAvailability`",
    "availability.updated": "`editAvailability`",
    "billing_item.created": "`createBillingItem`; a further period of a recurring payment",
    "billing_item.deleted": "`deleteBillingItem`",
    "billing_item.updated": "`updateBillingItem`; a scheduled payment that falls due",
    "charge_back.created": "a charge with Stripe's test card for disputes",
    "completed_onboarding_item.created": "`createCompletedOnboardingItem`; `createFormAnswerGroup` for a step of the intake",
    "conversation.created": "`createConversation`; a patient who gets a main clinician",
    "conversation.updated": "`updateConversation`",
    "conversation_membership.created": "`updateConversation` that adds a member",
    "conversation_membership.deleted": "`updateConversation` that removes a member",
    "custom_module.created": "`createCustomModule`",
    "custom_module.deleted": "`deleteCustomModule`",
    "custom_module.updated": "`updateCustomModule`",
    "custom_module_form.created": "`createCustomModuleForm`",
    "custom_module_form.deleted": "`deleteCustomModuleForm`",
    "custom_module_form.updated": "`updateCustomModuleForm`",
    "document.created": "`createDocument`",
    "document.deleted": "`deleteDocument`",
    "document.updated": "`updateDocument`",
    "form_answer_group.created": "`createFormAnswerGroup`",
    "form_answer_group.deleted": "`deleteFormAnswerGroup`",
    "form_answer_group.locked": "`lockFormAnswerGroup`",
    "form_answer_group.signed": "`signFormAnswerGroup`",
    "form_answer_group.unlocked": "`unlockFormAnswerGroup`",
    "location.created": "`createLocation`",
    "location.deleted": "`deleteLocation`",
    "location.updated": "`updateLocation`",
    "message.created": "`createNote`",
    "message.deleted": "`deleteNote`",
    "notification_contact.created": "`createNotificationContact`",
    "notification_contact.deleted": "`deleteNotificationContact`",
    "notification_setting.updated": "`updateNotificationSetting`",
    "patient.created": "`createClient`, `createNotificationContact`, `completeCheckout` of somebody new",
    "patient.merged": "`mergeClients`, once for each record that is merged",
    "patient.updated": "`updateClient`, `bulkUpdateClients`",
    "policy.created": "`updateClient`, `updateUser` with a policy",
    "policy.deleted": "`updateClient`, `updateUser` with a policy to delete",
    "policy.updated": "`updateClient`, `updateUser` with a policy that is there",
    "recurring_payment.created": "`createBillingItem` for a plan that recurs",
    "recurring_payment.updated": "`cancelRecurringPayment`, `updateBillingItem`; a further period",
    "requested_form_completion.created": "`createRequestedFormCompletion`, in the background",
    "requested_form_completion.deleted": "`deleteRequestedFormCompletion`",
    "requested_form_completion.updated": "`createFormAnswerGroup`, `updateFormAnswerGroup` that answers a request",
    "requested_payment.created": "`createRequestedPayment`; a visit with a price of its own",
    "requested_payment.deleted": "`deleteRequestedPayment`",
    "requested_payment.updated": "`updateRequestedPayment`; a payment on the invoice",
    "scheduled_message.sent": "a planned `createNote` whose time has come",
    "stripe_customer_detail.created": "`createStripeCustomerDetail`",
    "stripe_customer_detail.deleted": "`deleteStripeCustomerDetail`",
    "stripe_customer_detail.updated": "`updateStripeCustomerDetail`",
    "test.created": "`sendTestWebhook`, to that webhook only",
}

# What happens to a record in more than one word; in all other names of the enum the last word alone is what happens.
_TWO_WORDS = (
    "authorization_error",
    "medication_status_updated",
    "participant_joined",
    "participant_left",
    "patient_added",
    "patient_removed",
    "recording_completed",
    "recording_started",
    "recording_stopped",
    "status_changed",
    "transcript_available",
    "transcript_failed",
    "transcript_started",
)


def wire_name(offered: str) -> str:
    """Return an event of the enum `WebhookEventType` as it is written in bodies: `appointment.patient_added`."""
    name = offered.lower()
    found = (each for each in _TWO_WORDS if name.endswith(f"_{each}"))
    what = next(found, name.rpartition("_")[2])
    return f"{name.removesuffix(what)[:-1]}.{what}"


_NEVER_LISTED = frozenset({"created_at", "updated_at"})


def changed_fields(event_type: str, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the `changed_fields` of an event: empty unless something was updated, and without the record's own two dates."""
    updated = event_type.endswith("updated")
    return tuple(name for name in names or () if updated and name not in _NEVER_LISTED)


def more_ids(world: Practice, event_type: str, resource_id: str) -> dict[str, Any]:
    """Return the ids that an event carries besides that of its resource."""
    read = _MORE_IDS.get(event_type) or _MORE_IDS.get(event_type.partition(".")[0])
    return read(world, resource_id) if read else {}


def _of_organization(world: Practice, _: str) -> dict[str, Any]:
    return {"resource_organization_id": world.organization.id}


def _of_billing_item(world: Practice, resource_id: str) -> dict[str, Any]:
    item = world.billing_items.get(resource_id)
    return {"requested_payment_id": item.requested_payment_id if item else None}


def _of_charge_back(world: Practice, resource_id: str) -> dict[str, Any]:
    found = world.charge_backs.get(resource_id)
    return {"billing_item_id": found.billing_item_id if found else None}


def _of_card(world: Practice, resource_id: str) -> dict[str, Any]:
    card = world.cards.get(resource_id)
    return {"user_id": card.user_id if card else None}


_MORE_IDS: Mapping[str, Callable[[Practice, str], dict[str, Any]]] = {
    "appointment.created": _of_organization,
    "appointment.updated": _of_organization,
    "billing_item": _of_billing_item,
    "charge_back": _of_charge_back,
    "stripe_customer_detail": _of_card,
}

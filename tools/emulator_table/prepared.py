"""Records that a practice has before an operation is run, and variables that names and types do not tell."""

from typing import Any

# A document, and of what type each of its variables' records is.
PREPARED: tuple[tuple[str, dict[str, str]], ...] = (
    (
        """mutation ($patient: ID, $provider: ID) {
             createRequestedPayment(
               input: {recipient_id: $patient, sender_id: $provider, price: "40.00", invoice_type: "other", services_provided: "Visit"}
             ) { messages { message } }
           }""",
        {"patient": "User", "provider": "Provider"},
    ),
    (
        """mutation ($patient: ID, $provider: ID) {
             createBillingItem(input: {sender_id: $patient, recipient_id: $provider, amount_paid: "40.00", should_charge: true}) {
               messages { message }
             }
           }""",
        {"patient": "User", "provider": "Provider"},
    ),
    (
        """mutation ($patient: ID, $form: ID, $form_again: String) {
             createFormAnswerGroup(input: {user_id: $patient, custom_module_form_id: $form, finished: false, form_answers: []}) {
               messages { message }
             }
             createRequestedFormCompletion(input: {recipient_ids: [$patient], form: $form_again}) {
               messages { message }
             }
           }""",
        {"patient": "User", "form": "CustomModuleForm", "form_again": "CustomModuleForm"},
    ),
    (
        """mutation ($patient: ID!, $tag: ID) {
             createLocation(input: {user_id: $patient, line1: "1 Sample Street", city: "Sampletown"}) { messages { message } }
             bulkApply(input: {ids: [$tag], taggable_user_id: $patient}) { messages { message } }
           }""",
        {"patient": "User", "tag": "Tag"},
    ),
)

# Roots that only those answer whom it concerns: asked with the first clinician's key instead of the owner's.
OF_CLINICIANS = frozenset(
    {
        "conversationMemberships",
        "createNote",
        "deleteNote",
        "updateConversation",
        "updateConversationMembership",
        "updateNote",
    }
)

# By page and operation; None leaves a variable out.
OVERRIDES: dict[tuple[str, str], dict[str, Any]] = {
    # Shown are all changes at once; the amount of what was charged does not change.
    ("billing/billing-items", "updateBillingItem"): {"amount_paid": None},
    # Of the type "other" it would need `services_provided`, which the example does not have.
    ("billing/invoices", "createRequestedPayment"): {"invoice_type": "offering"},
    ("patient", "bulkUpdateClients"): {"active_status": True},
}

# Valid, and refused for what is missing from it: by the page's own table of inputs it is required.
MISPRINTED = {("billing/packages", "updateOffering"): "the id of the package, which is required, is missing"}

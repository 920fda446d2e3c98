"""Records that a practice has before an operation is run, and variables that names and types do not tell."""

from typing import Any

# A document, and of what type each of its variables' records is.
PREPARED: tuple[tuple[str, dict[str, str]], ...] = (
    (
        """mutation ($patient: ID, $provider: ID) {
             createRequestedPayment(input: {recipient_id: $patient, sender_id: $provider, price: "40.00"}) { messages { message } }
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
        """mutation { createCustomModuleForm(input: {name: "Sample intake"}) { messages { message } } }""",
        {},
    ),
    (
        """mutation ($form: ID) {
             createCustomModule(input: {custom_module_form_id: $form, mod_type: "text", label: "Sample question"}) {
               messages { message }
             }
           }""",
        {"form": "CustomModuleForm"},
    ),
    (
        """mutation ($patient: String, $form: String) {
             createFormAnswerGroup(input: {user_id: $patient, custom_module_form_id: $form, finished: true, form_answers: []}) {
               messages { message }
             }
           }""",
        {"patient": "User", "form": "CustomModuleForm"},
    ),
)

# By page and operation; None leaves a variable out.
OVERRIDES: dict[tuple[str, str], dict[str, Any]] = {
    # Shown are all changes at once; the amount of what was charged does not change.
    ("billing/billing-items", "updateBillingItem"): {"amount_paid": None},
}

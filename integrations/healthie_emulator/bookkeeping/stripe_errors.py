"""How a refusal by Stripe is passed on: as its text, or as JSON."""

import json

from integrations.healthie_emulator.state import World
from integrations.healthie_emulator.stripe import CardDeclined, StripeError

DOCUMENTATION = "https://stripe.com/docs/error-codes/"


def error_json(error: StripeError) -> str:
    """Write Stripe's error as the JSON of `BillingItem.stripe_error`."""
    if not error.by_stripe:  # Healthie's own refusal, which has no code of Stripe's
        return json.dumps({"message": error.message})
    told = {
        "code": error.code,
        "doc_url": DOCUMENTATION + error.code.replace("_", "-"),
        "message": error.message,
        "type": "card_error" if isinstance(error, CardDeclined) else "invalid_request_error",
    }
    return json.dumps(
        told | ({"decline_code": error.decline_code} if isinstance(error, CardDeclined) else {})
    )


def told(world: World, error: StripeError) -> str:
    """Return the `stripeError` of a mutation's answer."""
    return error_json(error) if world.switches.stripe_error_as_json else error.message

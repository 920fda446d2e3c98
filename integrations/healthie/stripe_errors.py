"""The card processor's errors: a text for people, or the JSON of the error with that text in it.

Healthie's reference calls a failed billing item's `stripe_error` JSON, and says nothing of the form of a mutation's `stripeError`.
"""

import json


def message_of(text: str) -> str | None:
    """The message in the JSON of an error, as Stripe writes it, bare or under `error`; None for anything else."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    inner = told.get("error") if isinstance(told, dict) else None
    error = inner if isinstance(inner, dict) else told
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else None

"""The emulator's books: what really happened, independent of the responses that callers received."""

from typing import Any

from integrations.healthie_emulator import money, webhooks
from integrations.healthie_emulator.emulator import as_json
from integrations.healthie_emulator.state import World


def books(world: World) -> dict[str, Any]:
    """Return charges, declines and refunds at the bank, and every record that a test may count.

    Minor units (cents); UTC.
    """
    return {
        name: as_json(value)
        for name, value in {
            **money.books(world),
            "appointments": list(world.appointments),
            "billing_items": list(world.billing_items),
            "recurring_payments": list(world.recurring_payments),
            "requested_payments": [
                as_json(each) | {"token": each.token} for each in world.requested_payments
            ],
            "package_selections": list(world.package_selections),
            "cards": list(world.cards),
            "patients": [user for user in world.users if user.is_patient],
            "webhooks_sent": webhooks.books(world),
            "mails": world.mails,
        }.items()
    }

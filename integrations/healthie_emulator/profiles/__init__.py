"""What is known of a user: the fields of `User`, and the changes that patients and staff make to them."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.profiles import (
    addresses,
    contacts,
    people_fields,
    sign_up,
    updates,
    visit_fields,
)

RESOLVERS: dict[str, Callable[..., Any]] = {
    **people_fields.RESOLVERS,
    **visit_fields.RESOLVERS,
    **updates.RESOLVERS,
    **sign_up.RESOLVERS,
    **addresses.RESOLVERS,
    **contacts.RESOLVERS,
}

"""Wiring of sealing: the keys that encrypt patient details, from the settings."""

from gateway.callers.tokens import derive_key
from gateway.settings import Settings
from integrations.database.sealing import Sealer

# The id of the key that is derived from the secret key, so that rows sealed before data keys were set still open.
DERIVED = "secret"


def sealer(settings: Settings) -> Sealer:
    """The sealer: seals with the first data key, or the derived one where none is set; opens with all of them."""
    derived = {DERIVED: derive_key(settings.secret_key.get_secret_value(), "data-at-rest")}
    current = next(iter(settings.data_keys), DERIVED)
    return Sealer(derived | settings.data_keys_bytes, current=current)

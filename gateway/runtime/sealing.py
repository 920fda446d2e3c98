"""The keys that seal patient details, from the settings."""

from gateway.callers.tokens import derive_key
from gateway.settings import Settings
from integrations.database.sealing import Sealer

# The id of the key that is derived from the secret: rows sealed before keys of their own were set still open.
DERIVED = "secret"


def sealer(settings: Settings) -> Sealer:
    """What seals and opens: the first of the data keys, else one that is derived from the secret."""
    derived = {DERIVED: derive_key(settings.secret_key.get_secret_value(), "data-at-rest")}
    current = next(iter(settings.data_keys), DERIVED)
    return Sealer(derived | settings.data_keys_bytes, current=current)

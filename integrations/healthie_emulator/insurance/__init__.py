"""Insurance: what payers there are, which the practice accepts, what patients are insured with."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.insurance import eligibility, plans, policies

RESOLVERS: dict[str, Callable[..., Any]] = {
    **plans.RESOLVERS,
    **policies.RESOLVERS,
    **eligibility.RESOLVERS,
}

"""Forms: templates and their questions, what patients and staff fill in, requests to fill one, and the intake of new patients."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.forms import (
    attachments,
    charting,
    filled,
    filling,
    intake,
    onboarding,
    onboarding_progress,
    requests,
    templates,
)

RESOLVERS: dict[str, Callable[..., Any]] = {
    **templates.RESOLVERS,
    **filled.RESOLVERS,
    **filling.RESOLVERS,
    **charting.RESOLVERS,
    **attachments.RESOLVERS,
    **requests.RESOLVERS,
    **onboarding.RESOLVERS,
    **onboarding_progress.RESOLVERS,
    **intake.RESOLVERS,
}

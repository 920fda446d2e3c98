"""Chat: conversations, who takes part in them, and what was written."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.chat import conversations, memberships, notes

RESOLVERS: dict[str, Callable[..., Any]] = {
    **conversations.RESOLVERS,
    **memberships.RESOLVERS,
    **notes.RESOLVERS,
}

"""Which checkout the present task works for, so that its upstream calls can be told in its story."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

current_checkout: ContextVar[str | None] = ContextVar("current_checkout", default=None)


@contextmanager
def working_for(checkout_id: str) -> Iterator[None]:
    """Everything inside is done for this checkout."""
    token = current_checkout.set(checkout_id)
    try:
        yield
    finally:
        current_checkout.reset(token)

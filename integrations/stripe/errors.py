"""Errors of Stripe, without Stripe's own texts: those may name keys, and its bodies people."""

from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from booking.errors import UpstreamUnavailable


class StripeUnavailable(UpstreamUnavailable):
    """The ledger could not be read. `reason` is a code of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"stripe: {reason}")
        self.reason = reason


class KeyRefused(StripeUnavailable):
    """The key is revoked, or lacks a permission: an operator must act."""


@contextmanager
def reading() -> Iterator[None]:
    """Translate every exception of the SDK to StripeUnavailable."""
    try:
        yield
    except stripe.AuthenticationError:
        raise KeyRefused("key_not_valid") from None
    except stripe.PermissionError:
        raise KeyRefused("permission_missing") from None
    except stripe.RateLimitError:
        raise StripeUnavailable("rate_limited") from None
    except stripe.APIConnectionError:
        raise StripeUnavailable("no_answer") from None
    except stripe.InvalidRequestError:
        raise StripeUnavailable("request_refused") from None
    except stripe.StripeError as error:
        raise StripeUnavailable(f"http_{error.http_status}" if error.http_status else "unusable") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise StripeUnavailable("unreadable_answer") from None

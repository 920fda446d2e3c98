"""What goes wrong with Stripe, told without what Stripe said: its texts name keys, and its bodies people."""

from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from booking.errors import UpstreamUnavailable


class StripeUnavailable(UpstreamUnavailable):
    """The books could not be read. `reason` is one of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"stripe: {reason}")
        self.reason = reason


class KeyRefused(StripeUnavailable):
    """The key is revoked, or lacks a permission: somebody must see to it."""


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever the SDK raises into StripeUnavailable."""
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

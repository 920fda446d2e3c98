"""How often: requests, what a request asks for, and what strangers try. Counted by `limits`, in Redis or in the process."""

from gateway.rates.attempt_limits import RateAttemptLimiter
from gateway.rates.counting import Counts
from gateway.rates.operations import OperationRates, RateLimits, TooManyRequests
from gateway.rates.webhook_sender_limits import BlockedSenders

__all__ = [
    "BlockedSenders",
    "Counts",
    "OperationRates",
    "RateAttemptLimiter",
    "RateLimits",
    "TooManyRequests",
]

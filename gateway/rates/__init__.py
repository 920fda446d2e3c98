"""Rate limits: of requests, of root fields, of upstream requests for free time, and of attempts (cards, promo codes, mailed codes).

Counted by the package `limits`, in Redis or in the process. The numbers are in `table`; docs/rates.md explains them.
"""

from gateway.rates.attempt_limits import RateAttemptLimiter
from gateway.rates.counting import Counts
from gateway.rates.operations import OperationRates, TooManyRequests
from gateway.rates.webhook_sender_limits import BlockedSenders

__all__ = [
    "BlockedSenders",
    "Counts",
    "OperationRates",
    "RateAttemptLimiter",
    "TooManyRequests",
]

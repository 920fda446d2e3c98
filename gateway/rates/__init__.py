"""How often: requests, what a request asks for, and what strangers try. Counted by `limits`, in Redis or in the process."""

from gateway.rates.counting import Counts
from gateway.rates.operations import OperationRates, RateLimits, TooManyRequests
from gateway.rates.senders import RefusedSenders
from gateway.rates.trials import CountedTrials

__all__ = ["CountedTrials", "Counts", "OperationRates", "RateLimits", "RefusedSenders", "TooManyRequests"]

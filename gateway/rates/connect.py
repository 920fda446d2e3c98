"""Builds the rate counts and the attempt limiter from the settings."""

from typing import TYPE_CHECKING

from booking.checkout.attempt_limits import AttemptKind
from booking.operations.alerts import AlertService
from booking.ports import Clock
from gateway.alarms import AttemptsAlarm
from gateway.callers.tokens import derive_key
from gateway.rates.attempt_limits import RateAttemptLimiter
from gateway.rates.counting import Counts
from gateway.rates.table import EMAIL_CODES, NEW_RECORDS, PROMO_CODES, cards, unpaid_visits
from gateway.settings import Settings

if TYPE_CHECKING:
    from integrations.redis.client import ScriptingRedis


def connect_counts(settings: Settings, shared: "ScriptingRedis | None", clock: Clock) -> Counts:
    """The counts: shared by all processes through Redis, or of this process alone when `shared` is None."""
    key = derive_key(settings.secret_key.get_secret_value(), "rates")
    if shared is None:
        return Counts(clock=clock, key=key)
    # Imported only where it is used: it adds a quarter of a second to every start.
    from gateway.rates.redis import redis_storage  # noqa: PLC0415

    return Counts(clock=clock, key=key, shared=redis_storage(shared, f"frontdoor:{settings.tenant}:rates"))


def connect_attempt_limits(
    settings: Settings, counts: Counts, alert_service: AlertService, clock: Clock
) -> RateAttemptLimiter:
    """The limiter of cards, promo codes, mailed codes, unpaid visits and new records. `rate_factor` scales promo codes and records only."""
    rates = {
        AttemptKind.PROMO_CODE: PROMO_CODES.times(settings.rate_factor),
        AttemptKind.EMAIL_CODE: EMAIL_CODES,
        AttemptKind.CARD: cards(
            caller=settings.cards_per_caller,
            network=settings.cards_per_network,
            strangers=settings.cards_of_guests,
        ),
        AttemptKind.NEW_RECORD: NEW_RECORDS.times(settings.rate_factor),
        AttemptKind.UNPAID_VISIT: unpaid_visits(
            network=settings.unpaid_per_network,
            day=settings.unpaid_per_clinician_day,
            strangers=settings.unpaid_of_guests,
        ),
    }
    return RateAttemptLimiter(
        counts=counts, rates=rates, clock=clock, alarm=AttemptsAlarm(alert_service=alert_service)
    )

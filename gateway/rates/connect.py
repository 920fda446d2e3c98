"""Rates from the settings."""

from typing import TYPE_CHECKING

from booking.alerts import Watch
from booking.ports import Clock
from booking.trials import Tried
from gateway.alarms import TrialsAlarm
from gateway.rates.counting import Counts
from gateway.rates.table import EMAIL_CODES, NEW_RECORDS, PROMO_CODES, cards, unpaid_visits
from gateway.rates.trials import CountedTrials
from gateway.settings import Settings
from gateway.tokens import derive_key

if TYPE_CHECKING:
    from redis.asyncio import Redis


def connect_counts(settings: Settings, shared: "Redis | None", clock: Clock) -> Counts:
    """What was asked for and tried: counted for all processes together where there is a Redis."""
    key = derive_key(settings.secret_key.get_secret_value(), "rates")
    if shared is None:
        return Counts(clock=clock, key=key)
    # Loaded only where it is used: a quarter of a second at every start.
    from gateway.rates.redis import redis_storage  # noqa: PLC0415

    return Counts(clock=clock, key=key, shared=redis_storage(shared, f"frontdoor:{settings.tenant}:rates"))


def connect_trials(settings: Settings, counts: Counts, watch: Watch, clock: Clock) -> CountedTrials:
    """The bounds of cards, promo codes, mailed codes and visits that cost nothing."""
    rates = {
        Tried.PROMO_CODE: PROMO_CODES.times(settings.rate_factor),
        Tried.EMAIL_CODE: EMAIL_CODES,
        Tried.CARD: cards(
            caller=settings.cards_per_caller,
            network=settings.cards_per_network,
            strangers=settings.cards_of_guests,
        ),
        Tried.NEW_RECORD: NEW_RECORDS.times(settings.rate_factor),
        Tried.UNPAID_VISIT: unpaid_visits(
            network=settings.unpaid_per_network,
            day=settings.unpaid_per_clinician_day,
            strangers=settings.unpaid_of_guests,
        ),
    }
    return CountedTrials(counts=counts, rates=rates, clock=clock, alarm=TrialsAlarm(watch=watch))

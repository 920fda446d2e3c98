"""What looks after Healthie's webhooks, where any are wanted: whether they are sent at all, and whether they have gone silent."""

from collections.abc import Callable

from booking.change_signals import ChangeSignals
from booking.ports import Clock
from booking.resources import ChangedVisits
from booking.sync.synchronizer import SyncUnits
from booking.sync.webhook_catch_up import CatchUp
from booking.sync.webhook_check import Ours, WebhookCheck
from booking.sync.webhook_health import Daily, HealthUnits, WebhookHealth
from booking.sync.webhook_liveness import WebhookLiveness
from booking.system_of_record import SystemOfRecord
from gateway.settings import Settings
from integrations.database.inbox import SqlInbox


def webhook_health(
    settings: Settings,
    *,
    units: HealthUnits,
    healthie: SystemOfRecord,
    inbox: SqlInbox,
    forget_free_time: Callable[[], None],
    change_signals: ChangeSignals,
    clock: Clock,
    name: str,
) -> WebhookHealth | None:
    """The daily check that Healthie sends them to us, and fetches what never came in; None: no webhooks are wanted."""
    if settings.healthie_webhook_url is None:
        return None
    ours = Ours(address=str(settings.healthie_webhook_url), secrets=frozenset(settings.webhook_secrets))
    return WebhookHealth(
        units=units,
        check=WebhookCheck(
            units=units,
            subscriptions=healthie.subscriptions,
            catch_up=CatchUp(
                subscriptions=healthie.subscriptions,
                changes=healthie.changes,
                inbox=inbox,
                clock=clock,
                address=ours.address,
            ),
            forget_free_time=forget_free_time,
            change_signals=change_signals,
            clock=clock,
            ours=ours,
        ),
        clock=clock,
        daily=Daily(at=settings.healthie_webhook_check_at, zone=settings.time_zone),
        name=name,
    )


def webhook_liveness(
    settings: Settings, *, units: SyncUnits, inbox: SqlInbox, visits: ChangedVisits, clock: Clock
) -> WebhookLiveness | None:
    """What tells that none come any more while visits change; None: no webhooks are wanted."""
    if settings.healthie_webhook_url is None:
        return None
    return WebhookLiveness(
        units=units, inbox=inbox, visits=visits, clock=clock, gaps=settings.healthie_webhook_silence
    )

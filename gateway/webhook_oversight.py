"""What looks after Healthie's webhooks, where any are wanted: whether they are sent at all, and whether they have gone silent."""

from collections.abc import Callable

from booking.pokes import Pokes
from booking.ports import Clock
from booking.refreshing import WatchUnits
from booking.silence import SilenceWatch
from booking.watched import ChangedVisits
from booking.webhook_catch_up import CatchUp
from booking.webhook_check import Ours, WebhookCheck
from booking.webhook_health import Daily, HealthUnits, WebhookHealth
from gateway.settings import Settings
from integrations.database.inbox import SqlInbox
from integrations.healthie.connect import Healthie


def webhook_health(
    settings: Settings,
    *,
    units: HealthUnits,
    healthie: Healthie,
    inbox: SqlInbox,
    forget_free_time: Callable[[], None],
    pokes: Pokes,
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
            pokes=pokes,
            clock=clock,
            ours=ours,
        ),
        clock=clock,
        daily=Daily(at=settings.healthie_webhook_check_at, zone=settings.time_zone),
        name=name,
    )


def silence_watch(
    settings: Settings, *, units: WatchUnits, inbox: SqlInbox, visits: ChangedVisits, clock: Clock
) -> SilenceWatch | None:
    """What tells that none come any more while visits change; None: no webhooks are wanted."""
    if settings.healthie_webhook_url is None:
        return None
    return SilenceWatch(
        units=units, inbox=inbox, visits=visits, clock=clock, gaps=settings.healthie_webhook_silence
    )

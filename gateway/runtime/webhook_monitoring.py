"""Builds the monitoring of Healthie's webhooks, if a webhook URL is set: the daily check and the liveness check."""

from collections.abc import Callable

from booking.resources import ChangedVisits
from booking.sync.webhook_catch_up import CatchUp
from booking.sync.webhook_check import OurEndpoint, WebhookCheck
from booking.sync.webhook_health import DailySchedule, WebhookHealth
from booking.sync.webhook_liveness import WebhookLiveness
from booking.system_of_record import SystemOfRecord
from gateway.runtime.foundation import Foundation
from integrations.database.inbox import SqlInbox


def webhook_health(
    base: Foundation, *, upstream: SystemOfRecord, inbox: SqlInbox, forget_free_time: Callable[[], None]
) -> WebhookHealth | None:
    """The daily check that Healthie sends us webhooks, which also fetches what never arrived.

    None: no webhook URL is set.
    """
    settings = base.settings
    if settings.healthie_webhook_url is None:
        return None
    ours = OurEndpoint(
        address=str(settings.healthie_webhook_url), secrets=frozenset(settings.webhook_secrets)
    )
    return WebhookHealth(
        units=base.units,
        check=WebhookCheck(
            units=base.units,
            subscriptions=upstream.subscriptions,
            catch_up=CatchUp(
                subscriptions=upstream.subscriptions,
                changes=upstream.changes,
                inbox=inbox,
                clock=base.clock,
                address=ours.address,
            ),
            forget_free_time=forget_free_time,
            change_signals=base.shared.change_signals,
            clock=base.clock,
            ours=ours,
        ),
        clock=base.clock,
        daily=DailySchedule(at=settings.healthie_webhook_check_at, zone=settings.time_zone),
        name=base.name,
    )


def webhook_liveness(base: Foundation, *, inbox: SqlInbox, visits: ChangedVisits) -> WebhookLiveness | None:
    """The check that webhooks still arrive while visits change. None: no webhook URL is set."""
    if base.settings.healthie_webhook_url is None:
        return None
    return WebhookLiveness(
        units=base.units,
        inbox=inbox,
        visits=visits,
        clock=base.clock,
        gaps=base.settings.healthie_webhook_silence,
    )

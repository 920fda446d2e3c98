"""What keeps the gateway's picture of the practice in step with Healthie: webhooks, polls, and the checks that both work."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from booking.checkout.early_checks import EarlyChecks
from booking.checkout.saga import Saga
from booking.sync.polling import VisitPoll
from booking.sync.synchronizer import ResourceSynchronizer
from booking.sync.webhook_health import WebhookHealth
from booking.sync.webhook_liveness import WebhookLiveness
from booking.system_of_record import SystemOfRecord
from gateway.runtime.foundation import Foundation
from gateway.runtime.webhook_monitoring import webhook_health, webhook_liveness
from integrations.database.inbox import SqlInbox


@dataclass(frozen=True, kw_only=True)
class Synchronization:
    """What a worker runs of it."""

    inbox: SqlInbox
    synchronizer: ResourceSynchronizer
    early_checks: EarlyChecks  # of checkouts, that the refresher asks for
    visit_poll: VisitPoll
    webhook_health: WebhookHealth | None  # None: no webhooks are wanted
    webhook_liveness: WebhookLiveness | None  # None: no webhooks are wanted


def build_synchronization(
    base: Foundation,
    *,
    healthie: SystemOfRecord,
    saga: Saga,
    forget_free_time: Callable[[], None],
    exits: AsyncExitStack,
) -> Synchronization:
    """Build it; `forget_free_time` is called when free time may be other than remembered."""
    resources = healthie.resources
    inbox = SqlInbox(engine=base.engine)
    early_checks = EarlyChecks(check=saga.check_early)
    exits.push_async_callback(early_checks.aclose, within=0.0)  # whoever can wait for them has done so
    return Synchronization(
        inbox=inbox,
        synchronizer=ResourceSynchronizer(
            units=base.units,
            watched=resources,
            wake=early_checks.request,
            forget_free_time=forget_free_time,
            clock=base.clock,
            name=base.name,
        ),
        early_checks=early_checks,
        visit_poll=VisitPoll(units=base.units, visits=resources, clock=base.clock),
        webhook_health=webhook_health(
            base, healthie=healthie, inbox=inbox, forget_free_time=forget_free_time
        ),
        webhook_liveness=webhook_liveness(base, inbox=inbox, visits=resources),
    )

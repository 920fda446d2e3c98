"""Builds the synchronization with Healthie: inbox, synchronizer, polling, and the monitoring of webhooks."""

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
    """The parts of synchronization that a worker runs."""

    inbox: SqlInbox
    synchronizer: ResourceSynchronizer
    early_checks: EarlyChecks  # of checkouts, requested by the synchronizer
    visit_poll: VisitPoll
    webhook_health: WebhookHealth | None  # None: no webhook URL is set
    webhook_liveness: WebhookLiveness | None  # None: no webhook URL is set


def build_synchronization(
    base: Foundation,
    *,
    healthie: SystemOfRecord,
    saga: Saga,
    forget_free_time: Callable[[], None],
    exits: AsyncExitStack,
) -> Synchronization:
    """Build the parts; `forget_free_time` is called when cached free time may be stale."""
    resources = healthie.resources
    inbox = SqlInbox(engine=base.engine)
    early_checks = EarlyChecks(check=saga.check_early)
    exits.push_async_callback(
        early_checks.aclose, within=0.0
    )  # callers that could wait for them have done so
    return Synchronization(
        inbox=inbox,
        synchronizer=ResourceSynchronizer(
            units=base.units,
            reader=resources,
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

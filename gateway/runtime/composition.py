"""The composition root: builds every adapter and service from the settings, and nothing at import time.

`compose` is the list of parts in the order in which they are built; each depends on earlier ones only. A part that opens a
resource registers its close with `exits`, so everything is closed in reverse order, also when a later part fails to build.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta

from booking.checkout.ledger import ChargeLedger
from booking.live.change_poller import OFTEN, SELDOM, ChangePoller
from booking.live.shown_times import ShownTimes
from booking.operations.alerts import AlertService
from booking.operations.model import AlertChannel
from booking.ports import Clock
from booking.system_of_record import SystemOfRecord
from booking.tasks import cancel_and_wait
from gateway.callers.sign_in.connect import connect_sign_in
from gateway.callers.tokens import TokenVerifier
from gateway.clock import SystemClock
from gateway.rates.connect import connect_counts
from gateway.runtime.drivers import build_change_driver, build_saga, build_waitlist_looker
from gateway.runtime.event_dispatch import EventDispatch
from gateway.runtime.foundation import Foundation, build_foundation
from gateway.runtime.services import build_services
from gateway.runtime.synchronization import build_synchronization
from gateway.runtime.system import System
from gateway.runtime.upstream import connect_upstream
from gateway.runtime.zone_rules import zone_rules_of_process
from gateway.settings import Settings
from integrations.alerts.log import LoggedAlerts
from integrations.alerts.webhook import connect_webhook
from integrations.database.event_outbox import SqlEventLog
from integrations.database.idempotency import IdempotencyKeys
from integrations.database.patient_links import SqlPatientLinks

# How long a start waits for the proofs of clinicians' keys that were never proved before: enough for a practice of a few
# clinicians to offer all of them in its first answer. A clinician whose key is proved later is offered from then on.
FIRST_PROOFS_SECONDS = 2.0


@contextlib.asynccontextmanager
async def compose(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[System]:
    """Builds the system, and closes everything on leaving. Inside, background tasks keep keys proved and the version chosen.

    `clock` is the only source of time; the machine's by default.
    """
    zone_rules_of_process()  # here too: an embedding program does not pass the command line
    async with contextlib.AsyncExitStack() as exits:
        base = build_foundation(settings, clock or SystemClock(), exits)
        alert_service = await _alerts(base, exits)
        upstream = await _upstream(base, alert_service, exits)
        sign_in = await _sign_in(base, upstream, exits)
        ledger = await _ledger(settings, exits)
        saga = build_saga(base, upstream=upstream, ledger=ledger)
        change_driver = build_change_driver(base, upstream=upstream)
        counts = connect_counts(settings, base.shared.redis, base.clock)
        services = build_services(
            base,
            upstream=upstream,
            saga=saga,
            change_driver=change_driver,
            counts=counts,
            alert_service=alert_service,
            exits=exits,
        )
        event_dispatch = _event_dispatch(base, alert_service, exits)
        sync = build_synchronization(
            base, upstream=upstream, saga=saga, forget_free_time=services.search.forget, exits=exits
        )
        event_log = SqlEventLog(engine=base.engine)
        yield System(
            foundation=base,
            alert_service=alert_service,
            upstream=upstream,
            sign_in=sign_in,
            ledger=ledger,
            saga=saga,
            change_driver=change_driver,
            waitlist_looker=build_waitlist_looker(base, services),
            counts=counts,
            idempotency=IdempotencyKeys(engine=base.engine),
            services=services,
            event_dispatch=event_dispatch,
            sync=sync,
            event_log=event_log,
            change_poller=_change_poller(base, event_log, shown=services.live_queries.shown),
        )


async def _alerts(base: Foundation, exits: contextlib.AsyncExitStack) -> AlertService:
    """The service that raises alerts and sends them over the configured channels."""
    return AlertService(
        units=base.units,
        channels=await _alert_channels(base.settings, exits),
        clock=base.clock,
        in_doubt=timedelta(minutes=base.settings.in_doubt_minutes),
    )


async def _upstream(
    base: Foundation, alert_service: AlertService, exits: contextlib.AsyncExitStack
) -> SystemOfRecord:
    """The adapters of Healthie.

    The version of its API is chosen, and whose each clinician's key is, is proved, in the background, at the start and periodically.
    """
    upstream = await exits.enter_async_context(
        connect_upstream(
            base.settings,
            engine=base.engine,
            trail=base.trail,
            shared=base.shared,
            alert_service=alert_service,
            clock=base.clock,
        )
    )
    _in_background(upstream.api_version.keep_chosen(), exits)
    _in_background(upstream.keys.keep_proved(), exits)
    await upstream.keys.wait_until_answered(within=FIRST_PROOFS_SECONDS)
    return upstream


async def _sign_in(
    base: Foundation, upstream: SystemOfRecord, exits: contextlib.AsyncExitStack
) -> TokenVerifier:
    """The verifier of signed-in people's tokens."""
    return await connect_sign_in(
        base.settings,
        patients=upstream.patients,
        links=SqlPatientLinks(engine=base.engine),
        clock=base.clock,
        exits=exits,
    )


def _event_dispatch(
    base: Foundation, alert_service: AlertService, exits: contextlib.AsyncExitStack
) -> EventDispatch:
    """The dispatcher of domain events to subscribers."""
    event_dispatch = EventDispatch(
        settings=base.settings,
        units=base.units,
        alert_service=alert_service,
        clock=base.clock,
        name=base.name,
    )
    exits.push_async_callback(event_dispatch.aclose)
    return event_dispatch


def _change_poller(base: Foundation, event_log: SqlEventLog, *, shown: ShownTimes) -> ChangePoller:
    """Polls the database for changes that other processes made: often without Redis signals, else seldom, as a fallback."""
    return ChangePoller(
        change_signals=base.shared.local_signals,
        changes=base.changes,
        holds=base.holds,
        event_log=event_log,
        clock=base.clock,
        every=OFTEN if base.shared.redis_signals is None else SELDOM,
        shown=shown,
    )


async def _alert_channels(settings: Settings, exits: contextlib.AsyncExitStack) -> tuple[AlertChannel, ...]:
    """The channels in the order of sending. The log is last, so a logged alert has been sent over every other channel."""
    if settings.alert_webhook_url is None:
        return (LoggedAlerts(),)
    url = settings.alert_webhook_url.get_secret_value()
    return (await exits.enter_async_context(connect_webhook(url)), LoggedAlerts())


async def _ledger(settings: Settings, exits: contextlib.AsyncExitStack) -> ChargeLedger | None:
    """The card processor's ledger, when a key to it is configured."""
    if settings.stripe_key is None:
        return None
    # Loaded only where it is used: a quarter of a second at every start.
    from integrations.stripe.connect import connect_stripe  # noqa: PLC0415

    ledger = await exits.enter_async_context(connect_stripe(key=settings.stripe_key))
    # In the background: the start does not depend on Stripe.
    _in_background(ledger.prove(), exits)
    return ledger


def _in_background(work: Coroutine[None, None, object], exits: contextlib.AsyncExitStack) -> None:
    """Runs the work as a task, cancelled before the parts that it depends on are closed."""
    exits.push_async_callback(cancel_and_wait, [asyncio.create_task(work)])

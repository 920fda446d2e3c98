"""The one composition root: builds every adapter and service from the settings, and nothing at import time."""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from functools import partial

from booking.catalog.bookable import BookableCatalog
from booking.checkout.early_checks import EarlyChecks
from booking.checkout.email_verification import CodeSender, EmailVerification
from booking.checkout.ledger import ChargeLedger
from booking.live.announced_holds import AnnouncedHolds
from booking.live.change_poller import OFTEN, SELDOM, ChangePoller
from booking.operations.alerts import AlertService
from booking.operations.model import AlertChannel
from booking.ports import Clock
from booking.sync.polling import VisitPoll
from booking.sync.synchronizer import ResourceSynchronizer
from gateway.callers.sign_in.connect import connect_sign_in
from gateway.callers.tokens import derive_key, keyed_digest
from gateway.rates.connect import connect_attempt_limits, connect_counts
from gateway.runtime.alarms import DayHeldAlarm
from gateway.runtime.audit import Anchoring, anchor_sinks, audit_keys
from gateway.runtime.clock import SystemClock
from gateway.runtime.event_dispatch import EventDispatch
from gateway.runtime.sealing import sealer
from gateway.runtime.services import build_saga, build_services
from gateway.runtime.shared import share
from gateway.runtime.system import System
from gateway.runtime.upstream import connect_upstream
from gateway.runtime.zone_rules import zone_rules_of_process
from gateway.settings import Settings
from gateway.webhooks.monitoring import webhook_health, webhook_liveness
from integrations.alerts.log import LoggedAlerts
from integrations.alerts.webhook import connect_webhook
from integrations.database.alerts import SqlBlockedClinicians
from integrations.database.audit import SqlAuditTrail
from integrations.database.change_reader import SqlChangeReader
from integrations.database.engine import connect_database
from integrations.database.event_outbox import SqlEventLog
from integrations.database.idempotency import IdempotencyKeys
from integrations.database.inbox import SqlInbox
from integrations.database.patient_links import SqlPatientLinks
from integrations.database.send_facts import SqlSendFactsReader
from integrations.database.unit_of_work import sql_unit_of_work
from integrations.database.write_probe import WriteProbe

# So long a start waits for what is heard of keys that were never proved before: a practice of a few clinicians then offers all of them
# with its first answer. Whoever is proved later is offered from then on.
FIRST_PROOFS_SECONDS = 2.0


@contextlib.asynccontextmanager
async def compose(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[System]:
    """Build the system, and take everything down on leaving; inside, the clinicians' keys are proved, now and again.

    Every time is told by `clock`: the machine's, unless another is given.
    """
    zone_rules_of_process()  # a program that embeds this one may not have come by the command line
    clock = clock or SystemClock()
    secret = settings.secret_key.get_secret_value()
    async with contextlib.AsyncExitStack() as exits:
        engine = connect_database(settings.database_url)
        exits.push_async_callback(engine.dispose)
        write_probe = WriteProbe(engine=engine, clock=clock)
        exits.push_async_callback(write_probe.aclose)
        trail = SqlAuditTrail(engine=engine, key=audit_keys(settings)[0])
        anchoring = Anchoring(trail=trail, sinks=anchor_sinks(settings), clock=clock)
        exits.push_async_callback(anchoring.close)  # after everything that calls upstream has ended
        shared = share(settings, engine=engine, clock=clock, exits=exits)
        units = sql_unit_of_work(engine, sealer(settings), shared.change_signals)
        holds = AnnouncedHolds(store=shared.holds, change_signals=shared.change_signals)
        alert_service = AlertService(
            units=units,
            channels=await _alert_channels(settings, exits),
            clock=clock,
            in_doubt=timedelta(minutes=settings.in_doubt_minutes),
        )
        healthie = await exits.enter_async_context(
            connect_upstream(
                settings, engine=engine, trail=trail, shared=shared, alert_service=alert_service, clock=clock
            )
        )
        _beside(healthie.keys.keep_proved(), exits)
        await healthie.keys.wait_until_heard(within=FIRST_PROOFS_SECONDS)
        sign_in = await connect_sign_in(
            settings,
            patients=healthie.patients,
            links=SqlPatientLinks(engine=engine),
            clock=clock,
            exits=exits,
        )
        ledger = await _ledger(settings, exits)
        name = _process_name()
        saga = build_saga(
            settings,
            healthie=healthie,
            ledger=ledger,
            send_facts=SqlSendFactsReader(engine=engine),
            holds=holds,
            units=units,
            clock=clock,
            name=name,
        )
        counts = connect_counts(settings, shared.redis, clock)
        blocks = SqlBlockedClinicians(engine=engine)
        catalog = BookableCatalog(source=healthie.catalog, blocks=blocks)
        browsing = BookableCatalog(source=healthie.browsing, blocks=blocks)
        changes, event_log = SqlChangeReader(engine=engine), SqlEventLog(engine=engine)
        attempts = connect_attempt_limits(settings, counts, alert_service, clock)
        services = build_services(
            settings,
            local_signals=shared.local_signals,
            changes=changes,
            healthie=healthie,
            catalog=catalog,
            browsing=browsing,
            holds=holds,
            units=units,
            saga=saga,
            clock=clock,
            attempts=attempts,
            day_held=DayHeldAlarm(alert_service=alert_service),
            email_verification=EmailVerification(
                sender=_code_sender(settings, clock),
                units=units,
                clock=clock,
                attempts=attempts,
                digest=partial(keyed_digest, derive_key(secret, "email-code")),
            ),
        )
        exits.push_async_callback(services.checkouts.aclose)
        event_dispatch = EventDispatch(
            settings=settings, units=units, alert_service=alert_service, clock=clock, name=name
        )
        exits.push_async_callback(event_dispatch.aclose)
        inbox = SqlInbox(engine=engine)
        early_checks = EarlyChecks(check=saga.check_early)
        exits.push_async_callback(early_checks.aclose, within=0.0)  # whoever can wait for them has done so
        yield System(
            clock=clock,
            engine=engine,
            units=units,
            healthie=healthie,
            holds=shared.holds,
            saga=saga,
            services=services,
            alert_service=alert_service,
            anchoring=anchoring,
            counts=counts,
            idempotency=IdempotencyKeys(engine=engine),
            write_probe=write_probe,
            sign_in=sign_in,
            ledger=ledger,
            inbox=inbox,
            event_log=event_log,
            change_poller=ChangePoller(
                change_signals=shared.local_signals,
                changes=changes,
                holds=holds,
                event_log=event_log,
                clock=clock,
                every=OFTEN if shared.redis_signals is None else SELDOM,
            ),
            redis_signals=shared.redis_signals,
            synchronizer=ResourceSynchronizer(
                units=units,
                watched=healthie.resources,
                wake=early_checks.request,
                forget_free_time=services.search.forget,
                clock=clock,
                name=name,
            ),
            early_checks=early_checks,
            visit_poll=VisitPoll(units=units, visits=healthie.resources, clock=clock),
            webhook_health=webhook_health(
                settings,
                units=units,
                healthie=healthie,
                inbox=inbox,
                forget_free_time=services.search.forget,
                change_signals=shared.change_signals,
                clock=clock,
                name=name,
            ),
            webhook_liveness=webhook_liveness(
                settings, units=units, inbox=inbox, visits=healthie.resources, clock=clock
            ),
            event_dispatch=event_dispatch,
        )


async def _alert_channels(settings: Settings, exits: contextlib.AsyncExitStack) -> tuple[AlertChannel, ...]:
    """The log comes last: what it says has been told in every way."""
    if settings.alert_webhook_url is None:
        return (LoggedAlerts(),)
    url = settings.alert_webhook_url.get_secret_value()
    return (await exits.enter_async_context(connect_webhook(url)), LoggedAlerts())


def _code_sender(settings: Settings, clock: Clock) -> CodeSender | None:
    """Who mails one-time codes, where the practice has named a mail server."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    # Loaded only where it is used: a tenth of a second at every start.
    from integrations.mail.smtp import MailServer, SmtpCodes  # noqa: PLC0415

    server = MailServer.of(settings.smtp_url.get_secret_value())
    return SmtpCodes(
        server=server, sender=settings.mail_from, clock=clock, needs_tls=not settings.in_development
    )


async def _ledger(settings: Settings, exits: contextlib.AsyncExitStack) -> ChargeLedger | None:
    """The card processor's books, where there is a key to them."""
    if settings.stripe_key is None:
        return None
    # Loaded only where it is used: a quarter of a second at every start.
    from integrations.stripe.connect import connect_stripe  # noqa: PLC0415

    ledger = await exits.enter_async_context(connect_stripe(key=settings.stripe_key))
    # Beside the start, not before it: nobody waits for Stripe to be there.
    _beside(ledger.prove(), exits)
    return ledger


def _beside(work: Coroutine[None, None, object], exits: contextlib.AsyncExitStack) -> None:
    """Do it while the system is up, and end it before what it stands on is taken down."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    exits.push_async_callback(end)


def _process_name() -> str:
    """Unique among all that drive checkouts, restarts of the same process included."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

"""The one composition root: builds every adapter and service from the settings, and nothing at import time."""

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.alerts import OpenCatalog, Watch
from booking.announced_holds import AnnouncedHolds
from booking.checkout import CheckoutRules, CheckoutService
from booking.current import current_work
from booking.holds import HoldRules, HoldService
from booking.kept_catalog import Shelf
from booking.lookout import OFTEN, SELDOM, Changes, Lookout
from booking.operations import OperationsService
from booking.oversight import AlertPort, Attention
from booking.pacing import LocalPacer, Pace, Pacer
from booking.pokes import LocalPokes, Pokes
from booking.polling import VisitPoll
from booking.ports import CatalogSource, ChargeLedger, Clock, HoldStore, UnitOfWorkFactory
from booking.quotes import QuoteService
from booking.records import RecordsService
from booking.refreshing import Refresher
from booking.saga import Saga
from booking.search import SlotSearch
from booking.services import Services
from booking.silence import SilenceWatch
from booking.steps import Steps
from booking.trials import BoundedPromotions, Trials
from booking.watching import Watching
from booking.webhook_health import Daily, HealthUnits, Ours, WebhookHealth
from gateway.audit import Anchoring, anchor_sinks, audit_keys, audited_calls
from gateway.clock import SystemClock
from gateway.lockouts import LockoutAlarm
from gateway.rates import Counts
from gateway.rates.connect import connect_counts, connect_trials
from gateway.sealing import sealer
from gateway.settings import Settings
from gateway.sign_in.connect import connect_sign_in
from gateway.telling import Telling
from gateway.tokens import TokenVerifier, derive_key
from gateway.upstream import watch_upstream
from gateway.worker import Chore, Worker
from integrations.alerts.log import LoggedAlerts
from integrations.alerts.webhook import connect_webhook
from integrations.database.alerts import SqlBlockedClinicians
from integrations.database.audit import SqlAuditTrail
from integrations.database.changes import SqlChanges
from integrations.database.engine import connect_database
from integrations.database.happenings import SqlHappeningLog
from integrations.database.holds import SqlHoldStore
from integrations.database.idempotency import IdempotencyKeys
from integrations.database.inbox import SqlInbox
from integrations.database.letters import reap_letters
from integrations.database.patient_links import SqlPatientLinks
from integrations.database.unit_of_work import sql_unit_of_work
from integrations.healthie.breaker import Breakers
from integrations.healthie.connect import Healthie, connect
from integrations.healthie.errors import SilentNoOp
from integrations.healthie.gate import Gate
from integrations.stripe.declines import DECLINES

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from integrations.redis.pokes import RedisPokes


@dataclass(frozen=True, kw_only=True)
class System:
    """Everything that runs, wired together."""

    clock: Clock
    engine: AsyncEngine
    units: UnitOfWorkFactory
    healthie: Healthie
    holds: HoldStore
    saga: Saga
    services: Services
    watch: Watch
    anchoring: Anchoring
    counts: Counts  # of what was asked for and tried
    idempotency: IdempotencyKeys
    sign_in: TokenVerifier
    ledger: ChargeLedger | None  # the card processor's books, where there is a key to them
    inbox: SqlInbox
    happenings: SqlHappeningLog
    refresher: Refresher
    visit_poll: VisitPoll
    webhook_health: WebhookHealth | None  # None: no webhooks are wanted
    silence: SilenceWatch | None
    telling: Telling
    lookout: Lookout
    word: "RedisPokes | None"  # of other processes, where it comes

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Inside, whoever watches hears of what other processes do."""
        tasks = [asyncio.create_task(self.lookout.run())]
        if self.word is not None:
            tasks.append(asyncio.create_task(self.word.listen(healed=self.lookout.look_now)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def worker(self) -> Worker:
        """A worker on this system."""
        return Worker(
            saga=self.saga,
            units=self.units,
            clock=self.clock,
            chores=self._chores(),
            apart=(
                Chore(name="look_at_marks", every=timedelta(seconds=1), work=self.refresher.take_up),
                Chore(name="tell_subscribers", every=timedelta(seconds=1), work=self.telling.look),
                # Whether a turn is due is for all workers together; these say how often one asks.
                Chore(name="poll_changed_visits", every=timedelta(minutes=1), work=self.visit_poll.changed),
                Chore(name="poll_missing_visits", every=timedelta(minutes=10), work=self.visit_poll.missing),
                *self._webhook_chores(),
            ),
        )

    def _webhook_chores(self) -> tuple[Chore, ...]:
        if self.webhook_health is None or self.silence is None:
            return ()
        return (
            Chore(name="check_webhooks", every=timedelta(minutes=1), work=self.webhook_health.if_due),
            Chore(name="listen_for_webhooks", every=timedelta(minutes=1), work=self.silence.look),
        )

    def _chores(self) -> tuple[Chore, ...]:
        async def clear_holds() -> None:
            if isinstance(self.holds, SqlHoldStore):
                await self.holds.reap(self.clock.now())

        async def clear_keys() -> None:
            await self.idempotency.reap(self.clock.now())

        async def check_upstream() -> None:
            await watch_upstream(self.healthie.upstream, self.watch, self.clock)

        async def clear_inbox() -> None:
            await self.inbox.reap(self.clock.now())
            await self.happenings.reap(self.clock.now())
            await reap_letters(self.engine)

        return (
            # Somebody is to act on it: soon, but not before what caused it is committed and perhaps mended.
            Chore(name="tell_alerts", every=timedelta(seconds=5), work=self.watch.tell),
            Chore(name="look_for_doubts", every=timedelta(minutes=1), work=self.watch.look),
            # What the audit trail could be shortened by unseen: as little as a line a minute is worth.
            Chore(name="anchor_audit_trail", every=timedelta(minutes=1), work=self.anchoring.take),
            Chore(name="clear_holds", every=timedelta(minutes=1), work=clear_holds),
            Chore(name="clear_idempotency_keys", every=timedelta(hours=1), work=clear_keys),
            Chore(name="clear_inbox", every=timedelta(hours=1), work=clear_inbox),
            # Additive changes come without notice, others with a new version. A worker that is deployed daily checks, too.
            Chore(
                name="check_upstream",
                every=timedelta(days=1),
                first=timedelta(minutes=5),
                work=check_upstream,
            ),
            *(
                (Chore(name="prove_ledger_key", every=timedelta(days=1), work=self.ledger.prove),)
                if self.ledger
                else ()
            ),
        )


@contextlib.asynccontextmanager
async def compose(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[System]:
    """Build the system, prove the clinicians' keys, now and again, and take everything down on leaving.

    Every time is told by `clock`: the machine's, unless another is given.
    """
    clock = clock or SystemClock()
    secret = settings.secret_key.get_secret_value()
    async with contextlib.AsyncExitStack() as exits:
        engine = connect_database(settings.database_url)
        exits.push_async_callback(engine.dispose)
        trail = SqlAuditTrail(engine=engine, key=audit_keys(settings)[0])
        anchoring = Anchoring(trail=trail, sinks=anchor_sinks(settings), clock=clock)
        exits.push_async_callback(anchoring.close)  # after everything that calls upstream has ended
        shared = _shared_redis(settings, exits)
        heard = LocalPokes()
        word = _word(settings, shared, heard, exits)
        pokes = word or heard
        units = sql_unit_of_work(engine, sealer(settings), pokes)
        hold_store = await _hold_store(settings, engine, clock, secret, exits)
        holds = AnnouncedHolds(store=hold_store, pokes=pokes)
        watch = Watch(
            units=units,
            ways=await _ways_to_tell(settings, exits),
            clock=clock,
            in_doubt=timedelta(minutes=settings.in_doubt_minutes),
        )

        async def alert_silent_no_op(difference: SilentNoOp) -> None:
            await watch.raise_or_log(
                Attention.SILENT_NO_OP, current_work.get().checkout_id or difference.operation
            )

        healthie = await exits.enter_async_context(
            connect(
                url=str(settings.healthie_url),
                organization_key=settings.healthie_organization_key,
                clinician_keys=settings.healthie_keys,
                declines=DECLINES,
                version=settings.healthie_api_version,
                shard=settings.healthie_shard,
                recipient_id=settings.payment_recipient_id,
                audit=audited_calls(settings, trail=trail, clock=clock),
                gate=Gate(
                    pacer=_pacer(settings, shared, clock),
                    breakers=Breakers(),
                    alarm=LockoutAlarm(watch=watch),
                ),
                noticed=alert_silent_no_op,
                shelf=_shelf(settings, shared),
                now=clock.now,
            )
        )
        await healthie.keys.prove()
        # In every process, since each keeps what was said of the keys to itself.
        _beside(healthie.keys.keep_proved(), exits)
        sign_in = await connect_sign_in(
            settings,
            patients=healthie.patients,
            links=SqlPatientLinks(engine=engine),
            clock=clock,
            exits=exits,
        )
        ledger = await _ledger(settings, exits)
        steps = Steps(
            patients=healthie.patients,
            cards=healthie.cards,
            billing=healthie.billing,
            scheduling=healthie.scheduling,
            holds=holds,
            clock=clock,
            ledger=ledger,
        )
        name = _process_name()
        saga = Saga(steps=steps, units=units, holds=holds, clock=clock, name=name)
        counts = connect_counts(settings, shared, clock)
        blocks = SqlBlockedClinicians(engine=engine)
        catalog = OpenCatalog(source=healthie.catalog, blocks=blocks)
        browsing = OpenCatalog(source=healthie.browsing, blocks=blocks)
        changes, happenings = SqlChanges(engine=engine), SqlHappeningLog(engine=engine)
        services = _services(
            settings,
            heard=heard,
            changes=changes,
            healthie=healthie,
            catalog=catalog,
            browsing=browsing,
            holds=holds,
            units=units,
            saga=saga,
            clock=clock,
            trials=connect_trials(settings, counts, watch, clock),
        )
        exits.push_async_callback(services.checkouts.aclose)
        telling = Telling(settings=settings, units=units, watch=watch, clock=clock, name=name)
        exits.push_async_callback(telling.aclose)
        watched = healthie.watched(_digest(derive_key(secret, "snapshot")))
        inbox = SqlInbox(engine=engine)
        yield System(
            clock=clock,
            engine=engine,
            units=units,
            healthie=healthie,
            holds=hold_store,
            saga=saga,
            services=services,
            watch=watch,
            anchoring=anchoring,
            counts=counts,
            idempotency=IdempotencyKeys(engine=engine),
            sign_in=sign_in,
            ledger=ledger,
            inbox=inbox,
            happenings=happenings,
            lookout=Lookout(
                pokes=heard,
                changes=changes,
                holds=holds,
                happenings=happenings,
                clock=clock,
                every=OFTEN if word is None else SELDOM,
            ),
            word=word,
            refresher=Refresher(
                units=units,
                watched=watched,
                wake=saga.glance,
                forget_free_time=services.search.forget,
                clock=clock,
                name=name,
            ),
            visit_poll=VisitPoll(units=units, visits=watched, clock=clock),
            webhook_health=_webhook_health(
                settings,
                units=units,
                healthie=healthie,
                inbox=inbox,
                forget_free_time=services.search.forget,
                pokes=pokes,
                clock=clock,
                name=name,
            ),
            silence=SilenceWatch(
                units=units, inbox=inbox, visits=watched, clock=clock, gaps=settings.healthie_webhook_silence
            )
            if settings.healthie_webhook_url
            else None,
            telling=telling,
        )


def _webhook_health(
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
    if settings.healthie_webhook_url is None:
        return None
    return WebhookHealth(
        units=units,
        subscriptions=healthie.subscriptions,
        changes=healthie.changes,
        inbox=inbox,
        forget_free_time=forget_free_time,
        pokes=pokes,
        clock=clock,
        ours=Ours(address=str(settings.healthie_webhook_url), secrets=frozenset(settings.webhook_secrets)),
        daily=Daily(at=settings.healthie_webhook_check_at, zone=settings.time_zone),
        name=name,
    )


def _digest(key: bytes) -> Callable[[str], str]:
    """What tells whether a text changed, and nothing else of it."""
    return lambda text: hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _services(
    settings: Settings,
    *,
    heard: LocalPokes,
    changes: Changes,
    healthie: Healthie,
    catalog: CatalogSource,
    browsing: CatalogSource,
    holds: HoldStore,
    units: UnitOfWorkFactory,
    saga: Saga,
    clock: Clock,
    trials: Trials,
) -> Services:
    search = SlotSearch(
        catalog=browsing, availability=healthie.availability, holds=holds, units=units, clock=clock
    )
    promotions = BoundedPromotions(inner=healthie.promotions, trials=trials)
    quotes = QuoteService(catalog=catalog, promotions=promotions)
    records = RecordsService(patients=healthie.patients, cards=healthie.cards)
    return Services(
        catalog=browsing,
        search=search,
        holds=HoldService(
            store=holds,
            search=search,
            catalog=catalog,
            units=units,
            clock=clock,
            rules=HoldRules(
                duration=settings.hold_duration,
                extensions=settings.hold_extensions,
                per_owner=settings.holds_per_owner,
                per_client=settings.holds_per_client,
            ),
        ),
        quotes=quotes,
        checkouts=CheckoutService(
            saga=saga,
            quotes=quotes,
            holds=holds,
            cards=healthie.cards,
            units=units,
            clock=clock,
            rules=CheckoutRules(
                confirm_window=timedelta(minutes=settings.confirm_minutes),
                answer_within=timedelta(seconds=settings.answer_seconds),
            ),
            trials=trials,
        ),
        records=records,
        operations=OperationsService(units=units),
        watching=Watching(
            pokes=heard, search=search, records=records, units=units, changes=changes, clock=clock
        ),
    )


async def _hold_store(
    settings: Settings, engine: AsyncEngine, clock: Clock, secret: str, exits: contextlib.AsyncExitStack
) -> HoldStore:
    if settings.redis_url is None:
        return SqlHoldStore(engine=engine, clock=clock)
    # Loaded only where it is used: a quarter of a second at every start.
    from integrations.redis.client import connect_redis  # noqa: PLC0415
    from integrations.redis.holds import RedisHoldStore  # noqa: PLC0415

    client = connect_redis(settings.redis_url)
    exits.push_async_callback(client.aclose)
    return RedisHoldStore(
        client=client, prefix=f"frontdoor:{settings.tenant}:", secret=secret.encode(), clock=clock
    )


def _shared_redis(settings: Settings, exits: contextlib.AsyncExitStack) -> "Redis | None":
    """What the processes share besides holds; they do without it when it is slow."""
    if settings.redis_url is None:
        return None
    from integrations.redis.client import SHORT_SECONDS, connect_redis  # noqa: PLC0415  # as above

    client = connect_redis(settings.redis_url, timeout=SHORT_SECONDS)
    exits.push_async_callback(client.aclose)
    return client


def _word(
    settings: Settings, shared: "Redis | None", heard: LocalPokes, exits: contextlib.AsyncExitStack
) -> "RedisPokes | None":
    """What the processes tell one another; None: each looks for itself."""
    if settings.redis_url is None or shared is None:
        return None
    from integrations.redis.client import connect_listener  # noqa: PLC0415  # as above
    from integrations.redis.pokes import RedisPokes  # noqa: PLC0415  # as above

    listener = connect_listener(settings.redis_url)
    exits.push_async_callback(listener.aclose)
    word = RedisPokes(
        client=shared, listener=listener, channel=f"frontdoor:{settings.tenant}:pokes", local=heard
    )
    exits.push_async_callback(word.aclose)
    return word


def _pacer(settings: Settings, shared: "Redis | None", clock: Clock) -> Pacer:
    """The pace of each API key: one for all processes where there is a Redis."""
    pace = Pace(per_second=settings.healthie_requests_per_second, burst=settings.healthie_burst)
    if shared is None:
        return LocalPacer(pace, clock=lambda: clock.now().timestamp())
    from integrations.redis.pacing import RedisPacer  # noqa: PLC0415  # as above

    return RedisPacer(pace, client=shared, prefix=f"frontdoor:{settings.tenant}:")


def _shelf(settings: Settings, shared: "Redis | None") -> Shelf | None:
    """Where processes leave the catalogue for one another."""
    if shared is None:
        return None
    from integrations.redis.catalog import RedisShelf  # noqa: PLC0415  # as above

    return RedisShelf(client=shared, prefix=f"frontdoor:{settings.tenant}:")


async def _ways_to_tell(settings: Settings, exits: contextlib.AsyncExitStack) -> tuple[AlertPort, ...]:
    """The log comes last: what it says has been told in every way."""
    if settings.alert_webhook_url is None:
        return (LoggedAlerts(),)
    url = settings.alert_webhook_url.get_secret_value()
    return (await exits.enter_async_context(connect_webhook(url)), LoggedAlerts())


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

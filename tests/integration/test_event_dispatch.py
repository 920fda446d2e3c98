"""Delivery to subscribers on both databases: at least once, each at its own pace, and by one worker at a time."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

import booking.events.dispatcher
from booking.events.deliveries import DeliveryFailed, Endpoint, EndpointGone, Subscriber
from booking.events.dispatcher import AT_ONCE, LEASE, WAITS, WORTH_AN_ALERT, EventDispatcher
from booking.events.endpoint_admin import EndpointAdmin
from booking.events.model import DomainEvent, EventName, event_id
from booking.operations.model import Alert
from booking.resources import Kind, Resource
from booking.stored_names import Unknown
from integrations.database.deliveries import reap_deliveries
from integrations.database.event_outbox import KEPT, SqlEventLog
from integrations.database.sealing import Sealer
from integrations.database.tables.events import subscribers
from integrations.database.unit_of_work import Units, sql_unit_of_work
from integrations.endpoints.sending import body_of
from tests.doubles.booking_ports import FakeClock
from tests.integration.database_samples import SEALER

NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)


@dataclass
class Ear:
    """A subscriber that keeps what it is sent, and accepts what it is allowed to accept."""

    id: str = "handler:ear"
    events: frozenset[str] | None = None
    refuses: Callable[[DomainEvent], Exception | None] = lambda _: None
    heard: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    meanwhile: asyncio.Event | None = None  # nothing is taken before

    async def deliver(self, event: DomainEvent) -> None:
        self.heard.append(event.ids["appointment"])
        if self.meanwhile is not None:
            await self.meanwhile.wait()
        if (refusal := self.refuses(event)) is not None:
            raise refusal
        self.taken.append(event.ids["appointment"])


def never(_: DomainEvent) -> Exception:
    return DeliveryFailed("http_503")


class Practice:
    """One database, its clock, and workers on it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.units: Units = sql_unit_of_work(engine, SEALER)
        self.clock = FakeClock(NOW)
        self.ears: dict[str, Ear] = {}  # of endpoints
        self.admin = EndpointAdmin(units=self.units, clock=self.clock, check=self._pass)
        self._delivered = 0

    async def _pass(self, url: str) -> None:
        """Every URL will do."""

    def dispatcher(self, *handlers: Subscriber, name: str = "a") -> EventDispatcher:
        return EventDispatcher(
            units=self.units,
            handlers={one.id: one for one in handlers},
            reach=self._reach,
            clock=self.clock,
            name=name,
            jitter=lambda: 0.0,
        )

    def _reach(self, endpoint: Endpoint) -> Subscriber:
        ear = self.ears[endpoint.id]
        ear.events = endpoint.events
        return ear

    async def endpoint(self, *events: EventName) -> Ear:
        endpoint = await self.admin.add("https://hooks.example.com/", frozenset(events) or None)
        return self.ears.setdefault(endpoint.id, Ear(id=endpoint.id))

    async def happens(self, *ids: str, name: EventName | Unknown = EventName.APPOINTMENT_CREATED) -> None:
        events = []
        for one in ids:
            resource = Resource(kind=Kind.VISIT, id=one)
            self._delivered += 1
            events.append(
                DomainEvent(
                    id=event_id(resource, self._delivered, name),
                    name=name,
                    at=self.clock.now(),
                    resource=resource,
                    ids={"appointment": one},
                )
            )
        async with self.units() as unit:
            await unit.outbox.add(events)
            await unit.commit()

    async def alerts(self) -> list[Alert]:
        async with self.units() as unit:
            return list(await unit.alerts.due(self.clock.now(), limit=100))

    async def send_alerts(self) -> list[str]:
        """The reasons of the alerts that wait; they are sent then."""
        alerts = await self.alerts()
        async with self.units() as unit:
            for alert in alerts:
                await unit.alerts.mark_sent(alert, self.clock.now())
            await unit.commit()
        return [alert.reason for alert in alerts]

    async def stored(self, ear: Ear) -> Endpoint:
        async with self.units() as unit:
            endpoint = await unit.endpoints.get(ear.id)
        assert endpoint is not None
        return endpoint


@pytest.fixture
def practice(engine: AsyncEngine) -> Practice:
    return Practice(engine)


async def until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110 - deliveries are made in tasks of their own
        await asyncio.sleep(0.01)


async def round_of(dispatcher: EventDispatcher) -> None:
    await dispatcher.dispatch()
    await dispatcher.drain()


async def test_a_subscriber_is_sent_what_happens_from_now_on_and_once(practice: Practice) -> None:
    await practice.happens("1")
    ear, other = Ear(), await practice.endpoint()
    dispatcher = practice.dispatcher(ear)
    await dispatcher.register()
    await practice.happens("2", "3")
    await dispatcher.register()  # by another worker, or after a restart
    for _ in range(3):
        await round_of(dispatcher)
    assert (sorted(ear.heard), sorted(other.heard)) == (["2", "3"], ["2", "3"])


async def test_only_what_is_wanted_is_sent(practice: Practice) -> None:
    ear = await practice.endpoint(EventName.CARD_ADDED, EventName.APPOINTMENT_CANCELLED)
    for number, name in enumerate(EventName):
        await practice.happens(str(number), name=name)
    await round_of(practice.dispatcher())
    wanted = {EventName.CARD_ADDED, EventName.APPOINTMENT_CANCELLED}
    assert set(ear.heard) == {str(number) for number, name in enumerate(EventName) if name in wanted}


async def test_one_that_fails_or_hangs_holds_up_no_other_and_none_of_its_own(practice: Practice) -> None:
    failing = Ear(
        id="handler:failing", refuses=lambda event: ValueError() if event.ids["appointment"] == "1" else None
    )
    hanging, sound = Ear(id="handler:hanging", meanwhile=asyncio.Event()), Ear(id="handler:sound")
    dispatcher = practice.dispatcher(failing, hanging, sound)
    await dispatcher.register()
    await practice.happens("1", "2")
    await dispatcher.dispatch()
    await until(lambda: len(sound.taken) == 2 and failing.taken and len(hanging.heard) == 2)
    await practice.happens("3")
    while "3" not in sound.taken:
        await dispatcher.dispatch()
        await asyncio.sleep(0.01)
    assert hanging.taken == []
    assert "2" in failing.taken
    assert hanging.meanwhile is not None
    hanging.meanwhile.set()
    await dispatcher.drain()
    assert sorted(hanging.taken) == ["1", "2"]


async def test_an_event_of_a_newer_version_is_sent_to_whoever_wants_it_in_its_place(
    practice: Practice,
) -> None:
    """It is there in full, and nobody waits behind it: a handler of everything, and an endpoint that named it, are sent it."""
    everything, other = Ear(), await practice.endpoint(EventName.CARD_ADDED)
    named = await practice.endpoint(EventName.APPOINTMENT_CANCELLED)
    async with practice.engine.begin() as connection:
        wanted = [EventName.APPOINTMENT_CANCELLED, "appointment.of_tomorrow"]
        await connection.execute(
            update(subscribers).where(subscribers.c.id == named.id).values(events=wanted)
        )
    dispatcher = practice.dispatcher(everything)
    await dispatcher.register()
    await practice.happens("1", name=Unknown("appointment.of_tomorrow"))
    await practice.happens("1", name=EventName.APPOINTMENT_CANCELLED)
    for _ in range(2):
        await round_of(dispatcher)
    assert (everything.taken, named.taken, other.taken) == (["1", "1"], ["1", "1"], [])
    (event, _) = await SqlEventLog(engine=practice.engine).after(0, limit=9)
    assert json.loads(body_of(event.event))["type"] == "appointment.of_tomorrow"
    await practice.admin.rotate(named.id, keep=timedelta(hours=1))
    assert (
        sorted((await practice.stored(named)).events or ()) == wanted
    )  # as another version's operator chose


async def test_what_is_about_one_thing_is_sent_in_its_order(practice: Practice) -> None:
    ear = Ear()
    dispatcher = practice.dispatcher(ear)
    await dispatcher.register()
    for name in (
        EventName.APPOINTMENT_CREATED,
        EventName.APPOINTMENT_CHECKED_IN,
        EventName.APPOINTMENT_COMPLETED,
    ):
        await practice.happens("1", "2", name=name)
    names: list[tuple[str, str]] = []

    def note(event: DomainEvent) -> None:
        names.append((event.ids["appointment"], event.name))

    ear.refuses = note
    await round_of(dispatcher)
    for one in "12":
        assert [name for visit, name in names if visit == one] == [
            EventName.APPOINTMENT_CREATED,
            EventName.APPOINTMENT_CHECKED_IN,
            EventName.APPOINTMENT_COMPLETED,
        ]


async def test_a_failure_is_tried_again_after_each_wait_and_no_sooner_then_the_endpoint_is_disabled(
    practice: Practice,
) -> None:
    ear = await practice.endpoint()
    ear.refuses = never
    dispatcher = practice.dispatcher()
    await practice.happens("1")
    await round_of(dispatcher)
    for tries, wait in enumerate(WAITS, 1):
        practice.clock.at += wait - timedelta(microseconds=1)
        await round_of(dispatcher)
        assert len(ear.heard) == tries
        assert (await practice.stored(ear)).disabled_at is None
        practice.clock.at += timedelta(microseconds=1)
        await round_of(dispatcher)
        assert len(ear.heard) == tries + 1
    assert practice.clock.at - NOW > timedelta(days=3)
    disabled = await practice.stored(ear)
    assert (disabled.disabled_at, disabled.disabled_because) == (practice.clock.at, "failing")
    assert [(alert.reason, alert.subject) for alert in await practice.alerts()] == [
        ("subscriber_failing", ear.id),
        ("endpoint_disabled", ear.id),
    ]
    await practice.happens("2")
    practice.clock.at += timedelta(days=3)
    await round_of(dispatcher)
    assert len(ear.heard) == 1 + len(WAITS)


async def test_a_handler_is_not_disabled_and_its_delivery_is_given_up_with_an_alert(
    practice: Practice,
) -> None:
    ear = Ear(refuses=lambda _: RuntimeError("of the handler's own"))
    dispatcher = practice.dispatcher(ear)
    await dispatcher.register()
    await practice.happens("1")
    await round_of(dispatcher)
    for wait in WAITS:
        practice.clock.at += wait
        await round_of(dispatcher)
    assert {alert.reason for alert in await practice.alerts()} == {"subscriber_failing", "event_not_told"}
    async with practice.units() as unit:
        ((delivery,), (standing,)) = (
            await unit.deliveries.latest(ear.id, limit=9),
            await unit.deliveries.standings(),
        )
    assert (delivery["error"], delivery["dead_at"]) == ("RuntimeError", practice.clock.at)
    assert (standing["unread"], standing["waiting"], standing["dead"]) == (0, 0, 1)

    ear.refuses = lambda _: None
    await practice.happens("2")
    await round_of(dispatcher)
    assert ear.taken == ["2"]


async def test_one_event_that_is_never_taken_disables_nobody_who_takes_the_others(practice: Practice) -> None:
    ear = await practice.endpoint()
    ear.refuses = lambda event: DeliveryFailed("http_500") if event.ids["appointment"] == "poison" else None
    dispatcher = practice.dispatcher()
    await practice.happens("poison")
    await round_of(dispatcher)
    for wait in WAITS:
        await practice.happens("sound")
        practice.clock.at += wait
        await round_of(dispatcher)
    assert (await practice.stored(ear)).disabled_at is None
    assert "event_not_told" in [alert.reason for alert in await practice.alerts()]
    assert len(ear.taken) == len(WAITS)


async def test_people_hear_of_an_outage_in_time_and_of_the_next_one_again(practice: Practice) -> None:
    ear = await practice.endpoint()
    dispatcher = practice.dispatcher()
    for outage in range(2):
        ear.refuses = never
        began = practice.clock.at
        await practice.happens(str(outage))
        await round_of(dispatcher)
        for wait in WAITS[:3]:
            assert await practice.alerts() == []
            practice.clock.at += wait
            await round_of(dispatcher)
        assert practice.clock.at - began >= WORTH_AN_ALERT
        assert await practice.send_alerts() == ["subscriber_failing"]
        ear.refuses = lambda _: None
        practice.clock.at += WAITS[3]
        await round_of(dispatcher)
    assert ear.taken == ["0", "1"]


async def test_410_disables_at_once(practice: Practice) -> None:
    ear = await practice.endpoint()
    ear.refuses = lambda _: EndpointGone("http_410")
    await practice.happens("1")
    await round_of(practice.dispatcher())
    assert (await practice.stored(ear)).disabled_because == "gone"
    assert [alert.reason for alert in await practice.alerts()] == ["endpoint_disabled"]


async def test_whoever_is_enabled_hears_what_they_had_not_taken_and_what_happened_meanwhile(
    practice: Practice,
) -> None:
    ear = await practice.endpoint()
    dispatcher = practice.dispatcher()
    await practice.happens("1")
    await round_of(dispatcher)
    ear.refuses = lambda _: EndpointGone("http_410")
    await practice.happens("2")
    await round_of(dispatcher)
    ear.refuses = lambda _: None
    await practice.happens("3")
    await round_of(dispatcher)
    assert ear.taken == ["1"]
    assert await practice.admin.enable(ear.id) == 1
    await round_of(dispatcher)
    assert sorted(ear.taken) == ["1", "2", "3"]


async def test_a_replay_tells_a_time_once_more_and_nothing_else(practice: Practice) -> None:
    ear = await practice.endpoint(EventName.APPOINTMENT_CREATED)
    other = await practice.endpoint()
    dispatcher = practice.dispatcher()
    for one in ("1", "2", "3"):
        await practice.happens(one)
        await practice.happens(one, name=EventName.CARD_ADDED)
        practice.clock.at += timedelta(hours=1)
    await round_of(dispatcher)
    hour = timedelta(hours=1)
    assert await practice.admin.replay(ear.id, since=NOW + hour, until=NOW + 2 * hour) == 1
    await round_of(dispatcher)
    assert sorted(ear.heard) == ["1", "2", "2", "3"]
    assert len(other.heard) == 6


@pytest.mark.parametrize("how", ["redelivered", "retried"])
async def test_what_is_asked_for_again_while_it_is_under_way_is_delivered_again(
    practice: Practice, how: str
) -> None:
    """Its attempt under way was made for the earlier request: neither its success nor its failure answers the new one."""
    ear = await practice.endpoint()
    await practice.happens("1")
    async with practice.units() as unit:
        await unit.deliveries.fan_out(ear.id, None, limit=9)
        (due,) = await unit.deliveries.due(ear.id, NOW, limit=9)
        under_way = await unit.deliveries.lease(due, "a/1", now=NOW, until=NOW + timedelta(minutes=1))
        assert under_way is not None
        if how == "redelivered":
            await unit.deliveries.redeliver(ear.id, None, since=NOW, until=NOW + timedelta(hours=1), now=NOW)
        else:
            await unit.deliveries.retry_all(ear.id, now=NOW)
        await unit.deliveries.mark_failed(under_way, due_at=None, now=NOW, why="http_503")
        await unit.deliveries.mark_delivered(under_way, now=NOW)
        assert [one.sequence for one in await unit.deliveries.due(ear.id, NOW, limit=9)] == [due.sequence]


async def test_a_backlog_is_sent_in_rounds_of_a_batch_until_it_is_sent_whole(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking.events.dispatcher, "BATCH", 5)
    monkeypatch.setattr(booking.events.dispatcher, "FAN_OUT", 7)
    ear = await practice.endpoint()
    many = [str(number) for number in range(20)]
    await practice.happens(*many)
    dispatcher = practice.dispatcher()
    for taken in (5, 10, 15, 20, 20):
        await round_of(dispatcher)
        assert len(ear.taken) == taken
    assert sorted(ear.taken) == sorted(many)


async def test_two_workers_share_the_deliveries_and_make_each_once(practice: Practice) -> None:
    ear = await practice.endpoint()
    many = [str(number) for number in range(60)]
    await practice.happens(*many)
    dispatchers = [practice.dispatcher(name=name) for name in "ab"]
    for _ in range(3):
        await asyncio.gather(*(round_of(dispatcher) for dispatcher in dispatchers))
    assert sorted(ear.heard) == sorted(many)


async def test_a_worker_that_dies_between_sending_and_recording_it_leaves_a_duplicate_and_no_loss(
    practice: Practice,
) -> None:
    ear = await practice.endpoint()
    ear.meanwhile = asyncio.Event()
    await practice.happens("1")
    dying = practice.dispatcher(name="dying")
    await dying.dispatch()
    await until(lambda: ear.heard)
    for task in dying._rounds.values():  # told, and gone before it could note it
        task.cancel()
    await dying.drain()

    ear.meanwhile = None
    heir = practice.dispatcher(name="heir")
    await round_of(heir)
    assert ear.taken == []
    practice.clock.at += LEASE
    await round_of(heir)
    assert ear.heard == ["1", "1"]
    practice.clock.at += LEASE
    await round_of(heir)
    assert ear.taken == ["1"]


async def test_a_worker_that_was_overtaken_writes_nothing(practice: Practice) -> None:
    ear = await practice.endpoint()
    ear.meanwhile = asyncio.Event()
    ear.refuses = never
    await practice.happens("1")
    slow, heir = practice.dispatcher(name="slow"), practice.dispatcher(name="heir")
    await slow.dispatch()
    await until(lambda: ear.heard)
    meanwhile, ear.meanwhile, ear.refuses = ear.meanwhile, None, lambda _: None
    practice.clock.at += LEASE
    await round_of(heir)
    assert ear.taken == ["1"]
    ear.refuses = never
    meanwhile.set()
    await slow.drain()
    assert (await practice.stored(ear)).failing_since is None
    async with practice.units() as unit:
        (delivery,) = await unit.deliveries.latest(ear.id, limit=9)
    assert delivery["told_at"] is not None


@pytest.mark.parametrize("action", ["remove", "disable"])
async def test_whoever_is_removed_or_disabled_in_mid_round_hears_no_more(
    practice: Practice, action: str
) -> None:
    ear = await practice.endpoint()
    ear.meanwhile = asyncio.Event()
    await practice.happens(*[str(number) for number in range(20)])
    dispatcher = practice.dispatcher()
    await dispatcher.dispatch()
    await until(lambda: len(ear.heard) == AT_ONCE)
    await getattr(practice.admin, action)(ear.id)
    ear.meanwhile.set()
    await dispatcher.drain()
    await round_of(dispatcher)
    assert len(ear.heard) == AT_ONCE  # those that were being told


async def test_deliveries_go_with_their_events_and_cursors_stay_good(practice: Practice) -> None:
    ear = await practice.endpoint()
    dispatcher = practice.dispatcher()
    await practice.happens("1", "2")
    await round_of(dispatcher)
    log = SqlEventLog(engine=practice.engine)
    assert await log.reap(NOW + KEPT + timedelta(hours=1)) == 1  # the latest stays, and keeps the count
    assert await reap_deliveries(practice.engine) == 1
    await practice.happens("3")
    await round_of(dispatcher)
    assert sorted(ear.heard) == ["1", "2", "3"]


async def test_an_endpoint_whose_secret_does_not_open_can_be_rotated_and_removed(practice: Practice) -> None:
    ear = await practice.endpoint()
    practice.units = sql_unit_of_work(practice.engine, Sealer({"other": bytes(32)}, current="other"))
    practice.admin = EndpointAdmin(units=practice.units, clock=practice.clock, check=practice._pass)
    assert (await practice.stored(ear)).live_secrets(NOW) == []
    new = await practice.admin.rotate(ear.id, keep=timedelta(hours=1))
    assert (await practice.stored(ear)).live_secrets(NOW) == [new.text]
    await practice.admin.remove(ear.id)


async def test_secrets_are_sealed_and_two_sign_during_a_rotation(practice: Practice) -> None:
    ear = await practice.endpoint()
    (first,) = (await practice.stored(ear)).secrets
    async with practice.engine.connect() as connection:
        raw = (await connection.exec_driver_sql("SELECT secrets FROM subscribers")).scalar_one()
    assert first.text.removeprefix("whsec_") not in str(raw)

    second = await practice.admin.rotate(ear.id, keep=timedelta(hours=24))
    rotating = await practice.stored(ear)
    assert rotating.live_secrets(NOW) == [second.text, first.text]
    assert rotating.live_secrets(NOW + timedelta(hours=24)) == [second.text]
    third = await practice.admin.rotate(ear.id, keep=timedelta(hours=1))
    assert (await practice.stored(ear)).live_secrets(NOW) == [third.text, second.text]

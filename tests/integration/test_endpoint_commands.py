"""`frontdoor endpoints …` and `frontdoor handlers …` on a database of their own."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.events.deliveries import Endpoint, EventDelivery, Secret
from booking.events.model import DomainEvent, EventName
from booking.resources import Kind, Resource
from gateway.clock import SystemClock
from gateway.runtime.event_dispatch import GROUP
from integrations.database.unit_of_work import SqlUnitOfWork, sql_unit_of_work
from tests.integration.commands import frontdoor, on_database
from tests.integration.database_samples import SEALER

T = TypeVar("T")

NOW = SystemClock().now()
URL = "http://127.0.0.1:9/in"


@pytest.fixture
def url(operators_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FRONTDOOR_ENVIRONMENT", "development")
    monkeypatch.setenv("FRONTDOOR_ENDPOINTS_ALLOW_LOOPBACK", "true")
    return operators_url


def said(*arguments: str) -> list[str]:
    result = frontdoor(*arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def on_unit(url: str, work: Callable[[SqlUnitOfWork], Awaitable[T]]) -> T:
    async def act(engine: AsyncEngine) -> T:
        async with sql_unit_of_work(engine, SEALER)() as unit:
            done = await work(unit)
            await unit.commit()
        return done

    return on_database(url, act)


def happens(url: str) -> None:
    resource = Resource(kind=Kind.VISIT, id="7")
    event = DomainEvent(id="evt_1", name=EventName.APPOINTMENT_CREATED, at=NOW, resource=resource, ids={})
    on_unit(url, lambda unit: unit.outbox.add([event]))


def takes(url: str, endpoint_id: str, *, refuses: bool) -> None:
    """What a dispatcher writes when the endpoint takes the event, or refuses it for the last time."""

    async def write(unit: SqlUnitOfWork) -> None:
        await unit.deliveries.fan_out(endpoint_id, None, limit=9)
        (due,) = await unit.deliveries.due(endpoint_id, NOW + timedelta(days=1), limit=9)
        later = NOW + timedelta(days=1)
        delivery: EventDelivery | None = await unit.deliveries.lease(due, "test", now=later, until=later)
        assert delivery is not None
        if refuses:
            await unit.deliveries.mark_failed(delivery, due_at=None, now=later, why="http_500")
        else:
            await unit.deliveries.mark_delivered(delivery, now=later)

    on_unit(url, write)


def test_an_endpoint_from_beginning_to_end(url: str) -> None:
    assert said("endpoints", "list") == ["None."]
    endpoint_id, secret = said("endpoints", "add", URL, "--events", "appointment.created,card.added")
    assert secret.startswith("whsec_")
    assert said("endpoints", "list") == [f"{endpoint_id}  {URL}  0 wait"]

    happens(url)
    assert said("endpoints", "list") == [f"{endpoint_id}  {URL}  1 wait"]
    takes(url, endpoint_id, refuses=True)
    (listed,) = said("endpoints", "list")
    assert "0 wait, 1 given up, failing since" in listed
    shown = said("endpoints", "show", endpoint_id)
    assert shown[1] == "events: appointment.created, card.added"
    assert "evt_1" in shown[-1]
    assert "(http_500)" in shown[-1]
    assert secret not in "".join(shown)

    (second,) = said("endpoints", "rotate", endpoint_id)
    assert second.startswith("whsec_")
    assert second != secret
    assert any("former secret signs until" in line for line in said("endpoints", "show", endpoint_id))

    said("endpoints", "disable", endpoint_id)
    assert "(operator)" in said("endpoints", "list")[0]
    assert "1 events of before" in said("endpoints", "enable", endpoint_id)[0]
    takes(url, endpoint_id, refuses=False)
    assert said("endpoints", "list") == [f"{endpoint_id}  {URL}  0 wait"]
    assert "delivered" in said("endpoints", "show", endpoint_id)[-1]

    day = (NOW - timedelta(days=1)).strftime("%Y-%m-%d")
    assert "1 events are due" in said("endpoints", "replay", endpoint_id, "--since", day)[0]
    assert "0 events are due" in said("endpoints", "replay", endpoint_id, "--since", day, "--until", day)[0]
    said("endpoints", "remove", endpoint_id)
    assert said("endpoints", "list") == ["None."]


@pytest.mark.parametrize(
    ("of", "shown"),
    [
        ("http://127.0.0.1:9/in", "http://127.0.0.1:9/in"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://127.0.0.1:9/canary-in-the-path", "http://127.0.0.1:9/canar…"),
        ("http://127.0.0.1:9/services/canary", "http://127.0.0.1:9/servi…"),
        ("http://127.0.0.1:9/in?token=canary", "http://127.0.0.1:9/in…"),
        ("http://127.0.0.1:9?canary", "http://127.0.0.1:9…"),
    ],
)
def test_of_a_url_only_the_host_and_the_beginning_of_the_path_are_shown_unless_it_is_asked_for(
    url: str, of: str, shown: str
) -> None:
    endpoint_id, _ = said("endpoints", "add", of)
    assert said("endpoints", "list") == [f"{endpoint_id}  {shown}  0 wait"]
    assert said("endpoints", "show", endpoint_id)[0] == f"{endpoint_id}  {shown}"
    assert said("endpoints", "show", endpoint_id, "--reveal")[0] == f"{endpoint_id}  {of}"


def test_endpoints_from_the_settings_are_marked_and_changed_by_the_settings_only(url: str) -> None:
    def starts(*endpoints: Endpoint) -> None:
        on_unit(url, lambda unit: unit.endpoints.declare(endpoints, now=NOW))

    one = Endpoint(
        id="settings:desk",
        url=URL,
        events=None,
        secrets=(Secret(text=f"whsec_{'A' * 43}="),),
        created_at=NOW,
    )
    starts(one)
    by_hand, _ = said("endpoints", "add", URL)
    assert said("endpoints", "list") == [
        f"settings:desk  {URL}  from FRONTDOOR_ENDPOINTS  0 wait",
        f"{by_hand}  {URL}  0 wait",
    ]
    assert said("endpoints", "show", "settings:desk")[0] == f"settings:desk  {URL}  from FRONTDOOR_ENDPOINTS"
    for command in ("rotate", "disable", "remove"):
        refused = frontdoor("endpoints", command, "settings:desk")
        assert refused.exit_code == 1
        assert "change it there" in refused.output
    said("endpoints", "replay", "settings:desk", "--since", "2027-01-01")
    said("endpoints", "enable", "settings:desk")

    starts()
    assert "(undeclared)" in said("endpoints", "list")[0]
    assert frontdoor("endpoints", "enable", "settings:desk").exit_code == 1
    said("endpoints", "remove", "settings:desk")
    assert said("endpoints", "list") == [f"{by_hand}  {URL}  0 wait"]


def test_handlers_are_listed_and_shown(url: str) -> None:
    assert said("handlers", "list") == ["None."]
    on_unit(url, lambda unit: unit.deliveries.register("handler:sample", now=NOW))
    happens(url)
    assert said("handlers", "list") == ["sample  1 wait"]
    takes(url, "handler:sample", refuses=True)
    assert "given up" in said("handlers", "show", "sample")[0]
    assert said("endpoints", "list") == ["None."]


def test_a_handler_that_is_installed_no_longer_can_be_removed_with_its_deliveries(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("handler:gone", "handler:stays"):
        on_unit(url, lambda unit, name=name: unit.deliveries.register(name, now=NOW))  # type: ignore[misc]
    happens(url)
    takes(url, "handler:gone", refuses=True)
    takes(url, "handler:stays", refuses=True)

    package = tmp_path / "site" / "front_desk-0.1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: front_desk\nVersion: 0.1.0\n")
    (package / "entry_points.txt").write_text(f"[{GROUP}]\ngone = no_such_module:anything\n")
    with monkeypatch.context() as installed:
        installed.syspath_prepend(package.parent)
        refused = frontdoor("handlers", "remove", "gone")
    assert refused.exit_code != 0
    assert "is installed here" in refused.output
    assert len(said("handlers", "show", "gone")) == 1

    assert said("handlers", "remove", "gone") == ["gone is forgotten."]
    assert frontdoor("handlers", "show", "gone").exit_code == 1
    assert [line.split()[0] for line in said("handlers", "list")] == ["stays"]
    assert "given up" in said("handlers", "show", "stays")[0]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("endpoints", "show", "ep_missing"), "no such endpoint"),
        (("endpoints", "rotate", "ep_missing"), "no such endpoint"),
        (("endpoints", "disable", "ep_missing"), "no such endpoint"),
        (("endpoints", "enable", "ep_missing"), "no such endpoint"),
        (("endpoints", "remove", "ep_missing"), "no such endpoint"),
        (("endpoints", "replay", "ep_missing", "--since", "2027-01-01"), "no such endpoint"),
        (("endpoints", "add", URL, "--events", "appointment.made"), "no such event"),
        (("endpoints", "add", "http://10.0.0.1/"), "public Internet"),
        (("handlers", "replay", "missing", "--since", "2027-01-01"), "No such handler"),
        (("handlers", "remove", "missing"), "no such handler"),
        (("handlers", "show", "missing"), "no such handler"),
    ],
)
def test_what_cannot_be_done_is_said(url: str, arguments: tuple[str, ...], why: str) -> None:
    result = frontdoor(*arguments)
    assert result.exit_code != 0
    assert why.lower() in result.output.lower()


def test_loopback_is_refused_in_production(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDOOR_ENVIRONMENT", "production")
    result = frontdoor("endpoints", "list")
    assert result.exit_code != 0
    assert "FRONTDOOR_ENDPOINTS_ALLOW_LOOPBACK is for development" in result.output
    monkeypatch.delenv("FRONTDOOR_ENDPOINTS_ALLOW_LOOPBACK")
    assert frontdoor("endpoints", "list").exit_code == 0
    assert "https" in frontdoor("endpoints", "add", URL).output
    assert "public Internet" in frontdoor("endpoints", "add", "https://127.0.0.1/").output

"""The commands of those who look after subscribers: `frontdoor endpoints …` and `frontdoor handlers …`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import click

from gateway.commands import moment, with_database

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from booking.endpoints import EndpointDesk
    from booking.happenings import Name
    from booking.subscribers import Endpoint
    from integrations.database.unit_of_work import SqlUnitOfWork

    Units = Callable[[], SqlUnitOfWork]

T = TypeVar("T")

# As many as a person reads.
LISTED = 50

# Long enough that a receiver gets its new secret by whatever way it gets secrets.
KEEP_HOURS = 24

_id = click.argument("endpoint_id", metavar="ID")


def _span(command: Callable[..., None]) -> Callable[..., None]:
    until = click.option("--until", type=click.DateTime(), help="Before this moment, in UTC; else now.")
    since = click.option("--since", type=click.DateTime(), required=True, help="From this moment on, in UTC.")
    return since(until(command))


@click.group()
def endpoints() -> None:
    """Tell other systems what happens, over HTTP."""


@endpoints.command()
@click.argument("url")
@click.option("--events", multiple=True, help="An event that it is told, or several with commas; else all.")
def add(url: str, events: tuple[str, ...]) -> None:
    """Tell the endpoint at URL what happens from now on. Prints the secret that signs: it is not shown again."""
    wanted = _names(events)
    endpoint = _act(lambda desk: desk.add(url, wanted))
    click.echo(endpoint.id)
    click.echo(endpoint.secrets[0].text)


@endpoints.command(name="list")
def list_endpoints() -> None:
    """List the endpoints, with what waits for each."""

    async def rows(units: "Units") -> list[str]:
        async with units() as unit:
            standings = {row["id"]: row for row in await unit.letters.standings()}
            return [f"{_line(one)}  {_standing(standings[one.id])}" for one in await unit.endpoints.listed()]

    click.echo("\n".join(_on_units(rows)) or "None.")


@endpoints.command()
@_id
def show(endpoint_id: str) -> None:
    """Show an endpoint and its latest events. Holds no secret."""

    async def told(units: "Units") -> list[str]:
        async with units() as unit:
            endpoint = await unit.endpoints.get(endpoint_id)
            if endpoint is None:
                raise click.ClickException("There is no such endpoint.")
            names = ", ".join(sorted(endpoint.events)) if endpoint.events is not None else "all"
            letters = await unit.letters.latest(endpoint_id, limit=LISTED)
        signing = [one for one in endpoint.secrets if one.until is not None]
        also = [f"the former secret signs until {moment(one.until)}" for one in signing if one.until]
        return [_line(endpoint), f"events: {names}", *also, *map(_letter, letters)]

    click.echo("\n".join(_on_units(told)))


@endpoints.command()
@_id
@click.option("--keep-hours", default=KEEP_HOURS, show_default=True, type=click.IntRange(0, 720))
def rotate(endpoint_id: str, keep_hours: int) -> None:
    """Sign with a new secret, and with the former one too for a while. Prints the new one: it is not shown again."""
    secret = _act(lambda desk: desk.rotate(endpoint_id, keep=timedelta(hours=keep_hours)))
    click.echo(secret.text)


@endpoints.command()
@_id
def disable(endpoint_id: str) -> None:
    """Tell the endpoint nothing until it is enabled; what happens meanwhile waits."""
    _act(lambda desk: desk.disable(endpoint_id))
    click.echo(f"{endpoint_id} is told nothing until it is enabled.")


@endpoints.command()
@_id
def enable(endpoint_id: str) -> None:
    """Tell the endpoint again, beginning with what it has not taken."""
    waiting = _act(lambda desk: desk.enable(endpoint_id))
    click.echo(
        f"{endpoint_id} is told again, {waiting} events of before included, and what happened meanwhile."
    )


@endpoints.command()
@_id
def remove(endpoint_id: str) -> None:
    """Forget the endpoint, and what it was to be told."""
    _act(lambda desk: desk.remove(endpoint_id))
    click.echo(f"{endpoint_id} is forgotten.")


@endpoints.command(name="replay")
@_id
@_span
def replay_endpoint(endpoint_id: str, since: datetime, until: datetime | None) -> None:
    """Tell the endpoint once more what happened in a time, under the same ids; events are kept for 30 days."""
    first, last = _times(since, until)
    count = _act(lambda desk: desk.replay(endpoint_id, since=first, until=last))
    click.echo(f"{count} events are due; a worker tells them.")


@click.group()
def handlers() -> None:
    """See how far the handlers of installed packages have come."""


@handlers.command(name="list")
def list_handlers() -> None:
    """List the handlers that a worker has known, with what waits for each."""

    async def rows(units: "Units") -> list[str]:
        async with units() as unit:
            found = [row for row in await unit.letters.standings() if row["id"].startswith("handler:")]
        return [f"{row['id'].removeprefix('handler:')}  {_standing(row)}" for row in found]

    click.echo("\n".join(_on_units(rows)) or "None.")


@handlers.command(name="show")
@click.argument("name")
def show_handler(name: str) -> None:
    """Show a handler's latest events."""

    async def told(units: "Units") -> "Sequence[RowMapping]":
        async with units() as unit:
            return await unit.letters.latest(f"handler:{name}", limit=LISTED)

    click.echo("\n".join(map(_letter, _on_units(told))) or "None.")


@handlers.command(name="replay")
@click.argument("name")
@_span
def replay_handler(name: str, since: datetime, until: datetime | None) -> None:
    """Tell a handler once more what happened in a time; events are kept for 30 days."""
    from gateway.clock import SystemClock
    from gateway.telling import installed_handlers

    handler = next((one for one in installed_handlers()[0] if one.name == name), None)
    if handler is None:
        raise click.ClickException("No such handler is installed here.")
    first, last = _times(since, until)

    async def again(units: "Units") -> int:
        async with units() as unit:
            now = SystemClock().now()
            await unit.letters.enrol(handler.id, now=now)
            count = await unit.letters.again(handler.id, handler.events, since=first, until=last, now=now)
            await unit.commit()
        return count

    click.echo(f"{_on_units(again)} events are due; a worker tells them.")


def _names(given: tuple[str, ...]) -> "frozenset[Name] | None":
    from booking.happenings import Name

    asked = {name.strip() for names in given for name in names.split(",")}
    if unknown := asked - set(Name):
        raise click.BadParameter(f"no such event: {', '.join(sorted(unknown))}", param_hint="--events")
    return frozenset(Name(name) for name in asked) or None


def _times(since: datetime, until: datetime | None) -> tuple[datetime, datetime]:
    return since.replace(tzinfo=UTC), until.replace(tzinfo=UTC) if until else datetime.now(tz=UTC)


def _on_units(work: "Callable[[Units], Awaitable[T]]") -> T:
    from gateway.sealing import sealer
    from gateway.starting import settings_of_process
    from integrations.database.unit_of_work import sql_unit_of_work

    settings = settings_of_process()
    return asyncio.run(
        with_database(settings, lambda engine: work(sql_unit_of_work(engine, sealer(settings))))
    )


def _act(action: "Callable[[EndpointDesk], Awaitable[T]]") -> T:
    """Do it, and explain what keeps it from being done."""
    from booking.endpoints import EndpointDesk
    from booking.refusals import InvalidInput, NotFound
    from gateway.clock import SystemClock
    from gateway.starting import settings_of_process
    from gateway.telling import doorman
    from integrations.endpoints.urls import check

    settings = settings_of_process()

    async def passes(url: str) -> None:
        await check(url, doorman=doorman(settings), allow_http=settings.endpoints_allow_loopback)

    async def act(units: "Units") -> T:
        try:
            return await action(EndpointDesk(units=units, clock=SystemClock(), check=passes))
        except InvalidInput as error:
            raise click.ClickException(error.reason) from error
        except NotFound as error:
            raise click.ClickException("There is no such endpoint.") from error

    return _on_units(act)


def _line(endpoint: "Endpoint") -> str:
    parts = [endpoint.id, endpoint.url]
    if endpoint.disabled_at is not None:
        parts.append(f"disabled {moment(endpoint.disabled_at)} ({endpoint.disabled_because})")
    return "  ".join(parts)


def _standing(row: "RowMapping") -> str:
    parts = [f"{row['unread'] + row['waiting']} wait"]
    if row["dead"]:
        parts.append(f"{row['dead']} given up")
    if row["failing_since"] is not None:
        parts.append(f"failing since {moment(row['failing_since'])}")
    return ", ".join(parts)


def _letter(row: "RowMapping") -> str:
    if row["told_at"] is not None:
        became = f"told {moment(row['told_at'])}"
    elif row["dead_at"] is not None:
        became = f"given up {moment(row['dead_at'])} ({row['error']})"
    elif row["tries"]:
        became = f"failed {row['tries']} times ({row['error']}), due {moment(row['due_at'])}"
    else:
        became = "due"
    return f"{moment(row['at'])}  {row['name']:<26} {row['id']}  {became}"

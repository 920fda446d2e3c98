"""`frontdoor endpoints …`: commands for operators to manage the endpoints that receive events."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import click

from gateway.commands.common import moment, on_units
from gateway.commands.subscribers import LISTED, delivery, span, standing, times

if TYPE_CHECKING:
    from booking.events.deliveries import Endpoint
    from booking.events.endpoint_admin import EndpointAdmin
    from booking.events.model import EventName
    from integrations.database.unit_of_work import Units

T = TypeVar("T")

# Overlap after a rotation: long enough for a receiver to be given its new secret.
KEEP_HOURS = 24

# Characters of a URL's path that are shown: enough to recognize it, too few to reveal a token.
PATH_SHOWN = 5

_id = click.argument("endpoint_id", metavar="ID")


@click.group()
def endpoints() -> None:
    """Send events to other systems over HTTP."""


@endpoints.command()
@click.argument("url")
@click.option("--events", multiple=True, help="An event to send, or several with commas; else all.")
def add(url: str, events: tuple[str, ...]) -> None:
    """Send events from now on to the endpoint at URL. Prints the signing secret: it is not shown again."""
    wanted = _names(events)
    endpoint = _act(lambda admin: admin.add(url, wanted))
    click.echo(endpoint.id)
    click.echo(endpoint.secrets[0].text)


@endpoints.command(name="list")
def list_endpoints() -> None:
    """List the endpoints, with the number of events that wait for each."""

    async def rows(units: "Units") -> list[str]:
        async with units() as unit:
            standings = {row["id"]: row for row in await unit.deliveries.standings()}
            return [f"{_line(one)}  {standing(standings[one.id])}" for one in await unit.endpoints.listed()]

    click.echo("\n".join(on_units(rows)) or "None.")


@endpoints.command()
@_id
@click.option("--reveal", is_flag=True, help="Show the whole URL; it may carry a token.")
def show(endpoint_id: str, *, reveal: bool) -> None:
    """Show an endpoint and its latest events. Shows no secret."""

    async def lines(units: "Units") -> list[str]:
        async with units() as unit:
            endpoint = await unit.endpoints.get(endpoint_id)
            if endpoint is None:
                raise click.ClickException("There is no such endpoint.")
            names = ", ".join(sorted(endpoint.events)) if endpoint.events is not None else "all"
            deliveries = await unit.deliveries.latest(endpoint_id, limit=LISTED)
        signing = [one for one in endpoint.secrets if one.until is not None]
        also = [f"the former secret signs until {moment(one.until)}" for one in signing if one.until]
        return [_line(endpoint, reveal=reveal), f"events: {names}", *also, *map(delivery, deliveries)]

    click.echo("\n".join(on_units(lines)))


@endpoints.command()
@_id
@click.option("--keep-hours", default=KEEP_HOURS, show_default=True, type=click.IntRange(0, 720))
def rotate(endpoint_id: str, keep_hours: int) -> None:
    """Sign with a new secret, and for a while with the former one too. Prints the new one: it is not shown again."""
    secret = _act(lambda admin: admin.rotate(endpoint_id, keep=timedelta(hours=keep_hours)))
    click.echo(secret.text)


@endpoints.command()
@_id
def disable(endpoint_id: str) -> None:
    """Send the endpoint nothing until it is enabled. Events wait meanwhile."""
    _act(lambda admin: admin.disable(endpoint_id))
    click.echo(f"{endpoint_id} receives nothing until it is enabled.")


@endpoints.command()
@_id
def enable(endpoint_id: str) -> None:
    """Send to the endpoint again. What it has not accepted yet comes first."""
    waiting = _act(lambda admin: admin.enable(endpoint_id))
    click.echo(
        f"{endpoint_id} receives events again: {waiting} events of before, and those that came meanwhile."
    )


@endpoints.command()
@_id
def remove(endpoint_id: str) -> None:
    """Delete the endpoint, and the events that wait for it."""
    _act(lambda admin: admin.remove(endpoint_id))
    click.echo(f"{endpoint_id} is forgotten.")


@endpoints.command(name="replay")
@_id
@span
def replay_endpoint(endpoint_id: str, since: datetime, until: datetime | None) -> None:
    """Send the events of a period once more, with the same ids. Events are kept for 30 days."""
    first, last = times(since, until)
    count = _act(lambda admin: admin.replay(endpoint_id, since=first, until=last))
    click.echo(f"{count} events are due; a worker delivers them.")


def _names(given: tuple[str, ...]) -> "frozenset[EventName] | None":
    from booking.events.model import EventName

    names = {name.strip() for value in given for name in value.split(",")}
    if unknown := names - set(EventName):
        raise click.BadParameter(f"no such event: {', '.join(sorted(unknown))}", param_hint="--events")
    return frozenset(EventName(name) for name in names) or None


def _act(action: "Callable[[EndpointAdmin], Awaitable[T]]") -> T:
    """Run the action; turn a refusal into an error message."""
    from booking.errors import DeclaredInSettings, InvalidInput, NotFound
    from booking.events.endpoint_admin import EndpointAdmin
    from gateway.clock import SystemClock
    from gateway.commands.starting import settings_of_process
    from gateway.runtime.event_dispatch import outbound_address_policy
    from integrations.endpoints.urls import check

    settings = settings_of_process()

    async def check_url(url: str) -> None:
        await check(
            url,
            outbound_address_policy=outbound_address_policy(settings),
            allow_http=settings.endpoints_allow_loopback,
        )

    async def act(units: "Units") -> T:
        try:
            return await action(EndpointAdmin(units=units, clock=SystemClock(), check=check_url))
        except InvalidInput as error:
            raise click.ClickException(error.reason) from error
        except NotFound as error:
            raise click.ClickException("There is no such endpoint.") from error
        except DeclaredInSettings as error:
            raise click.ClickException(
                "FRONTDOOR_ENDPOINTS declares it: change it there, and restart gateway and worker."
            ) from error

    return on_units(act, settings=settings)


def _line(endpoint: "Endpoint", *, reveal: bool = False) -> str:
    parts = [endpoint.id, endpoint.url if reveal else _short(endpoint.url)]
    if endpoint.declared:
        parts.append("from FRONTDOOR_ENDPOINTS")
    if endpoint.disabled_at is not None:
        parts.append(f"disabled {moment(endpoint.disabled_at)} ({endpoint.disabled_because})")
    return "  ".join(parts)


def _short(url: str) -> str:
    """Scheme, host and the beginning of the path: the rest, or a query, may hold a token."""
    parts = urlsplit(url)
    path = parts.path[: 1 + PATH_SHOWN]
    more = path != parts.path or parts.query
    return f"{parts.scheme}://{parts.netloc}{path}{'…' if more else ''}"

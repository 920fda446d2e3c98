"""The commands of those who look after the endpoints that are told events: `frontdoor endpoints …`."""

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
    from gateway.commands.common import Units

T = TypeVar("T")

# Long enough that a receiver gets its new secret by whatever way it gets secrets.
KEEP_HOURS = 24

# Of a URL's path, without its slash: enough to recognize it by, too little of a token to be one.
PATH_SHOWN = 5

_id = click.argument("endpoint_id", metavar="ID")


@click.group()
def endpoints() -> None:
    """Tell other systems what happens, over HTTP."""


@endpoints.command()
@click.argument("url")
@click.option("--events", multiple=True, help="An event that it is told, or several with commas; else all.")
def add(url: str, events: tuple[str, ...]) -> None:
    """Tell the endpoint at URL what happens from now on. Prints the secret that signs: it is not shown again."""
    wanted = _names(events)
    endpoint = _act(lambda operator_action: operator_action.add(url, wanted))
    click.echo(endpoint.id)
    click.echo(endpoint.secrets[0].text)


@endpoints.command(name="list")
def list_endpoints() -> None:
    """List the endpoints, with what waits for each."""

    async def rows(units: "Units") -> list[str]:
        async with units() as unit:
            standings = {row["id"]: row for row in await unit.deliveries.standings()}
            return [f"{_line(one)}  {standing(standings[one.id])}" for one in await unit.endpoints.listed()]

    click.echo("\n".join(on_units(rows)) or "None.")


@endpoints.command()
@_id
@click.option("--reveal", is_flag=True, help="Show the whole URL; it may carry a token.")
def show(endpoint_id: str, *, reveal: bool) -> None:
    """Show an endpoint and its latest events. Holds no secret."""

    async def told(units: "Units") -> list[str]:
        async with units() as unit:
            endpoint = await unit.endpoints.get(endpoint_id)
            if endpoint is None:
                raise click.ClickException("There is no such endpoint.")
            names = ", ".join(sorted(endpoint.events)) if endpoint.events is not None else "all"
            deliveries = await unit.deliveries.latest(endpoint_id, limit=LISTED)
        signing = [one for one in endpoint.secrets if one.until is not None]
        also = [f"the former secret signs until {moment(one.until)}" for one in signing if one.until]
        return [_line(endpoint, reveal=reveal), f"events: {names}", *also, *map(delivery, deliveries)]

    click.echo("\n".join(on_units(told)))


@endpoints.command()
@_id
@click.option("--keep-hours", default=KEEP_HOURS, show_default=True, type=click.IntRange(0, 720))
def rotate(endpoint_id: str, keep_hours: int) -> None:
    """Sign with a new secret, and with the former one too for a while. Prints the new one: it is not shown again."""
    secret = _act(
        lambda operator_action: operator_action.rotate(endpoint_id, keep=timedelta(hours=keep_hours))
    )
    click.echo(secret.text)


@endpoints.command()
@_id
def disable(endpoint_id: str) -> None:
    """Tell the endpoint nothing until it is enabled; what happens meanwhile waits."""
    _act(lambda operator_action: operator_action.disable(endpoint_id))
    click.echo(f"{endpoint_id} is told nothing until it is enabled.")


@endpoints.command()
@_id
def enable(endpoint_id: str) -> None:
    """Tell the endpoint again, beginning with what it has not taken."""
    waiting = _act(lambda operator_action: operator_action.enable(endpoint_id))
    click.echo(
        f"{endpoint_id} is told again, {waiting} events of before included, and what happened meanwhile."
    )


@endpoints.command()
@_id
def remove(endpoint_id: str) -> None:
    """Forget the endpoint, and what it was to be told."""
    _act(lambda operator_action: operator_action.remove(endpoint_id))
    click.echo(f"{endpoint_id} is forgotten.")


@endpoints.command(name="replay")
@_id
@span
def replay_endpoint(endpoint_id: str, since: datetime, until: datetime | None) -> None:
    """Tell the endpoint once more what happened in a time, under the same ids; events are kept for 30 days."""
    first, last = times(since, until)
    count = _act(lambda operator_action: operator_action.replay(endpoint_id, since=first, until=last))
    click.echo(f"{count} events are due; a worker tells them.")


def _names(given: tuple[str, ...]) -> "frozenset[EventName] | None":
    from booking.events.model import EventName

    asked = {name.strip() for names in given for name in names.split(",")}
    if unknown := asked - set(EventName):
        raise click.BadParameter(f"no such event: {', '.join(sorted(unknown))}", param_hint="--events")
    return frozenset(EventName(name) for name in asked) or None


def _act(action: "Callable[[EndpointAdmin], Awaitable[T]]") -> T:
    """Do it, and explain what keeps it from being done."""
    from booking.errors import DeclaredInSettings, InvalidInput, NotFound
    from booking.events.endpoint_admin import EndpointAdmin
    from gateway.clock import SystemClock
    from gateway.commands.starting import settings_of_process
    from gateway.runtime.event_dispatch import outbound_address_policy
    from integrations.endpoints.urls import check

    settings = settings_of_process()

    async def passes(url: str) -> None:
        await check(
            url,
            outbound_address_policy=outbound_address_policy(settings),
            allow_http=settings.endpoints_allow_loopback,
        )

    async def act(units: "Units") -> T:
        try:
            return await action(EndpointAdmin(units=units, clock=SystemClock(), check=passes))
        except InvalidInput as error:
            raise click.ClickException(error.reason) from error
        except NotFound as error:
            raise click.ClickException("There is no such endpoint.") from error
        except DeclaredInSettings as error:
            raise click.ClickException(
                "FRONTDOOR_ENDPOINTS says what it is and whether it is told: change it there, and restart gateway and worker."
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
    """The host and the path's beginning: the rest, or a query, may be a token."""
    parts = urlsplit(url)
    path = parts.path[: 1 + PATH_SHOWN]
    more = path != parts.path or parts.query
    return f"{parts.scheme}://{parts.netloc}{path}{'…' if more else ''}"

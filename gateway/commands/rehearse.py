"""`frontdoor rehearse`: finds out on a practice's sandbox account what its Healthie does, and writes a profile."""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from gateway.commands.common import operator, prove_database, with_a_hint
from gateway.commands.processes import PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.runtime.upstream import Ear, Notebook, Profile, Rehearsal, Scene, Step
    from gateway.settings import Settings

NOT_ALL_GIVEN_BACK = 1
TRY_AGAIN = 3  # the code of a check that could not be made


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the options ask for."""

    profile_path: Path
    webhook_url: str | None
    webhook_port: int
    rate: float | None
    give_back: bool


def _in_a_folder(_context: click.Context, _option: click.Parameter, path: Path) -> Path:
    """The path, if a file can be written there: that is known before anything is made, not two hundred requests later."""
    if not os.access(path.parent, os.W_OK):
        raise click.BadParameter(f"No file can be written in {path.parent.absolute()}.")
    return path


def _an_address(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """The URL, if it is one."""
    if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
        raise click.BadParameter("It must be a whole URL, such as https://rehearsal.example.com/hear.")
    return url


A_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command()
@click.option(
    "--profile",
    "profile_path",
    type=A_FILE,
    default="healthie-profile.json",
    show_default=True,
    callback=_in_a_folder,
    help="Where the profile is written.",
)
@click.option(
    "--notebook",
    "notebook_path",
    type=A_FILE,
    default="healthie-rehearsal.json",
    show_default=True,
    callback=_in_a_folder,
    help="Where progress is kept, so that an interrupted rehearsal goes on. Removed at the end.",
)
@click.option(
    "--clinician", help="Id of the clinician whose key is used; the first of FRONTDOOR_HEALTHIE_KEYS."
)
@click.option(
    "--webhook-url",
    callback=_an_address,
    help="An address at which Healthie can reach the port below, to see how it signs webhooks.",
)
@click.option(
    "--webhook-port",
    type=PORT,
    default=8020,
    show_default=True,
    help="The port of this machine at which webhooks are heard.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=1, max=1000),
    help="Also find out how fast a key may ask, up to so many requests a second. May end in a lockout of an hour.",
)
@click.option("--give-back", is_flag=True, help="Only give back what an interrupted rehearsal has made.")
@click.option("--yes", is_flag=True, help="Do not ask before anything is made.")
def rehearse(notebook_path: Path, clinician: str | None, yes: bool, **options: Any) -> None:
    """Find out on a SANDBOX account what its Healthie does.

    Plays the whole journey, and writes a profile for `frontdoor emulator --profile` and FRONTDOOR_HEALTHIE_PROFILE. Works only
    on what it makes itself, and gives all of that back. Refuses any address but Healthie's sandbox and the
    emulator. Exits with 0 when everything was given back, 1 when it could not begin or something is left, 3 when it was
    interrupted, by Healthie or by you: the same command goes on.
    """
    from gateway.clock import SystemClock
    from gateway.commands.starting import settings_of_process
    from gateway.runtime.upstream import LockedOut, Notebook, NotRehearsable, require_sandbox

    settings = settings_of_process(log_level="ERROR")
    try:
        require_sandbox(str(settings.healthie_url))
        chosen = _clinician(settings, clinician)
        notebook = Notebook.opened(
            notebook_path, upstream=str(settings.healthie_url), now=SystemClock().now()
        )
    except NotRehearsable as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.ClickException(
            f"{notebook_path} is no notebook to go on with: {error}. Name another file with --notebook."
        ) from None
    wanted = Wanted(**options)
    if wanted.give_back and not notebook.is_resumed:
        click.echo("There is nothing to give back.")
        return
    click.echo(f"A rehearsal on {settings.healthie_url}, with clinician {chosen}.")
    _announce(notebook, notebook_path, yes=yes)
    try:
        left = asyncio.run(_run(settings, chosen, notebook, wanted))
    except NotRehearsable as error:
        raise click.ClickException(with_a_hint(str(error))) from None
    except (LockedOut, KeyboardInterrupt):
        kept = f"{notebook_path} keeps what was made and learned: run the same command later."
        click.echo(f"Interrupted. {kept if notebook.is_resumed else 'Nothing was made yet.'}")
        raise SystemExit(TRY_AGAIN) from None
    if left:
        click.echo("\n".join(["Not given back:", *(f"  - {each}" for each in left)]))
        click.echo("Remove it on Healthie's pages, or run the same command again.")
        raise SystemExit(NOT_ALL_GIVEN_BACK)
    notebook.remove()


def _announce(notebook: "Notebook", notebook_path: Path, *, yes: bool) -> None:
    """Say what will be made, and ask. Aborts the command on a no."""
    from gateway.runtime.upstream import WILL_MAKE

    if notebook.is_resumed:
        click.echo(f"Goes on where {notebook_path} ends.")
        return
    click.echo("\n".join(["It will make, use and give back:", *(f"  - {each}" for each in WILL_MAKE)]))
    if not yes:
        click.confirm("Go on?", abort=True)


async def _run(settings: "Settings", clinician: str, notebook: "Notebook", wanted: Wanted) -> list[str]:
    """Ask everything, give everything back, write the profile. Returns what is left."""
    from booking.work_context import asked_by
    from gateway.clock import SystemClock
    from gateway.runtime.foundation import build_foundation
    from gateway.runtime.upstream import connect_rehearsal

    async with AsyncExitStack() as exits:
        await prove_database(settings)
        base = build_foundation(settings, SystemClock(), exits)
        rehearsal = await exits.enter_async_context(
            connect_rehearsal(
                settings, clinician_id=clinician, trail=base.trail, shared=base.shared, clock=base.clock
            )
        )
        ear = None
        if wanted.webhook_url is not None:
            ear = await _listen(exits, wanted.webhook_url, wanted.webhook_port)
        with asked_by(operator()):
            return await _play(rehearsal, await rehearsal.scene(notebook, ear), wanted)


async def _listen(exits: AsyncExitStack, url: str, port: int) -> "Ear":
    """Listen for webhooks. Raises ClickException when the port is not free."""
    from gateway.runtime.upstream import listening

    try:
        return await exits.enter_async_context(listening(url, host="0.0.0.0", port=port))  # noqa: S104  # Healthie calls from outside
    except OSError as error:
        raise click.ClickException(
            f"Nothing can listen at port {port} ({os.strerror(error.errno or 0)}): name another with --webhook-port."
        ) from None


async def _play(rehearsal: "Rehearsal", scene: "Scene", wanted: Wanted) -> list[str]:
    if not wanted.give_back:
        async for step in rehearsal.ask_all(scene):
            click.echo(_told(step))
    click.echo("Giving everything back ...")
    left = await rehearsal.tidy(scene)
    if not left:
        click.echo("Everything was given back: a look at Healthie's lists finds nothing of it.")
    if not wanted.give_back:
        if wanted.rate is not None and not left:
            click.echo(f"Asking faster and faster, up to {wanted.rate:g} requests a second ...")
            click.echo(_rate_told(await rehearsal.measure_rate(scene, wanted.rate)))
        _report(rehearsal.profile(scene), wanted.profile_path)
    return left


def _report(profile: "Profile", path: Path) -> None:
    """Write the profile, and say what in it stands against going live."""
    profile.write(path)
    click.echo(f"{path} says what this Healthie does.")
    if concerns := profile.concerns():
        click.echo("\n".join(["Before going live:", *(f"  - {each}" for each in concerns)]))


def _clinician(settings: "Settings", wanted: str | None) -> str:
    known = list(settings.healthie_keys)
    if not known:
        raise click.ClickException(
            "FRONTDOOR_HEALTHIE_KEYS names no clinician, and visits are booked by their keys."
        )
    if wanted is not None and wanted not in known:
        raise click.ClickException(f"FRONTDOOR_HEALTHIE_KEYS has no key of clinician {wanted}.")
    return wanted or known[0]


def _told(step: "Step") -> str:
    said = f"unknown: {step.unknown}" if step.unknown is not None else _plainly(step.answer)
    return f"[{step.number:>2}/{step.of}] {step.asks} {said}"


def _rate_told(found: "Mapping[str, Any]") -> str:
    """What the measurement of the rate found: `held` and `refused` (requests a second, or None), and whether it is a lockout."""
    parts = ["none held" if found["held"] is None else f"{found['held']:g} a second held"]
    parts.append(
        "nothing was refused" if found["refused"] is None else f"{found['refused']:g} a second was refused"
    )
    if found["lockout"]:
        parts.append("and it is a lockout: ask nothing for an hour")
    return f"{', '.join(parts)}."


def _plainly(answer: object) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, dict):
        return ", ".join(f"{name} {value}" for name, value in answer.items())
    if isinstance(answer, list):
        return "; ".join(map(str, answer)) or "none"
    return str(answer)

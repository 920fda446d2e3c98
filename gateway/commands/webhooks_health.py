"""`frontdoor webhooks health`: runs the webhook check now and reports its findings in sentences."""

import asyncio
from typing import TYPE_CHECKING

import click

from gateway.commands.common import operator, with_a_hint
from gateway.commands.monitoring import CRITICAL, FINE, WARNING, exit_with, give_up

if TYPE_CHECKING:
    from booking.sync.webhook_check import WebhookReport
    from booking.sync.webhook_subscriptions import Finding
    from gateway.settings import Settings

_STATUS = {FINE: "fine", WARNING: "mended", CRITICAL: "wrong"}

# By defect: the sentence when it was repaired, and when it persists.
_SENTENCES = {
    "webhook_missing": (
        "No webhook sent {what} to us ({when}). One was made.",
        "No webhook sends {what} to us ({when}), and none could be made. Make one in Healthie.",
    ),
    "webhook_disabled": (
        "Webhook {what} was disabled ({when}). It is enabled again.",
        "Webhook {what} is disabled ({when}), and could not be enabled. Enable it in Healthie.",
    ),
    "webhook_failing": (
        "",
        "Webhook {what} is not taken ({when}); Healthie will disable it. See why: `webhook.refused` in the log, or the proxy.",
    ),
    "webhook_elsewhere": (
        "",
        "Webhook {what} sends to another address than ours ({when}). Delete it in Healthie, or point it back.",
    ),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For monitoring.")
def health(as_json: bool) -> None:
    """Check that Healthie's webhooks arrive, and repair what can be.

    Fetches what never arrived too.

    Exits with 0 when all is well, 1 when something was wrong and is repaired, 2 when something is wrong, 3 when the check could not run.
    """
    from booking.errors import UpstreamUnavailable
    from booking.sync.webhook_health import CheckRunning
    from gateway.commands.starting import settings_of_process
    from integrations.database.migrations import DatabaseUnusable

    try:
        found = asyncio.run(_check(settings_of_process()))
    except (
        click.ClickException
    ) as error:  # the settings: its own exit code would mean that something was repaired
        give_up(error.message, as_json=as_json)
    except UpstreamUnavailable as error:
        give_up(with_a_hint(f"Healthie could not be asked: {error}"), as_json=as_json)
    except CheckRunning:
        give_up("A worker is checking at this moment. Ask again in a minute.", as_json=as_json)
    except DatabaseUnusable as error:
        give_up(str(error), as_json=as_json)
    if found is None:
        give_up(
            "No webhooks are wanted: FRONTDOOR_HEALTHIE_WEBHOOK_URL says where Healthie is to send them.",
            as_json=as_json,
        )
    code = _exit_code(found)
    exit_with(code, _STATUS[code], _as_json(found), _as_text(found), as_json=as_json)


async def _check(settings: "Settings") -> "WebhookReport | None":
    from booking.work_context import asked_by
    from gateway.runtime.composition import compose
    from integrations.database.migrations import prove_ready

    async with compose(settings) as system:
        if system.sync.webhook_health is None:
            return None
        await prove_ready(system.engine)
        with asked_by(operator()):
            return await system.sync.webhook_health.now()


def _exit_code(found: "WebhookReport") -> int:
    if found.wrong:
        return CRITICAL
    return WARNING if found.mended or found.missed else FINE


def _as_json(found: "WebhookReport") -> dict[str, object]:
    return {
        "at": found.at.isoformat(),
        "mended": [_finding(one) for one in found.mended],
        "wrong": [_finding(one) for one in found.wrong],
        "attempts": found.attempts,
        "listed": found.listed,
        "missed": [
            {"event": one.event, "resource_id": one.resource_id, "at": one.at.isoformat()}
            for one in found.missed
        ],
    }


def _finding(finding: "Finding") -> dict[str, object]:
    return {"reason": finding.defect, "what": finding.what, "when": finding.when}


def _as_text(found: "WebhookReport") -> list[str]:
    lines = [_sentence(one, mended=True) for one in found.mended]
    lines += [_sentence(one, mended=False) for one in found.wrong]
    if found.missed:
        lines.append(
            f"{len(found.missed)} of the {found.attempts} deliveries that Healthie tried had not come in. They are fetched now."
        )
    if found.listed:
        lines.append(
            f"{found.listed} visits, patients, cards and payments changed while nothing was sent. They are fetched now."
        )
    if not lines:
        lines.append(
            f"Every webhook is there, enabled and sends to us. All of {found.attempts} deliveries that Healthie tried had come in."
        )
    return lines


def _sentence(finding: "Finding", *, mended: bool) -> str:
    as_mended, as_it_stands = _SENTENCES[finding.defect]
    return (as_mended if mended else as_it_stands).format(what=finding.what, when=finding.when)

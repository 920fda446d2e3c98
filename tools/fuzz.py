"""Fuzz the API with schemathesis: ``python -m tools.fuzz [--seconds N] [--seed N]``.

Starts a stack of its own and sends requests without a caller, as a visitor, as a guest and as a signed-in patient. schemathesis runs in
an environment of its own, made by uv, since it needs thirty packages that nothing else does. Exits 0 only if nothing was found.
"""

import asyncio
import json
import os
import sys
import tempfile
from argparse import ArgumentParser
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2

from gateway.callers.tokens import issue_development_token
from gateway.development.demo import documents
from gateway.development.demo.api import App
from gateway.development.local_stack import LocalStack, free_port, local_stack
from gateway.settings.sign_in import TokenSettings
from tools.generate_client import ROOT, tool

SCHEMATHESIS = "schemathesis==4.32.5"

ZONE = "America/New_York"
GUEST = {"email": "sample.guest@example.com", "firstName": "Sample", "lastName": "Guest"}


async def fuzz(*, seconds: int, seed: int) -> int:
    """Fuzz as each kind of caller in turn, and return how many runs found something."""
    with tempfile.TemporaryDirectory(prefix="frontdoor-fuzz-") as directory:
        async with (
            local_stack(
                directory=Path(directory),
                gateway_port=free_port(),
                emulator_port=free_port(),
                quiet=True,
                # The default limits would be used up within a minute, and the rest of the run be refused.
                extra={"FRONTDOOR_HOLDS_PER_OWNER": "20", "FRONTDOOR_HOLD_MINUTES": "30"},
            ) as stack,
            httpx2.AsyncClient(timeout=30) as http,
        ):
            app = App(http=http, graphql=stack.graphql)
            await app.open()
            visitor = dict(app.headers)
            values = await _begin(app)
            token = issue_development_token(TokenSettings(), stack.patients[0], lifetime=timedelta(hours=1))
            callers = {
                "nobody": {},
                "a visitor": visitor,
                "a guest": dict(app.headers),
                "a patient": {"Authorization": f"Bearer {token}"},
            }
            found = 0
            for name, headers in callers.items():
                print(f"\n== as {name}", flush=True)
                found += await _run(stack, headers, values, seconds=seconds, seed=seed) != 0
            return found


async def _begin(app: App) -> dict[str, list[Any]]:
    """Start a checkout as a guest, and return real values by the fields that take them."""
    kinds = (await app.ask("{ visitTypes { id requiresPlan } }"))["visitTypes"]
    visit = next(kind["id"] for kind in kinds if not kind["requiresPlan"])
    today = date.today()  # noqa: DTZ011  # any day will do
    sought = {
        "filter": {"visitTypeId": visit, "timeZone": ZONE},
        "from": str(today),
        "until": str(today + timedelta(days=6)),
    }
    days = (await app.ask(documents.SLOTS, **sought))["slots"]
    slots = [slot["id"] for day in days for slot in day["slots"]]
    held = (await app.do(documents.HOLD, slotId=slots[0], timeZone=ZONE))["hold"]["id"]
    started = await app.do(documents.START, holdId=held, guest=GUEST)
    app.become_guest(started["guestToken"])
    plans = (await app.ask("{ plans(first: 100) { nodes { id } } }"))["plans"]["nodes"]
    return {
        "visitTypeId": [kind["id"] for kind in kinds],
        "planId": [plan["id"] for plan in plans],
        "slotId": slots[:200],
        "holdId": [held],
        "checkoutId": [started["checkout"]["id"]],
        "quoteId": [started["checkout"]["quote"]["id"]],
        "timeZone": [ZONE, "UTC", "Asia/Kathmandu"],
        "from": [str(today + timedelta(days=n)) for n in range(3)],
        "until": [str(today + timedelta(days=n)) for n in range(3, 31)],
        "month": [str(today)],
        "cardToken": ["tok_visa", "tok_chargeDeclined"],
        "promoCode": ["WELCOME20"],
        "email": [GUEST["email"]],
        "state": ["NY", "CA"],
    }


async def _run(
    stack: LocalStack, headers: dict[str, str], values: dict[str, list[Any]], *, seconds: int, seed: int
) -> int:
    command = [
        *tool(SCHEMATHESIS),
        *("st", "run", stack.graphql, "--checks", "is_an_answer", "--continue-on-failure"),
        *(
            "--max-time",
            str(seconds),
            "--seed",
            str(seed),
            "--suppress-health-check",
            "all",
            "--warnings",
            "off",
        ),
    ]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tools"),
        "SCHEMATHESIS_HOOKS": "fuzz_hooks",
        "FRONTDOOR_FUZZ_VALUES": json.dumps(values),
    }
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
    return await process.wait()


def main() -> int:
    """Fuzz and return the exit code."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="as each kind of caller")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return int(asyncio.run(fuzz(seconds=given.seconds, seed=given.seed)) > 0)


if __name__ == "__main__":
    sys.exit(main())

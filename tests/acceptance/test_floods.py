"""The settings reach what they are for: floods are told 429 and when to come again, at the API and at the webhooks' address."""

import httpx2
import pytest

from gateway.rates.table import REFUSED_WEBHOOKS, REQUESTS
from integrations.healthie.webhooks import HealthieWebhooks
from tests.plugins.stack import Stack, Stacks

ADDRESS = "X-Forwarded-For"
FACTOR = 1 / 100
PLANS = "{ plans { totalCount } }"


@pytest.fixture
async def stack(stacks: Stacks) -> Stack:
    return await stacks.start(
        rate_factor=FACTOR,
        client_address_header=ADDRESS,
        healthie_webhook_secrets=["whsec_sample"],
        healthie_webhook_url=f"http://gateway.invalid{HealthieWebhooks.path}",
    )


async def test_a_visitor_who_floods_is_told_when_to_come_again_and_may_then(stack: Stack) -> None:
    app = await stack.visitor()
    answers = [await app.post(PLANS) for _ in range(round((REQUESTS.caller or 0) * FACTOR) + 1)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    wait = int(answers[-1].headers["Retry-After"])
    assert 0 < wait <= 60
    await stack.pass_time(REQUESTS.window)
    assert (await app.post(PLANS)).status_code == 200


async def test_an_address_that_floods_gets_no_visitor_tokens_and_others_do(stack: Stack) -> None:
    async def ask(address: str) -> httpx2.Response:
        return await stack.http.post(
            "/graphql", json={"query": "{ newVisitorToken }"}, headers={ADDRESS: address}
        )

    assert (await ask("203.0.113.9")).status_code == 200
    refused = await ask("203.0.113.9")
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert (await ask("198.51.100.7")).status_code == 200


async def test_an_address_that_forges_webhooks_is_not_listened_to(stack: Stack) -> None:
    async def forge() -> int:
        return (
            await stack.http.post(HealthieWebhooks.path, json={}, headers={ADDRESS: "203.0.113.9"})
        ).status_code

    most = REFUSED_WEBHOOKS.network or 0
    assert [await forge() for _ in range(most + 2)] == [401] * most + [429] * 2

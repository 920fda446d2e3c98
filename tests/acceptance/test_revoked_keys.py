"""A clinician's key is revoked, and given back, while gateways run."""

from datetime import timedelta

import pytest

from tests.acceptance import documents
from tests.plugins.stack import Stack, Stacks, eventually


@pytest.fixture
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.healthie.keys.CHECK_EVERY", timedelta(milliseconds=20))


async def offered(stack: Stack) -> set[str]:
    app = await stack.visitor()
    return {each["id"] for each in (await app.ask(documents.CLINICIANS))["clinicians"]}


async def revoke_the_key_of_clinician_1(stack: Stack) -> None:
    keys = (await stack.emulator.ask("{ apiKeys { nodes { id name } } }"))["apiKeys"]["nodes"]
    (key_id,) = [key["id"] for key in keys if key["name"] == "Clinician 1"]
    await stack.emulator.ask(
        "mutation D($id: ID) { deleteApiKey(input: {id: $id}) { messages { message } } }", id=key_id
    )


@pytest.mark.usefixtures("_looked_at_often")
async def test_every_gateway_takes_the_clinician_off_within_a_day_and_back_without_a_restart(
    stacks: Stacks,
) -> None:
    first = await stacks.start()
    gateways = [first, await stacks.another(first)]
    everybody = {first.clinician(number) for number in (1, 2, 3)}
    assert [await offered(each) for each in gateways] == [everybody] * 2

    await revoke_the_key_of_clinician_1(first)
    await first.pass_time(timedelta(days=1))

    async def taken_off() -> bool:
        return [await offered(each) for each in gateways] == [everybody - {first.clinician(1)}] * 2

    await eventually(taken_off)

    await first.emulator.control.reset(clock=first.clock.now().isoformat())  # as it was, the key included
    await first.pass_time(timedelta(minutes=5))

    async def back() -> bool:
        return [await offered(each) for each in gateways] == [everybody] * 2

    await eventually(back)

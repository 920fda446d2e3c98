"""Healthie publishes no figure for `TOO_MANY_REQUESTS`; reported: 39 and more rapid requests brought a lockout of 30-60 minutes."""

from typing import Any

import pytest

from tests.plugins.emulator import CLINICIAN_1, OWNER, EmulatorClient

ASK = "query Ask { currentUser { id } }"


async def codes(emulator: EmulatorClient, count: int, *, key: str = OWNER) -> list[str]:
    answers = [(await emulator.send(ASK, key=key)).json() for _ in range(count)]
    return [each["errors"][0]["extensions"]["code"] if "errors" in each else "" for each in answers]


async def test_nobody_is_throttled_until_it_is_ordered(emulator: EmulatorClient) -> None:
    assert set(await codes(emulator, 60)) == {""}


async def test_the_39th_rapid_request_locks_its_key_out_for_half_an_hour(emulator: EmulatorClient) -> None:
    await emulator.control.throttle()
    assert await codes(emulator, 40) == [""] * 38 + ["TOO_MANY_REQUESTS"] * 2
    assert await codes(emulator, 1, key=CLINICIAN_1) == [""]
    await emulator.control.clock(advance=1799)
    assert await codes(emulator, 1) == ["TOO_MANY_REQUESTS"]
    await emulator.control.clock(advance=1)
    assert await codes(emulator, 1) == [""]


async def test_who_asks_slowly_is_never_locked_out(emulator: EmulatorClient) -> None:
    await emulator.control.throttle(requests=5, seconds=1)
    for _ in range(10):
        assert await codes(emulator, 4) == [""] * 4
        await emulator.control.clock(advance=1)


async def test_a_refused_request_is_seen_and_does_nothing(emulator: EmulatorClient) -> None:
    await emulator.control.throttle(requests=0)
    before = await emulator.control.books()
    answer = (await emulator.send("mutation Mint { createApiKey(input: {}) { api_key } }")).json()
    assert "data" not in answer
    assert await emulator.control.books() == before
    (seen,) = await emulator.control.requests()
    assert (seen["status"], seen["error_codes"]) == (200, ["TOO_MANY_REQUESTS"])


async def test_without_a_lockout_only_what_is_too_much_is_refused(emulator: EmulatorClient) -> None:
    await emulator.control.throttle(requests=3, seconds=1, lockout=0)
    assert await codes(emulator, 5) == [""] * 3 + ["TOO_MANY_REQUESTS"] * 2
    await emulator.control.clock(advance=1)
    assert await codes(emulator, 1) == [""]


async def test_the_limit_changes_under_way_and_what_was_counted_stays(emulator: EmulatorClient) -> None:
    await emulator.control.throttle(requests=3, seconds=1, lockout=0)
    assert await codes(emulator, 3) == [""] * 3
    await emulator.control.throttle(requests=5, seconds=1, lockout=60)
    assert await codes(emulator, 3) == ["", "", "TOO_MANY_REQUESTS"]
    await emulator.control.throttle(requests=100, seconds=1)
    assert await codes(emulator, 1) == ["TOO_MANY_REQUESTS"]
    await emulator.control.end_throttle()
    assert await codes(emulator, 1) == [""]


async def test_an_account_may_be_counted_instead_of_its_keys(emulator: EmulatorClient) -> None:
    await emulator.control.throttle(requests=3, account=True)
    assert await codes(emulator, 2) == [""] * 2
    assert await codes(emulator, 2, key=CLINICIAN_1) == ["", "TOO_MANY_REQUESTS"]
    assert await codes(emulator, 1) == ["TOO_MANY_REQUESTS"]


@pytest.mark.parametrize(
    "limits", [{"requests": -1}, {"seconds": 0}, {"lockout": -1}, {"account": 1}, {"more": 1}], ids=str
)
async def test_limits_that_make_no_sense_are_refused(
    emulator: EmulatorClient, limits: dict[str, Any]
) -> None:
    assert (await emulator.client.post("/_control/throttle", json=limits)).status_code == 400

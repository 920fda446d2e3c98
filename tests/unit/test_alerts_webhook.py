"""Alerts as a chat gets them: JSON with one text, no patient data, and a failure that is reported without its address."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest
import structlog

from booking.errors import AlertDeliveryFailed
from booking.operations.model import Alert, AttentionReason
from integrations.alerts.log import LoggedAlerts
from integrations.alerts.texts import text_of
from integrations.alerts.webhook import connect_webhook

URL = "https://hooks.example.invalid/services/SECRET"
ALERT = Alert(
    reason=AttentionReason.REFUND_FAILED, subject="chk_sample", raised_at=datetime(2026, 6, 1, 15, tzinfo=UTC)
)


async def send(respond: object) -> list[httpx2.Request]:
    sent: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        if isinstance(respond, Exception):
            raise respond
        assert isinstance(respond, int)
        return httpx2.Response(respond)

    async with connect_webhook(URL, transport=httpx2.MockTransport(handle)) as way:
        await way.send(ALERT)
    return sent


async def test_it_posts_one_text_that_names_the_reason_and_how_to_see_more() -> None:
    (request,) = await send(200)
    assert str(request.url) == URL
    body = json.loads(request.content)
    assert set(body) == {"text"}
    assert "refund_failed" in body["text"]
    assert "frontdoor checkouts show chk_sample" in body["text"]
    assert "frontdoor changes show chg_sample" in text_of(replace(ALERT, subject="chg_sample"))


@pytest.mark.parametrize(
    "trouble", [500, 404, 302, httpx2.ConnectError("x"), httpx2.ReadTimeout("x")], ids=str
)
async def test_anything_but_a_2xx_is_not_told_and_names_no_address(trouble: object) -> None:
    with pytest.raises(AlertDeliveryFailed) as refused:
        await send(trouble)
    assert "SECRET" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("reason", list(AttentionReason))
def test_every_reason_has_a_sentence(reason: AttentionReason) -> None:
    alert = Alert(reason=reason, subject="chk_sample", raised_at=ALERT.raised_at)
    assert len(text_of(alert).splitlines()) == 2


def test_a_reason_of_a_later_version_is_told_as_it_is() -> None:
    alert = Alert(reason="of_tomorrow", subject="ch_1", raised_at=ALERT.raised_at)
    assert text_of(alert) == "Frontdoor: of_tomorrow: ch_1"


async def test_the_log_gets_an_error_with_reason_and_subject() -> None:
    with structlog.testing.capture_logs() as logs:
        await LoggedAlerts().send(ALERT)
    (entry,) = logs
    assert (entry["event"], entry["log_level"]) == ("alert.raised", "error")
    assert (entry["reason"], entry["subject"]) == ("refund_failed", "chk_sample")

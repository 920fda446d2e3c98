"""The upstream calls of each checkout, kept for its story: what was asked and how it ended, never with which values."""

import structlog
from sqlalchemy.exc import SQLAlchemyError

from booking.current import current_work
from booking.ports import Clock
from integrations.database.story import SqlCalls, UpstreamCall
from integrations.healthie.audit import Answer, Call, CallAudit

log = structlog.get_logger(__name__)


class RecordedCalls:
    """The port CallAudit: passes every call on, and writes down the answered ones that a checkout made."""

    def __init__(self, *, inner: CallAudit, calls: SqlCalls, clock: Clock) -> None:
        self._inner = inner
        self._calls = calls
        self._clock = clock

    async def attempted(self, call: Call) -> None:
        """The attempt is about to be sent; the checkout's row says so already, by its intent."""
        await self._inner.attempted(call)

    async def answered(self, call: Call, answer: Answer) -> None:
        """The attempt ended. A story with a gap is better than a payment whose outcome is lost over its story."""
        await self._inner.answered(call, answer)
        checkout_id = current_work.get().checkout_id
        if checkout_id is None:
            return
        try:
            await self._calls.add(
                UpstreamCall(
                    checkout_id=checkout_id,
                    at=self._clock.now(),
                    operation=call.operation,
                    kind=call.kind,
                    acting=call.acting,
                    attempt=call.attempt,
                    duration_ms=round(answer.duration_ms),
                    status=answer.status,
                    error=answer.error,
                    request_id=answer.request_id,
                )
            )
        except (SQLAlchemyError, OSError):
            log.exception("checkout.call_not_recorded", checkout=checkout_id, operation=call.operation)

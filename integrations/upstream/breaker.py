"""Circuit breakers, one per kind of operation: what keeps failing is not asked for a while, and answers at once.

closed -> open after FAILURES failed calls within WINDOW seconds, if they are at least half of its calls
open -> half-open after OPEN seconds: one call finds out; a call of a checkout is let through beside it
half-open -> closed when such a call is answered, open again when it fails
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from integrations.upstream.errors import (
    CallError,
    HeldBack,
    NoAnswer,
    NotSent,
    UnknownOutcome,
    Unrecorded,
)
from integrations.upstream.transport import Request

log = structlog.get_logger(__name__)

# Two reads that failed with all their attempts. Half: at a high rate some calls always fail.
FAILURES = 5
WINDOW = 30.0

# Shorter than a checkout is parked (`booking.checkout.timing.SETTLE`): when its outcome is looked for, the breaker lets it through.
OPEN = 15.0

# What is remembered of a window, whatever the rate.
_MOST = 500

# The connection or the server failed. Answers, refusals and error answers among them, show that both work.
_FAILED = frozenset({"timeout", "connection_lost", "unreadable_answer"})


def unanswered(error: CallError) -> bool:
    """Whether upstream was not there, or broke: never for a refusal, nor for what was not sent on purpose."""
    if isinstance(error, HeldBack):
        return False
    if isinstance(error, NotSent | NoAnswer):
        return True
    return isinstance(error, UnknownOutcome) and (error.code in _FAILED or error.code.startswith("http_"))


class Breaker:
    """One kind's. It counts what this process sees."""

    def __init__(self, kind: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._kind = kind
        self._monotonic = monotonic
        self._calls: deque[tuple[float, bool]] = deque(maxlen=_MOST)  # when it ended, whether it failed
        self._opened: float | None = None
        self._asking = False

    @property
    def closed(self) -> bool:
        """Whether all calls pass; else the next one that does finds out."""
        return self._opened is None

    def check(self, operation: str, *, urgent: bool) -> None:
        """Raise HeldBack when a call would not be let through now."""
        if self._opened is None:
            return
        if self._monotonic() < self._opened + OPEN or (self._asking and not urgent):
            raise HeldBack(operation, "breaker_open")

    @contextmanager
    def passing(self, operation: str, *, urgent: bool) -> Iterator[None]:
        """Let a call through and learn from how it ends. Raises HeldBack while open."""
        asks = self._enter(operation, urgent=urgent)
        try:
            yield
        except (HeldBack, Unrecorded):  # not sent after all: nothing is learnt
            self._leave(asks=asks)
            raise
        except CallError as error:
            self._leave(asks=asks)
            self._learn(asks=asks, failed=unanswered(error))
            raise
        except BaseException:
            self._leave(asks=asks)
            raise
        self._leave(asks=asks)
        self._learn(asks=asks, failed=False)

    def _enter(self, operation: str, *, urgent: bool) -> bool:
        """Whether this call finds out for the others. Raises HeldBack."""
        self.check(operation, urgent=urgent)
        if self._opened is None:
            return False
        self._asking = True
        return True

    def _leave(self, *, asks: bool) -> None:
        if asks:
            self._asking = False

    def _learn(self, *, asks: bool, failed: bool) -> None:
        now = self._monotonic()
        if self._opened is not None:
            if asks and failed:
                self._opened = now
            elif asks:
                log.info("upstream.breaker_closed", kind=self._kind)
                self._opened = None
                self._calls.clear()
            return  # what was sent before it opened tells nothing new
        self._calls.append((now, failed))
        while self._calls[0][0] <= now - WINDOW:
            self._calls.popleft()
        failures = sum(failed for _, failed in self._calls)
        if failures >= FAILURES and failures * 2 >= len(self._calls):
            log.warning("upstream.breaker_opened", kind=self._kind, failures=failures, calls=len(self._calls))
            self._opened = now


class Breakers:
    """Those of all kinds."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._of: dict[str, Breaker] = {}
        self._monotonic = monotonic

    def of(self, request: Request) -> Breaker:
        """The one that this request passes."""
        if request.kind not in self._of:
            self._of[request.kind] = Breaker(request.kind, monotonic=self._monotonic)
        return self._of[request.kind]

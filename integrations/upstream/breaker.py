"""Circuit breakers, one per kind of operation: while one is open, calls of its kind fail at once without being sent.

closed -> open       after FAILURES failed calls within WINDOW seconds that are at least half of all calls
open -> half-open    after OPEN seconds: one call probes; calls of checkouts pass as well
half-open -> closed  when a probe is answered; open again when it fails
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

# Two reads that fail with all their attempts reach it. And at least half of the calls, because at a high rate some always fail.
FAILURES = 5
WINDOW = 30.0

# Shorter than a checkout is parked (`booking.checkout.timing.SETTLE`), so that the breaker passes the lookup of its outcome.
OPEN = 15.0

# The most calls that a window remembers, at any rate.
_MOST = 500

# Codes of a failed connection or server. Any response, refusals and errors included, shows that both work.
_FAILED = frozenset({"timeout", "connection_lost", "unreadable_answer"})


def unanswered(error: CallError) -> bool:
    """Whether upstream was unreachable or broken. False for refusals, and for calls that were held back on purpose."""
    if isinstance(error, HeldBack):
        return False
    if isinstance(error, NotSent | NoAnswer):
        return True
    return isinstance(error, UnknownOutcome) and (error.code in _FAILED or error.code.startswith("http_"))


class Breaker:
    """The breaker of one kind. It counts only the calls of this process."""

    def __init__(self, kind: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._kind = kind
        self._monotonic = monotonic
        self._calls: deque[tuple[float, bool]] = deque()  # when it ended, whether it failed; _MOST at most
        self._failures = 0  # of them
        self._opened: float | None = None
        self._probing = False

    @property
    def closed(self) -> bool:
        """Whether all calls pass; otherwise the next call that passes is a probe."""
        return self._opened is None

    def check(self, operation: str, *, urgent: bool) -> None:
        """Raise HeldBack when a call would not pass now. `urgent` calls pass a half-open breaker beside the probe."""
        if self._opened is None:
            return
        if self._monotonic() < self._opened + OPEN or (self._probing and not urgent):
            raise HeldBack(operation, "breaker_open")

    @contextmanager
    def passing(self, operation: str, *, urgent: bool) -> Iterator[None]:
        """Let a call pass and count how it ends. Raises HeldBack while open."""
        is_probe = self._enter(operation, urgent=urgent)
        try:
            yield
        except (HeldBack, Unrecorded):  # was not sent: counts for nothing
            self._leave(is_probe=is_probe)
            raise
        except CallError as error:
            self._leave(is_probe=is_probe)
            self._count(is_probe=is_probe, failed=unanswered(error))
            raise
        except BaseException:
            self._leave(is_probe=is_probe)
            raise
        self._leave(is_probe=is_probe)
        self._count(is_probe=is_probe, failed=False)

    def _enter(self, operation: str, *, urgent: bool) -> bool:
        """Enter the breaker; returns whether the call is a probe. Raises HeldBack."""
        self.check(operation, urgent=urgent)
        if self._opened is None:
            return False
        self._probing = True
        return True

    def _leave(self, *, is_probe: bool) -> None:
        if is_probe:
            self._probing = False

    def _count(self, *, is_probe: bool, failed: bool) -> None:
        now = self._monotonic()
        if self._opened is not None:
            if is_probe and failed:
                self._opened = now
            elif is_probe:
                log.info("upstream.breaker_closed", kind=self._kind)
                self._opened = None
                self._calls.clear()
                self._failures = 0
            return  # a call sent before it opened does not count
        self._calls.append((now, failed))
        self._failures += failed
        while self._calls[0][0] <= now - WINDOW or len(self._calls) > _MOST:
            self._failures -= self._calls.popleft()[1]
        if self._failures >= FAILURES and self._failures * 2 >= len(self._calls):
            log.warning(
                "upstream.breaker_opened", kind=self._kind, failures=self._failures, calls=len(self._calls)
            )
            self._opened = now


class Breakers:
    """The breakers of all kinds, created on first use."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._of: dict[str, Breaker] = {}
        self._monotonic = monotonic

    def of(self, request: Request) -> Breaker:
        """The breaker of the request's kind."""
        if request.kind not in self._of:
            self._of[request.kind] = Breaker(request.kind, monotonic=self._monotonic)
        return self._of[request.kind]

"""KeyStore: the API keys of the clinicians who can be booked, and the proof whose each key is.

Healthie executes a call as the owner of its key, so a clinician's key is used only after Healthie has confirmed the owner. No
caller waits for that: `proved` is the current knowledge, and clinicians without a proof are not offered. Proofs run in the
background at their own rate limit; their results are stored, so that other processes and restarts do not ask again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog
from pydantic import SecretStr

from booking.catalog.key_proofs import KeyProof, Proving
from booking.errors import UpstreamUnavailable
from booking.pacing import SHORTEST_SLEEP, Lane
from booking.refusals import ClinicianNotBookable
from booking.single_flight import SingleFlight
from integrations.healthie.generated.client import Client
from integrations.healthie.known_keys import REMEMBERED_FOR, KnownKeys
from integrations.healthie.transport import Acting
from integrations.upstream.errors import CallError, RateLimited, Unauthorized

log = structlog.get_logger(__name__)

# Keys that hang may occupy only few of the process's connections (`upstream.transport.MAX_CONNECTIONS`).
PROOFS_AT_ONCE = 4

# How often to check for proofs that are due, and for results of other processes.
CHECK_EVERY = timedelta(minutes=1)

# The same while a key has no answer yet: its clinician is not offered until then.
CHECK_WHILE_PENDING = timedelta(seconds=0.5)

# The claim (lease) of a process on one proof, during which no other process asks: the wait for the rate limit and a read's whole
# budget. A key without an answer is not asked about again before that.
ASKING = timedelta(seconds=30)

# The pacer's bucket that all proofs share, whichever keys they use.
PACE = "proofs"


class KeyStore:
    """The clinicians' keys by clinician id, and which of them are proved. Its repr contains no secret."""

    def __init__(
        self,
        keys: Mapping[str, SecretStr | str],
        *,
        client: Callable[[Acting], Client],
        now: Callable[[], datetime],
        proving: Proving | None = None,
    ) -> None:
        self._acting = {
            clinician_id: Acting(user_id=clinician_id, key=plain(key)) for clinician_id, key in keys.items()
        }
        self._client = client
        self._now = now
        proving = proving or Proving()
        self._proofs = proving.proofs
        self._pacer = proving.pacer
        self._known = KnownKeys(
            {
                clinician_id: proving.digest(f"{clinician_id}\n{acting.key}")
                for clinician_id, acting in self._acting.items()
            },
            now=now,
        )
        self._proving: SingleFlight[str, None] = SingleFlight()
        self._lanes = asyncio.Semaphore(PROOFS_AT_ONCE)

    def __repr__(self) -> str:
        return f"KeyStore({len(self.proved)} of {len(self._acting)} proved)"

    @property
    def proved(self) -> frozenset[str]:
        """Ids of the clinicians whose key Healthie last confirmed as theirs."""
        return self._known.proved

    @property
    def configured(self) -> frozenset[str]:
        """Ids of the clinicians for whom there is a key, whether or not it is proved."""
        return frozenset(self._acting)

    @property
    def pending(self) -> frozenset[str]:
        """Ids of the clinicians about whose key Healthie has not answered yet."""
        return self._known.pending

    def is_refused(self, clinician_id: str) -> bool:
        """Whether there is no usable key: none is configured, or Healthie said that it is not theirs. Sends nothing."""
        return clinician_id not in self.proved and clinician_id not in self.pending

    async def prove_due(self) -> frozenset[str]:
        """Ask Healthie for the owner of every key that is pending, was proved a day ago or refused five minutes ago.

        Returns the ids that are proved afterwards. Sends one request per key, a few at a time, within the rate limit of proofs;
        skips keys whose proof another process has or is requesting. A key without an answer keeps its last result, so an outage
        takes no clinician off the offer.
        """
        await self._load_proofs()
        async with asyncio.TaskGroup() as lanes:
            for clinician_id in self._known.due():
                await self._lanes.acquire()
                lane = lanes.create_task(self._ask_in_lane(clinician_id))
                lane.add_done_callback(lambda _: self._lanes.release())
        return self.proved

    async def keep_proved(self) -> None:
        """Prove due keys, and load the proofs of other processes, periodically until cancelled."""
        # Two tasks, so that a key that hangs does not delay the results of other processes.
        async with asyncio.TaskGroup() as both:
            both.create_task(self._repeat(self.prove_due))
            both.create_task(self._repeat(self._load_proofs))

    async def _repeat(self, check: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await check()
            except Exception as error:  # noqa: BLE001  # the next check may succeed; the text may hold upstream's words
                log.warning("healthie.keys_not_checked", error=type(error).__name__)
            await asyncio.sleep((CHECK_WHILE_PENDING if self.pending else CHECK_EVERY).total_seconds())

    async def wait_until_answered(self, *, within: float) -> None:
        """Wait until Healthie has answered about every key, `within` seconds at most; `keep_proved` continues with the others."""
        await self._known.wait_until_answered(within=within)

    async def clinician(self, clinician_id: str) -> Client:
        """A client that acts as the clinician.

        Asks Healthie first when there is no answer about the key yet. Raises ClinicianNotBookable without a proved key,
        UpstreamUnavailable when Healthie does not answer.
        """
        if clinician_id in self.pending:
            await self._ask(clinician_id)
        if clinician_id in self.pending:
            raise UpstreamUnavailable("WhoAmI: not answered")
        if clinician_id not in self.proved:
            raise ClinicianNotBookable
        return self._client(self._acting[clinician_id])

    async def await_pace(self) -> bool:
        """Wait for a turn within the rate limit that all proofs share; False while it is backed off. Sends nothing."""
        if self._pacer is None:
            return True
        while (turn := await self._pacer.turn(PACE, lane=Lane.CHECKOUT)).wait > 0:
            if turn.backed_off:
                return False
            await asyncio.sleep(max(turn.wait, SHORTEST_SLEEP))
        return not turn.is_probe

    async def _load_proofs(self) -> None:
        """Load the stored proofs of all processes."""
        self._known.load(await self._proofs.known())

    async def _ask_in_lane(self, clinician_id: str) -> None:
        """Ask about a key, unless it was answered meanwhile or another process asks."""
        if not self._known.is_due(clinician_id):
            return
        now = self._now()
        self._known.mark_asked(clinician_id, now + ASKING)
        claimed = await self._proofs.claim(
            clinician_id,
            self._known.fingerprints[clinician_id],
            since=self._known.answered_at(clinician_id) or now - REMEMBERED_FOR,
            now=now,
            until=now + ASKING,
        )
        if claimed:
            await self._ask_at_pace(clinician_id)

    async def _ask_at_pace(self, clinician_id: str) -> None:
        """Ask within the rate limit that all proofs share: their keys differ, but a lockout would hit the one account."""
        if self._pacer is None:
            await self._ask(clinician_id)
            return
        while (turn := await self._pacer.turn(PACE, lane=Lane.CHECKOUT)).wait > 0:
            if turn.backed_off:
                return
            await asyncio.sleep(max(turn.wait, SHORTEST_SLEEP))
        await self._ask(clinician_id)
        if turn.is_probe and not self._known.is_unanswered(clinician_id):
            await self._pacer.recovered(PACE)

    async def _ask(self, clinician_id: str) -> None:
        await self._proving(clinician_id, partial(self._prove, clinician_id))

    async def _prove(self, clinician_id: str) -> None:
        try:
            owner = await self._owner(clinician_id)
            if owner is None and clinician_id in self.proved:
                # Asked twice, because a visit that is paid while the key counts as refused could not be booked.
                owner = await self._owner(clinician_id)
        except CallError as error:
            log.warning("healthie.key_not_answered_for", clinician=clinician_id, error=error.code)
            if isinstance(error, RateLimited) and self._pacer is not None:
                await self._pacer.back_off(PACE)
            return
        proof = KeyProof(
            clinician_id=clinician_id,
            fingerprint=self._known.fingerprints[clinician_id],
            theirs=owner == clinician_id,
            answered_at=self._now(),
        )
        try:
            # Stored first: if the process died in between, no other could ask before the claim expires.
            await self._proofs.keep(proof)
        except Exception as error:  # noqa: BLE001  # this process uses the result all the same
            log.warning("healthie.key_proof_not_kept", clinician=clinician_id, error=type(error).__name__)
        self._known.update(proof)

    async def _owner(self, clinician_id: str) -> str | None:
        """The id of the key's owner; None when the key is not valid. Raises CallError when Healthie does not answer."""
        try:
            answer = await self._client(self._acting[clinician_id]).who_am_i()
        except Unauthorized:
            return None
        return answer.current_user.id if answer.current_user else None


def plain(key: SecretStr | str) -> str:
    """The key itself."""
    return key.get_secret_value() if isinstance(key, SecretStr) else key

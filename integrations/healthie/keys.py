"""The keys that we act with: the organisation's, and one of each clinician who can be booked.

What is done with a key is done as its owner, so a clinician's key is used only once Healthie has said whose it is. Nobody waits for
that: `proved` says what is known, and who is not proved yet is not offered. The asking goes on beside, at a pace of its own;
the answers are remembered, so that processes and starts do not ask again.
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

# Of the connections of a process (`upstream.transport.MAX_CONNECTIONS`), keys that hang shall hold few.
PROOFS_AT_ONCE = 4

# How often it is looked whether an answer has become too old, and whether another process has heard something.
LOOK_EVERY = timedelta(minutes=1)

# The same while a key was never answered for: somebody is waiting to be offered.
LOOK_WHILE_PENDING = timedelta(seconds=0.5)

# How long a process may take to ask, in which no other does: a wait for the pace, and a read's whole budget. A key that was not
# answered for rests as long.
ASKING = timedelta(seconds=30)

# The bucket of the pacer that all proofs share, whichever keys they use.
PACE = "proofs"


class KeyStore:
    """Clinicians' keys by clinician id, and which of them are proved to be theirs. Prints no secret."""

    def __init__(
        self,
        keys: Mapping[str, SecretStr | str],
        *,
        client: Callable[[Acting], Client],
        now: Callable[[], datetime],
        proving: Proving | None = None,
    ) -> None:
        self._acting = {
            clinician_id: Acting(user_id=clinician_id, key=_plain(key)) for clinician_id, key in keys.items()
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
        """The clinicians whose key is theirs, as Healthie last said."""
        return self._known.proved

    @property
    def pending(self) -> frozenset[str]:
        """The clinicians about whose key Healthie has not been heard yet."""
        return self._known.pending

    def is_refused(self, clinician_id: str) -> bool:
        """Whether nobody can act as the clinician: there is no key, or Healthie said that it is not theirs. Asks nobody."""
        return clinician_id not in self.proved and clinician_id not in self.pending

    async def prove_due(self) -> frozenset[str]:
        """Ask Healthie for the owner of every key that is pending, was proved a day ago or refused five minutes ago.

        Answers who is proved. One request each, a few at a time and at the pace. What another process has heard, or is asking, is
        not asked. Without an answer what was known stays: an outage takes nobody off the list.
        """
        await self._recall()
        async with asyncio.TaskGroup() as lanes:
            for clinician_id in self._known.due():
                await self._lanes.acquire()
                lane = lanes.create_task(self._ask_in_lane(clinician_id))
                lane.add_done_callback(lambda _: self._lanes.release())
        return self.proved

    async def keep_proved(self) -> None:
        """Prove what is due and hear what others have proved, now and again, until cancelled."""
        # Apart, since a key that hangs shall not keep from us what others have heard meanwhile. A group ends when both have.
        async with asyncio.TaskGroup() as both:
            both.create_task(self._again_and_again(self.prove_due))
            both.create_task(self._again_and_again(self._recall))

    async def _again_and_again(self, look: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await look()
            except Exception as error:  # noqa: BLE001  # the next look may go well, and its text is not ours
                log.warning("healthie.keys_not_checked", error=type(error).__name__)
            await asyncio.sleep((LOOK_WHILE_PENDING if self.pending else LOOK_EVERY).total_seconds())

    async def wait_until_heard(self, *, within: float) -> None:
        """Wait until something was heard of every key, and no longer than so many seconds: `keep_proved` goes on with the others."""
        await self._known.wait_until_heard(within=within)

    async def clinician(self, clinician_id: str) -> Client:
        """A client that acts as the clinician.

        Raises ClinicianNotBookable without a proved key, UpstreamUnavailable while Healthie cannot be asked.
        """
        if clinician_id in self.pending:
            await self._ask(clinician_id)
        if clinician_id in self.pending:
            raise UpstreamUnavailable("WhoAmI: not answered")
        if clinician_id not in self.proved:
            raise ClinicianNotBookable
        return self._client(self._acting[clinician_id])

    async def _recall(self) -> None:
        """Go by what any process has heard."""
        self._known.recall(await self._proofs.known())

    async def _ask_in_lane(self, clinician_id: str) -> None:
        """Ask about a key, unless it was heard of since, or another process asks."""
        if not self._known.is_due(clinician_id):
            return
        now = self._now()
        self._known.rest(clinician_id, now + ASKING)
        claimed = await self._proofs.claim(
            clinician_id,
            self._known.fingerprints[clinician_id],
            since=self._known.heard_at(clinician_id) or now - REMEMBERED_FOR,
            now=now,
            until=now + ASKING,
        )
        if claimed:
            await self._ask_at_pace(clinician_id)

    async def _ask_at_pace(self, clinician_id: str) -> None:
        """Ask in a turn of all proofs together: each has a key of its own, and the account that may be locked out is one."""
        if self._pacer is None:
            await self._ask(clinician_id)
            return
        while (turn := await self._pacer.turn(PACE, lane=Lane.CHECKOUT)).wait > 0:
            if turn.backed_off:
                return
            await asyncio.sleep(max(turn.wait, SHORTEST_SLEEP))
        await self._ask(clinician_id)
        if turn.asks and not self._known.is_unanswered(clinician_id):
            await self._pacer.recovered(PACE)

    async def _ask(self, clinician_id: str) -> None:
        await self._proving(clinician_id, partial(self._prove, clinician_id))

    async def _prove(self, clinician_id: str) -> None:
        try:
            owner = await self._owner(clinician_id)
            if owner is None and clinician_id in self.proved:
                # What is paid for while a key counts for nothing cannot be booked: one slip shall not do that.
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
            # First: of a process that ends in between, the next could not ask before the claim has run out.
            await self._proofs.keep(proof)
        except Exception as error:  # noqa: BLE001  # this process goes by it all the same
            log.warning("healthie.key_proof_not_kept", clinician=clinician_id, error=type(error).__name__)
        self._known.hear(proof)

    async def _owner(self, clinician_id: str) -> str | None:
        """Whose the key is; None: nobody's. Raises CallError when Healthie does not say."""
        try:
            answer = await self._client(self._acting[clinician_id]).who_am_i()
        except Unauthorized:
            return None
        return answer.current_user.id if answer.current_user else None


def _plain(key: SecretStr | str) -> str:
    return key.get_secret_value() if isinstance(key, SecretStr) else key

"""What is known of whose the clinicians' keys are, and about which of them Healthie is to be asked. Asks nobody."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from booking.catalog.key_proofs import KeyProof

log = structlog.get_logger(__name__)

# A key can be revoked or handed on at any time; daily is what the practice's own changes need.
PROVED_FOR = timedelta(days=1)

# A key may be given back: until it is asked again its clinician is not bookable.
REFUSED_FOR = timedelta(minutes=5)

# How long an answer is remembered for processes that start: longer than it counts, so that a start while the daily proof is due, or
# under way at its pace, takes nobody off the list.
REMEMBERED_FOR = timedelta(days=2)


class KnownKeys:
    """The last answer about each key, by clinician id."""

    def __init__(self, fingerprints: Mapping[str, str], *, now: Callable[[], datetime]) -> None:
        """`fingerprints` are of the keys in use, by clinician id."""
        self.fingerprints = fingerprints
        self._now = now
        self._heard: dict[str, KeyProof] = {}
        self._proved: frozenset[str] = frozenset()
        self._rests_until: dict[str, datetime] = {}  # it is being asked about, here or elsewhere
        self._all_heard = asyncio.Event()
        if not fingerprints:
            self._all_heard.set()

    @property
    def proved(self) -> frozenset[str]:
        """The clinicians whose key is theirs, as Healthie last said."""
        return self._proved

    @property
    def pending(self) -> frozenset[str]:
        """The clinicians about whose key Healthie has not been heard yet."""
        return frozenset(self.fingerprints.keys() - self._heard.keys())

    def heard_at(self, clinician_id: str) -> datetime | None:
        """When Healthie last answered; None: never."""
        heard = self._heard.get(clinician_id)
        return heard.answered_at if heard else None

    def due(self) -> list[str]:
        """Whom to ask about, those last who did not answer the last time: they could hold the others up again."""
        return sorted(filter(self.is_due, self.fingerprints), key=self.is_unanswered)

    def is_due(self, clinician_id: str) -> bool:
        """Whether its answer is too old, or there is none, and nobody asks at this moment."""
        now, heard = self._now(), self._heard.get(clinician_id)
        if clinician_id in self._rests_until and now < self._rests_until[clinician_id]:
            return False
        return heard is None or now - heard.answered_at >= (PROVED_FOR if heard.theirs else REFUSED_FOR)

    def rest(self, clinician_id: str, until: datetime) -> None:
        """It is about to be asked: unless it is answered, it is not due before then."""
        self._rests_until[clinician_id] = until

    def is_unanswered(self, clinician_id: str) -> bool:
        """Whether it was asked, and not answered since."""
        return clinician_id in self._rests_until

    def recall(self, proofs: Iterable[KeyProof]) -> None:
        """Go by what any process has heard of these very keys, and not too long ago."""
        oldest = self._now() - REMEMBERED_FOR
        for proof in proofs:
            if self.fingerprints.get(proof.clinician_id) == proof.fingerprint and proof.answered_at > oldest:
                self.hear(proof)

    def hear(self, proof: KeyProof) -> None:
        """Go by an answer, unless a newer one is known."""
        known = self._heard.get(proof.clinician_id)
        if known is not None and known.answered_at > proof.answered_at:
            return
        self._heard[proof.clinician_id] = proof
        self._rests_until.pop(proof.clinician_id, None)
        if known is None or known.theirs != proof.theirs:
            self._change(proof)
        if not self.pending:
            self._all_heard.set()

    async def wait_until_heard(self, *, within: float) -> None:
        """Wait until something was heard of every key, and no longer than so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._all_heard.wait()
        except TimeoutError:
            log.warning("healthie.keys_pending", clinicians=len(self.pending))

    def _change(self, proof: KeyProof) -> None:
        if proof.theirs:
            self._proved |= {proof.clinician_id}
            log.info("healthie.key_proved", clinician=proof.clinician_id)
        else:
            self._proved -= {proof.clinician_id}
            log.error("healthie.key_not_theirs", clinician=proof.clinician_id)

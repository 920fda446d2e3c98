"""KnownKeys: the last proof of each clinician's key, and which proofs are due. Holds state only; sends nothing."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from booking.catalog.key_proofs import KeyProof

log = structlog.get_logger(__name__)

# A key can be revoked or reassigned at any time; a daily proof is enough for changes that the practice makes itself.
PROVED_FOR = timedelta(days=1)

# Short, because a key may become valid again, and its clinician is not bookable until the next proof.
REFUSED_FOR = timedelta(minutes=5)

# How long a stored proof serves a process that starts. Longer than PROVED_FOR, so that a start while the daily proofs are due or
# running removes no clinician from the offer.
REMEMBERED_FOR = timedelta(days=2)


class KnownKeys:
    """The last proof of each key, by clinician id."""

    def __init__(self, fingerprints: Mapping[str, str], *, now: Callable[[], datetime]) -> None:
        """`fingerprints` are those of the keys in use, by clinician id."""
        self.fingerprints = fingerprints
        self._now = now
        self._proofs: dict[str, KeyProof] = {}
        self._proved: frozenset[str] = frozenset()
        self._asked_until: dict[str, datetime] = {}  # a proof is being requested, here or by another process
        self._all_answered = asyncio.Event()
        if not fingerprints:
            self._all_answered.set()

    @property
    def proved(self) -> frozenset[str]:
        """Ids of the clinicians whose key Healthie last confirmed as theirs."""
        return self._proved

    @property
    def pending(self) -> frozenset[str]:
        """Ids of the clinicians about whose key Healthie has not answered yet."""
        return frozenset(self.fingerprints.keys() - self._proofs.keys())

    def answered_at(self, clinician_id: str) -> datetime | None:
        """When Healthie last answered about the key; None: never."""
        proof = self._proofs.get(clinician_id)
        return proof.answered_at if proof else None

    def due(self) -> list[str]:
        """The clinician ids whose proof is due.

        Keys that had no answer last time come last, so as not to delay the others again.
        """
        return sorted(filter(self.is_due, self.fingerprints), key=self.is_unanswered)

    def is_due(self, clinician_id: str) -> bool:
        """Whether the proof is missing or too old, and no process is requesting it."""
        now, proof = self._now(), self._proofs.get(clinician_id)
        if clinician_id in self._asked_until and now < self._asked_until[clinician_id]:
            return False
        return proof is None or now - proof.answered_at >= (PROVED_FOR if proof.theirs else REFUSED_FOR)

    def mark_asked(self, clinician_id: str, until: datetime) -> None:
        """Mark the key as being asked about: without an answer it is not due again before `until`."""
        self._asked_until[clinician_id] = until

    def is_unanswered(self, clinician_id: str) -> bool:
        """Whether the key was asked about and has had no answer since."""
        return clinician_id in self._asked_until

    def load(self, proofs: Iterable[KeyProof]) -> None:
        """Take over stored proofs of exactly these keys that are younger than REMEMBERED_FOR."""
        oldest = self._now() - REMEMBERED_FOR
        for proof in proofs:
            if self.fingerprints.get(proof.clinician_id) == proof.fingerprint and proof.answered_at > oldest:
                self.update(proof)

    def update(self, proof: KeyProof) -> None:
        """Take over a proof, unless a newer one is known."""
        known = self._proofs.get(proof.clinician_id)
        if known is not None and known.answered_at > proof.answered_at:
            return
        self._proofs[proof.clinician_id] = proof
        self._asked_until.pop(proof.clinician_id, None)
        if known is None or known.theirs != proof.theirs:
            self._change(proof)
        if not self.pending:
            self._all_answered.set()

    async def wait_until_answered(self, *, within: float) -> None:
        """Wait until Healthie has answered about every key, `within` seconds at most."""
        try:
            async with asyncio.timeout(within):
                await self._all_answered.wait()
        except TimeoutError:
            log.warning("healthie.keys_pending", clinicians=len(self.pending))

    def _change(self, proof: KeyProof) -> None:
        if proof.theirs:
            self._proved |= {proof.clinician_id}
            log.info("healthie.key_proved", clinician=proof.clinician_id)
        else:
            self._proved -= {proof.clinician_id}
            log.error("healthie.key_not_theirs", clinician=proof.clinician_id)

"""Key proofs: whether each clinician's API key is theirs, as the system of record answered, shared by all processes.

A clinician is bookable only once such a proof exists. Proofs survive restarts, and a lease lets one process ask at a time.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from booking.pacing import Pacer


@dataclass(frozen=True, kw_only=True)
class KeyProof:
    """The last answer of the system of record about one key."""

    clinician_id: str
    fingerprint: str  # a keyed digest of the clinician's id and the key; never the key itself
    theirs: bool  # whether it is the clinician's; False: somebody else's, or no valid key
    answered_at: datetime  # UTC


class KeyProofs(Protocol):
    """The proofs that all processes of a practice share."""

    async def known(self) -> Sequence[KeyProof]:
        """The proofs of all keys, in any order."""

    async def claim(
        self,
        clinician_id: str,
        fingerprint: str,
        /,
        *,
        since: datetime,
        now: datetime,
        until: datetime,
    ) -> bool:
        """Take the lease to ask about a key; it ends `until` then, or with `keep`.

        Returns False when another process has the lease, or when a proof newer than `since` exists.
        """

    async def keep(self, proof: KeyProof) -> None:
        """Replace the earlier proof of that key, and release the lease."""


class UnsharedKeyProofs:
    """The port KeyProofs for a process that shares with no other and stores nothing."""

    async def known(self) -> Sequence[KeyProof]:
        """No proofs."""
        return ()

    async def claim(
        self,
        clinician_id: str,  # noqa: ARG002 - as the port has them
        fingerprint: str,  # noqa: ARG002
        *,
        since: datetime,  # noqa: ARG002
        now: datetime,  # noqa: ARG002
        until: datetime,  # noqa: ARG002
    ) -> bool:
        """Always granted: no other process asks."""
        return True

    async def keep(self, proof: KeyProof) -> None:
        """Do nothing."""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Proving:
    """How keys are proved: where proofs are stored, how keys are digested, and at which pace. By default unshared and unpaced."""

    proofs: KeyProofs = field(default_factory=UnsharedKeyProofs)
    digest: Callable[[str], str] = _sha256  # keyed, where the digests are stored
    pacer: Pacer | None = None

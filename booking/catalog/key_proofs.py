"""Whose the clinicians' keys are: what the system of record said, remembered between processes and starts."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from booking.pacing import Pacer


@dataclass(frozen=True, kw_only=True)
class KeyProof:
    """The last answer about one key."""

    clinician_id: str
    fingerprint: str  # a keyed digest of the key and of who was asked about it; never the key
    theirs: bool  # whether it is the clinician's; False: somebody else's, or nobody's
    answered_at: datetime


class KeyProofs(Protocol):
    """The answers that all processes of a practice go by."""

    async def known(self) -> Sequence[KeyProof]:
        """What was answered about every key, in any order."""

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
        """Take on asking about a key, until it was answered or that moment has come.

        False: somebody else is asking, or it was answered after `since`.
        """

    async def keep(self, proof: KeyProof) -> None:
        """Put it in the place of the earlier answer about that key, and give the claim back."""


class UnsharedKeyProofs:
    """The port KeyProofs for a process that shares with no other and remembers nothing."""

    async def known(self) -> Sequence[KeyProof]:
        """Nothing."""
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
        """Nobody else asks."""
        return True

    async def keep(self, proof: KeyProof) -> None:
        """It is not kept."""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Proving:
    """How proofs are made: where they are remembered, by which digests of keys, and how fast. By default alone, and at once."""

    proofs: KeyProofs = field(default_factory=UnsharedKeyProofs)
    digest: Callable[[str], str] = _sha256  # keyed, where the digests are stored
    pacer: Pacer | None = None

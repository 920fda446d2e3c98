"""The keys that we act with: the organisation's, and one of each clinician who can be booked.

What is done with a key is done as its owner, so a clinician's key is used only once Healthie has said whose it is.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog
from pydantic import SecretStr

from booking.errors import UpstreamUnavailable
from booking.refusals import ClinicianNotBookable
from booking.single_flight import SingleFlight
from integrations.healthie.errors import HealthieError, Unauthorized
from integrations.healthie.generated.client import Client
from integrations.healthie.transport import Acting

log = structlog.get_logger(__name__)

# A practice may have dozens of clinicians, and some forty rapid requests have brought a lockout.
PROOFS_AT_ONCE = 4

# A key can be revoked or handed on at any time; daily is what the practice's own changes need.
PROVED_FOR = timedelta(days=1)

# A key may be given back: until it is asked again its clinician is not bookable.
REFUSED_FOR = timedelta(minutes=5)

# How often it is looked whether an answer has become too old.
LOOK_EVERY = timedelta(minutes=1)


class KeyStore:
    """Clinicians' keys by clinician id, and which of them are proved to be theirs. Prints no secret."""

    def __init__(
        self,
        keys: Mapping[str, SecretStr | str],
        *,
        client: Callable[[Acting], Client],
        now: Callable[[], datetime],
    ) -> None:
        self._acting = {
            clinician_id: Acting(user_id=clinician_id, key=_plain(key)) for clinician_id, key in keys.items()
        }
        self._client = client
        self._now = now
        self._answered: dict[str, datetime] = {}  # when Healthie said last whose it is, either way
        self._proved: set[str] = set()
        self._proving: SingleFlight[str, None] = SingleFlight()
        self._turn = asyncio.Semaphore(PROOFS_AT_ONCE)

    def __repr__(self) -> str:
        return f"KeyStore({len(self._proved)} of {len(self._acting)} proved)"

    @property
    def proved(self) -> frozenset[str]:
        """The clinicians whose key is theirs, as Healthie last said."""
        return frozenset(self._proved)

    @property
    def pending(self) -> frozenset[str]:
        """The clinicians about whose key Healthie has not been heard yet."""
        return frozenset(self._acting.keys() - self._answered.keys())

    def is_refused(self, clinician_id: str) -> bool:
        """Whether nobody can act as the clinician: there is no key, or Healthie said that it is not theirs. Asks nobody."""
        return clinician_id not in self._proved and clinician_id not in self.pending

    async def prove(self) -> frozenset[str]:
        """Ask Healthie for the owner of every key, one request each, and answer who is proved.

        Without an answer what was known stays: an outage takes nobody off the list.
        """
        await asyncio.gather(*map(self._ask, self._acting))
        return self.proved

    async def prove_due(self) -> None:
        """Ask again about every key that was proved a day ago or refused five minutes ago, and about each that is pending."""
        await asyncio.gather(*map(self._ask, filter(self._is_due, self._acting)))

    async def keep_proved(self) -> None:
        """Prove what is due, every minute, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            try:
                await self.prove_due()
            except Exception as error:  # noqa: BLE001  # the next look may go well, and its text is not ours
                log.warning("healthie.keys_not_looked_at", error=type(error).__name__)

    async def settle(self) -> None:
        """Prove what was never answered for; no request when there is nothing of the kind."""
        await asyncio.gather(*map(self._ask, sorted(self.pending)))

    async def clinician(self, clinician_id: str) -> Client:
        """A client that acts as the clinician.

        Raises ClinicianNotBookable without a proved key, UpstreamUnavailable while Healthie cannot be asked.
        """
        if clinician_id in self.pending:
            await self._ask(clinician_id)
        if clinician_id in self.pending:
            raise UpstreamUnavailable("WhoAmI: not answered")
        if clinician_id not in self._proved:
            raise ClinicianNotBookable
        return self._client(self._acting[clinician_id])

    def _is_due(self, clinician_id: str) -> bool:
        answered = self._answered.get(clinician_id)
        kept = PROVED_FOR if clinician_id in self._proved else REFUSED_FOR
        return answered is None or self._now() - answered >= kept

    async def _ask(self, clinician_id: str) -> None:
        await self._proving(clinician_id, partial(self._prove, clinician_id))

    async def _prove(self, clinician_id: str) -> None:
        try:
            owner = await self._owner(clinician_id)
            if owner is None and clinician_id in self._proved:
                # What is paid for while a key counts for nothing cannot be booked: one slip shall not do that.
                owner = await self._owner(clinician_id)
        except HealthieError as error:
            log.warning("healthie.key_not_answered_for", clinician=clinician_id, error=error.code)
            return
        theirs = owner == clinician_id
        if clinician_id in self.pending or theirs != (clinician_id in self._proved):
            self._say(clinician_id, theirs=theirs)
        self._answered[clinician_id] = self._now()
        if theirs:
            self._proved.add(clinician_id)
        else:
            self._proved.discard(clinician_id)

    async def _owner(self, clinician_id: str) -> str | None:
        """Whose the key is; None: nobody's. Raises HealthieError when Healthie does not say."""
        async with self._turn:
            try:
                answer = await self._client(self._acting[clinician_id]).who_am_i()
            except Unauthorized:
                return None
        return answer.current_user.id if answer.current_user else None

    def _say(self, clinician_id: str, *, theirs: bool) -> None:
        if theirs:
            log.info("healthie.key_proved", clinician=clinician_id)
        else:
            log.error("healthie.key_not_theirs", clinician=clinician_id)


def _plain(key: SecretStr | str) -> str:
    return key.get_secret_value() if isinstance(key, SecretStr) else key

"""Connects the system of record by the settings, with this process's audit, pacing, API keys and alarms.

The one module of the gateway that chooses the adapters: nothing else imports Healthie's.
"""

from contextlib import AbstractAsyncContextManager
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.key_proofs import Proving
from booking.operations.alerts import AlertService
from booking.operations.model import AttentionReason
from booking.pacing import LearnedPace
from booking.ports import Clock
from booking.system_of_record import SystemOfRecord
from booking.work_context import current_work
from gateway.alarms import LockoutAlarm, NotPermittedAlarm
from gateway.callers.tokens import derive_key, keyed_digest
from gateway.runtime.audit import audited_calls
from gateway.runtime.shared import Shared
from gateway.settings import Settings
from integrations.database.audit import SqlAuditTrail
from integrations.database.key_proofs import SqlKeyProofs
from integrations.healthie.connect import (
    WILL_MAKE,
    Ear,
    LockedOut,
    Notebook,
    NotRehearsable,
    Profile,
    Rehearsal,
    Scene,
    Step,
    connect,
    drift_of,
    listening,
    rehearsal,
    require_sandbox,
    webhook_source,
)
from integrations.stripe.declines import DECLINES
from integrations.upstream.audit import fingerprint
from integrations.upstream.breaker import Breakers
from integrations.upstream.errors import NotPermitted, SilentNoOp
from integrations.upstream.gate import Gate

__all__ = [
    "WILL_MAKE",
    "Ear",
    "LockedOut",
    "NotRehearsable",
    "Notebook",
    "Profile",
    "Rehearsal",
    "Scene",
    "Step",
    "connect_rehearsal",
    "connect_upstream",
    "drift_of",
    "listening",
    "organization_pace",
    "require_sandbox",
    "webhook_source",
]


def connect_upstream(
    settings: Settings,
    *,
    engine: AsyncEngine,
    trail: SqlAuditTrail,
    shared: Shared,
    alert_service: AlertService,
    clock: Clock,
) -> AbstractAsyncContextManager[SystemOfRecord]:
    """Connects the adapters; nothing is sent before the first call."""
    secret = settings.secret_key.get_secret_value()

    async def alert_silent_no_op(difference: SilentNoOp) -> None:
        subject = current_work.get().checkout_id or difference.operation
        await alert_service.raise_or_log(AttentionReason.SILENT_NO_OP, subject)

    async def alert_version_replaced(refused: str, used: str | None) -> None:
        instead = f"{used} is used instead" if used else "no other that this version of Frontdoor knows is"
        subject = f"API version {refused} is no longer answered; {instead}."
        await alert_service.raise_or_log(AttentionReason.UPSTREAM_DRIFT, subject)

    not_permitted_alarm = NotPermittedAlarm(alert_service=alert_service)

    async def alert_not_permitted(refusal: NotPermitted) -> None:
        await not_permitted_alarm(
            acting=refusal.acting, permission=refusal.permission, operation=refusal.operation
        )

    return connect(
        url=str(settings.healthie_url),
        organization_key=settings.healthie_organization_key,
        clinician_keys=settings.healthie_keys,
        declines=DECLINES,
        version=settings.healthie_api_version,
        shard=settings.healthie_shard,
        recipient_id=settings.payment_recipient_id,
        audit=audited_calls(settings, trail=trail, clock=clock),
        digest=partial(keyed_digest, derive_key(secret, "snapshot")),
        proving=Proving(
            proofs=SqlKeyProofs(engine=engine),
            # A proof is only good for one Healthie: sandbox and production differ.
            digest=partial(keyed_digest, derive_key(secret, f"key-proofs {settings.healthie_url}")),
            pacer=shared.proof_pacer,
        ),
        gate=Gate(pacer=shared.pacer, breakers=Breakers(), alarm=LockoutAlarm(alert_service=alert_service)),
        noticed=alert_silent_no_op,
        version_replaced=alert_version_replaced,
        not_permitted=alert_not_permitted,
        catalog_cache=shared.catalog_cache,
        now=clock.now,
    )


async def organization_pace(settings: Settings, shared: Shared) -> LearnedPace | None:
    """What was learned of the organization key's pace; None where processes share nothing, or it cannot be read."""
    if shared.learned_paces is None:
        return None
    return await shared.learned_paces.learned(
        fingerprint(settings.healthie_organization_key.get_secret_value())
    )


def connect_rehearsal(
    settings: Settings, *, clinician_id: str, trail: SqlAuditTrail, shared: Shared, clock: Clock
) -> AbstractAsyncContextManager[Rehearsal]:
    """Connects a rehearsal with one of the configured clinicians' keys, audited and paced as every other call.

    Raises NotRehearsable unless Healthie's address is a sandbox.
    """
    return rehearsal(
        url=str(settings.healthie_url),
        organization_key=settings.healthie_organization_key,
        clinician_id=clinician_id,
        clinician_key=settings.healthie_keys[clinician_id],
        version=settings.healthie_api_version,
        shard=settings.healthie_shard,
        audit=audited_calls(settings, trail=trail, clock=clock),
        gate=Gate(pacer=shared.pacer),
        now=clock.now,
    )

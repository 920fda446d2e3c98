"""PermissionCheck: compares the permissions that the owners of our keys have with those that their keys need.

One request tells the permissions of the organisation's key and of every clinician whose membership that key can see; the others are
asked for with their own keys, at the rate of proofs.
"""

from collections.abc import Iterable, Mapping, Sequence

import structlog

from booking.errors import UpstreamUnavailable
from booking.refusals import ClinicianNotBookable
from booking.sync.drift import DriftFinding, Severity
from integrations.healthie.answers import every
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Permitted
from integrations.healthie.generated.permissions_of_members import (
    PermissionsOfMembersOrganizationMembershipsNodes,
)
from integrations.healthie.keys import KeyStore
from integrations.healthie.permissions import OF_CLINICIANS, OF_THE_ORGANIZATION, Need
from integrations.upstream.errors import CallError

log = structlog.get_logger(__name__)

# A page of members is this long (operations/keys.graphql), and one request asks for as many clinicians.
AT_ONCE = 50

_ORGANIZATION = "The organization key"


class PermissionCheck:
    """Finds missing permissions before a patient's call is refused. Reads only."""

    def __init__(self, *, client: Client, keys: KeyStore) -> None:
        """`client` acts with the organisation's key."""
        self._client = client
        self._keys = keys

    async def findings(self) -> list[DriftFinding]:
        """One finding for each permission that a key lacks, or of which Healthie does not say whether it has it.

        Never raises for what Healthie does: permissions that cannot be read are a finding.
        """
        found = await self._of_organization()
        seen = await self._seen_by_organization(sorted(self._keys.configured))
        for clinician_id in sorted(self._keys.configured):
            name = f"The key of clinician {clinician_id}"
            if clinician_id in seen:
                member, is_owner = seen[clinician_id]
                found += missing(name, OF_CLINICIANS, member, is_owner=is_owner)
            else:
                found += await self._of_clinician(clinician_id, name)
        return found

    async def _of_organization(self) -> list[DriftFinding]:
        return await self._own(self._client, _ORGANIZATION, OF_THE_ORGANIZATION)

    async def _of_clinician(self, clinician_id: str, name: str) -> list[DriftFinding]:
        """The findings that a clinician's own key shows."""
        try:
            if not await self._keys.await_pace():
                return [_unknown(name, "backed_off")]
            client = await self._keys.clinician(clinician_id)
        except ClinicianNotBookable:
            refused = f"{name} is not valid or not theirs: they are not offered."
            return [DriftFinding(severity=Severity.WARNING, what=refused)]
        except UpstreamUnavailable:
            return [_unknown(name, "not_answered")]
        return await self._own(client, name, OF_CLINICIANS)

    async def _own(self, client: Client, name: str, needs: Sequence[Need]) -> list[DriftFinding]:
        """What a key says of its own owner."""
        try:
            me = (await client.permissions()).current_user
        except CallError as error:
            return [_unknown(name, error.code)]
        return missing(
            name, needs, me.organization_membership if me else None, is_owner=bool(me and me.is_owner)
        )

    async def _seen_by_organization(
        self, clinician_ids: Sequence[str]
    ) -> Mapping[str, tuple[Permitted | None, bool]]:
        """The memberships that the organisation's key sees, by clinician id, each with whether its user owns the practice."""
        found: dict[str, tuple[Permitted | None, bool]] = {}
        try:
            for asked in _parts(clinician_ids):
                members = await self._members(asked)
                found |= {one.user.id: (one, bool(one.user.is_owner)) for one in members if one.user}
        except CallError as error:
            log.info("healthie.members_not_seen", error=error.code)
        return found

    async def _members(
        self, user_ids: list[str | None]
    ) -> list[PermissionsOfMembersOrganizationMembershipsNodes]:
        return await every(
            lambda after: self._client.permissions_of_members(user_ids=user_ids, after=after),
            lambda answer: answer.organization_memberships,
        )


def missing(
    name: str, needs: Iterable[Need], membership: Permitted | None, *, is_owner: bool
) -> list[DriftFinding]:
    """The findings for one key. The practice's owner may be allowed what their membership denies: that is only a note."""
    if membership is None:
        return [_unknown(name, "no membership")]
    found = []
    for need in needs:
        has = getattr(membership, need.permission)
        if has is None:
            what = f"{name}: Healthie does not say whether it has {need.permission}."
            found.append(DriftFinding(severity=Severity.NOTE, what=what))
        elif not has:
            severity = Severity.NOTE if is_owner else need.severity
            todo = "" if is_owner else " Grant it to the key's owner in Healthie."
            what = f"{name} lacks {need.permission}: {need.without}.{todo}"
            found.append(DriftFinding(severity=severity, what=what))
    return found


def _unknown(name: str, why: str) -> DriftFinding:
    return DriftFinding(severity=Severity.NOTE, what=f"{name}: its permissions cannot be read ({why}).")


def _parts(ids: Sequence[str]) -> list[list[str | None]]:
    return [list(ids[start : start + AT_ONCE]) for start in range(0, len(ids), AT_ONCE)]

"""HealthieVisits: booked visits one by one, with the rules for changing them, and the way into one from afar."""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import structlog

from booking.changes.visit import BookedVisit, CancellationReasonOption, JoinLinks, VisitAsStands, VisitRules
from booking.models import AppointmentStatus
from integrations.healthie.acting import StaffClient
from integrations.healthie.generated.booked_visit import BookedVisitAppointment
from integrations.healthie.generated.client import Client
from integrations.healthie.visit_rules import is_single, rules_of, verdict_of
from integrations.healthie.visits import appointment_of
from integrations.upstream.errors import ContractBroken, reading

log = structlog.get_logger(__name__)

# What makes a link of Zoom's a host's: its token of the host's account (Zoom's documentation of start_url).
_HOSTS = "zak"


class HealthieVisits:
    """The port Visits. `client` acts with the organisation's key, which sees the visits of all clinicians."""

    def __init__(self, *, client: Client, staff: StaffClient) -> None:
        self._client = client
        self._staff = staff

    async def get(self, appointment_id: str, *, of: str | None = None) -> BookedVisit | None:
        """The visit with its rules and Healthie's verdict; None when there is none, it is not this patient's, or staff deleted it.

        Raises UpstreamUnavailable.
        """
        with reading():
            visit = (await self._client.booked_visit(id=appointment_id)).appointment
            appointment = appointment_of(visit) if visit else None
            if visit is None or appointment is None or visit.deleted_at is not None:
                return None
            if of is not None and appointment.patient_id != of:
                return None
            rules = await rules_for(self._client, visit)
        return BookedVisit(
            appointment=appointment,
            rules=rules,
            verdict=verdict_of(visit),
            reschedules=visit.patient_reschedule_count or 0,
            credit_used=visit.credit_was_used,
            has_series=not is_single(visit),
        )

    async def stands(self, appointment_id: str, *, clinician_id: str) -> VisitAsStands | None:
        """Where the visit stands, a deleted one too; None when there is no such visit. Raises UpstreamUnavailable."""
        client = await self._staff(clinician_id)
        with reading():
            visit = (await client.booked_visit(id=appointment_id)).appointment
        appointment = appointment_of(visit) if visit else None
        if visit is None or appointment is None:
            return None
        cancelled = appointment.status is AppointmentStatus.CANCELLED
        return VisitAsStands(
            appointment=appointment,
            deleted=visit.deleted_at is not None,
            cancelled_at=visit.pm_status_changed_at if cancelled else None,
        )

    async def cancellation_reasons(self) -> Sequence[CancellationReasonOption]:
        """The practice's reasons for a cancellation by a patient. Raises UpstreamUnavailable."""
        with reading():
            practice = (await self._client.cancellation_reasons()).organization
            if practice is None:
                raise ContractBroken("CancellationReasons", "missing")
        return [
            CancellationReasonOption(id=each.id, text=each.label) for each in practice.cancellation_reasons
        ]

    async def join_links(self, appointment_id: str, *, clinician_id: str) -> JoinLinks:
        """The patient's link and the number to dial, as far as they are there yet. Raises UpstreamUnavailable.

        A link to another video service that the practice set comes before Zoom's. A call in Healthie's own video needs a token
        of the patient's key, which this program does not hold: for such a visit there is no link.
        """
        client = await self._staff(clinician_id)
        with reading():
            visit = (await client.join_links(id=appointment_id)).appointment
        if visit is None:
            return JoinLinks()
        url = next((each for each in (visit.external_videochat_url, visit.zoom_join_url) if each), None)
        if url is not None and not is_for_patients(url):
            log.error("healthie.join_link_withheld", appointment=appointment_id)
            url = None
        return JoinLinks(url=url, dial_in=(visit.zoom_dial_in_info or "").strip() or None)


async def rules_for(client: Client, visit: BookedVisitAppointment) -> VisitRules:
    """The rules that hold for a visit now: its clinician's policy is read, its type's came with it. Raises CallError."""
    general, currency = None, "USD"
    if visit.provider is not None:
        answer = await client.visit_rules(provider_id=visit.provider.id)
        general = answer.appointment_setting
        currency = (answer.current_user.default_currency if answer.current_user else None) or currency
    return rules_of(visit, general, currency.upper())


def is_for_patients(url: str) -> bool:
    """Whether it is a link that a patient can open, and that does not make its reader the host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and _HOSTS not in parse_qs(parts.query)

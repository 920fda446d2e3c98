"""CatalogReader: the practice's public offer, read with the organisation's key."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

import structlog

from booking.catalog.model import (
    BillingFrequency,
    BookingPolicy,
    Catalog,
    Clinician,
    GroupType,
    Location,
    Plan,
    PlanVisits,
    VisitType,
)
from booking.money import Money, decimals_of
from integrations.healthie.answers import money, rest
from integrations.healthie.contact_types import contact_types
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import Member, Package, Place, VisitKind
from integrations.healthie.generated.more_appointment_types import MoreAppointmentTypes
from integrations.healthie.generated.more_locations import MoreLocations
from integrations.healthie.generated.more_members import MoreMembers
from integrations.healthie.generated.more_offerings import MoreOfferings
from integrations.healthie.generated.public_catalog import PublicCatalogCurrentUserAppointmentSetting
from integrations.upstream.errors import reading

log = structlog.get_logger(__name__)

STATE_CODE_LENGTH = 2  # "CA"; licences may also hold full names, which are ignored

FREQUENCIES = {
    "one-time": BillingFrequency.ONE_TIME,
    "weekly": BillingFrequency.WEEKLY,
    "bi-weekly": BillingFrequency.BIWEEKLY,
    "every 4 weeks": BillingFrequency.EVERY_4_WEEKS,
    "every 8 weeks": BillingFrequency.EVERY_8_WEEKS,
    "monthly": BillingFrequency.MONTHLY,
    "quarterly": BillingFrequency.QUARTERLY,
    "yearly": BillingFrequency.YEARLY,
}


class CatalogReader:
    """Reads the whole public offer with every call; `booking.catalog.cached` caches it."""

    def __init__(self, *, client: Client) -> None:
        self._client = client

    async def read(self) -> Catalog:
        """The offer with every active clinician, bookable or not. Raises UpstreamUnavailable."""
        with reading():
            return await self._read()

    async def _read(self) -> Catalog:
        answer = await self._client.public_catalog()
        packages, kinds, members, places = await asyncio.gather(
            rest(answer.offerings, self._more_offerings, lambda more: more.offerings),
            rest(answer.appointment_types, self._more_kinds, lambda more: more.appointment_types),
            rest(answer.organization_members, self._more_members, lambda more: more.organization_members),
            rest(answer.appointment_locations, self._more_places, lambda more: more.appointment_locations),
        )
        currency = currency_of(answer.current_user)
        return Catalog(
            plans=tuple(plan for each in packages if (plan := plan_of(each, currency)) is not None),
            visit_types=tuple(kind for each in kinds if (kind := visit_type_of(each, currency)) is not None),
            group_types=tuple(kind for each in kinds if (kind := group_type_of(each, currency)) is not None),
            clinicians=tuple(_clinician(each) for each in members if each.active),
            locations=tuple(_location(each) for each in places if each.clients_can_book),
            policy=_policy(
                answer.current_user.appointment_setting if answer.current_user else None, currency
            ),
        )

    async def _more_offerings(self, after: str) -> MoreOfferings:
        return await self._client.more_offerings(after=after)

    async def _more_kinds(self, after: str) -> MoreAppointmentTypes:
        return await self._client.more_appointment_types(after=after)

    async def _more_members(self, after: str) -> MoreMembers:
        return await self._client.more_members(after=after)

    async def _more_places(self, after: str) -> MoreLocations:
        return await self._client.more_locations(after=after)


class CurrencyOwner(Protocol):
    """The key's owner, with the default currency of their practice."""

    @property
    def default_currency(self) -> str | None: ...  # noqa: D102 - Healthie's word


def currency_of(owner: CurrencyOwner | None) -> str:
    """The currency of amounts without one: the practice's default, else USD."""
    return (owner.default_currency if owner else None) or "USD"


def plan_of(offering: Package, currency: str) -> Plan | None:
    """The plan of an offering; None when it is hidden from patients or its terms cannot be parsed."""
    if offering.archived or not offering.show_offering or _is_hidden(offering.visibility_status):
        return None
    try:
        price = money(offering.price, offering.currency, default_currency=currency)
        # The price of the first payment: with taxes where there are any, and the initial payment where it differs.
        due_today = next(
            (
                amount
                for text in (
                    offering.initial_price_with_taxes,
                    offering.initial_payment_amount,
                    offering.price,
                )
                if (amount := money(text, offering.currency, default_currency=currency)) is not None
            ),
            None,
        )
        frequency = _frequency(offering.billing_frequency)
    except ValueError:
        log.warning("healthie.offering_unreadable", offering=offering.id)
        return None
    if price is None or due_today is None:
        log.warning("healthie.offering_without_price", offering=offering.id)
        return None
    return Plan(
        id=offering.id,
        name=offering.name or "",
        description=offering.description or None,
        price=price,
        due_today=due_today,
        frequency=frequency,
        payments=(offering.repeat_times or None) if frequency.recurs else None,
        visits=tuple(
            PlanVisits(visit_type_id=each.appointment_type_id, quantity=_quantity(each.quantity))
            for each in offering.offering_includes or ()
            if each.appointment_type_id
        ),
        sold_out=offering.under_purchase_cap is False,
    )


def _is_hidden(status: str) -> bool:
    """Whether it is hidden, or visible only to a group: a visitor cannot prove membership."""
    word = status.casefold()
    return "hidden" in word or "group" in word


def _frequency(text: str | None) -> BillingFrequency:
    """The billing frequency; an empty one means once. Raises ValueError for an unknown word."""
    if not text:
        return BillingFrequency.ONE_TIME
    known = FREQUENCIES.get(text.strip().casefold())
    if known is None:
        raise ValueError("unknown billing frequency")
    return known


def _quantity(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def visit_type_of(kind: VisitKind, currency: str) -> VisitType | None:
    """The visit type; None unless patients may book it themselves, one to one, by a known contact type."""
    values = None if kind.is_group else _values(kind, currency)
    return VisitType(**values) if values is not None else None


def group_type_of(kind: VisitKind, currency: str) -> GroupType | None:
    """The type of group visits; None unless it is one, and every patient may join. Who is in which client group is not known here."""
    values = _values(kind, currency) if kind.is_group and not kind.bookable_by_groups else None
    return GroupType(**values, has_waitlist=kind.is_waitlist_enabled) if values is not None else None


def _values(kind: VisitKind, currency: str) -> dict[str, Any] | None:
    """The values of a visit type; None unless patients may book it themselves, by a known contact type."""
    known = contact_types(kind.available_contact_types or ())
    if not (kind.clients_can_book and kind.length and known) or kind.deleted_at:
        return None
    try:
        price = money(kind.pricing_info.price if kind.pricing_info else None, None, default_currency=currency)
    except ValueError:
        log.warning("healthie.appointment_type_unreadable", appointment_type=kind.id)
        return None
    return {
        "id": kind.id,
        "name": kind.client_facing_display_name or kind.name or "",
        "description": kind.client_display_description or None,
        "minutes": kind.length,
        "contact_types": known,
        "price": price,
        "clinician_ids": _only(kind),
        "schedule_notice": _own_notice(kind),
    }


def _own_notice(kind: VisitKind) -> timedelta | None:
    """The booking notice set for this type; None when the type has no setting of its own, zero when that setting is zero."""
    own = kind.appointment_setting if kind.has_specific_appointment_settings else None
    if own is None or own.minimum_advance_schedule_time is None:
        return None
    return timedelta(minutes=own.minimum_advance_schedule_time)


def _only(kind: VisitKind) -> frozenset[str] | None:
    if not kind.require_specific_providers:
        return None
    return frozenset(each.user_id for each in kind.provider_appt_type_connections or () if each.user_id)


def _clinician(member: Member) -> Clinician:
    licences: Sequence[str] = [each.state or "" for each in member.state_licenses or ()]
    return Clinician(
        id=member.id,
        name=member.full_name or f"{member.first_name or ''} {member.last_name or ''}".strip(),
        qualifications=member.qualifications or None,
        time_zone=member.timezone or "UTC",
        licensed_in=frozenset(state.upper() for state in licences if len(state) == STATE_CODE_LENGTH),
    )


def _location(place: Place) -> Location:
    return Location(id=place.id, name=place.location or "")


def _policy(own: PublicCatalogCurrentUserAppointmentSetting | None, currency: str) -> BookingPolicy:
    """The practice's booking rules. Healthie gives times in minutes and fees in minor units of the currency (cents)."""
    if own is None:
        return BookingPolicy(
            schedule_notice=None, cancel_notice=None, late_cancellation_fee=None, no_show_fee=None
        )
    return BookingPolicy(
        schedule_notice=_minutes(own.minimum_advance_schedule_time),
        cancel_notice=_minutes(own.minimum_advance_cancel_time),
        late_cancellation_fee=_fee(own.late_cancellation_fee, currency),
        no_show_fee=_fee(own.no_show_fee, currency),
    )


def _minutes(count: int | None) -> timedelta | None:
    return timedelta(minutes=count) if count else None


def _fee(minor_units: int | None, currency: str) -> Money | None:
    code = currency.upper()
    return Money.of(Decimal(minor_units).scaleb(-decimals_of(code)), code) if minor_units else None

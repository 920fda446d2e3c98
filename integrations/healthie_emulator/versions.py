"""Published API versions, when each ends, and in what the schemas of the newest differ from the contract's (2026-01-01).

From the guide on versioning: a version is a published date; on 2026-07-01 every older one was deprecated, until 2027-01-31; each
newer one gives the one before it six months' notice. No full schema of 2026-07-01 or 2026-10-01 is public: what was seen of them
is emulated. Whether the fields that were seen to be gone are gone or only deprecated is a switch.
"""

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
)

from integrations.healthie_emulator.bookkeeping import invoice_reading
from integrations.healthie_emulator.errors import coded
from integrations.healthie_emulator.money_records import BillingItem, RequestedPayment
from integrations.healthie_emulator.state import Request

BASELINE = "2024-06-01"  # what a request without a version header is answered with
PUBLISHED = (
    BASELINE,
    "2024-07-01",
    "2024-10-01",
    "2024-10-20",
    "2024-11-01",
    "2025-01-01",
    "2025-04-01",
    "2025-05-15",
    "2025-07-31",
    "2025-10-15",
    "2025-11-30",
    "2026-01-01",
    "2026-07-01",
    "2026-10-01",
)

POLICY = "2026-07-01"  # the first version of the life cycle; from its date on older ones bring a warning
TRANSITION_ENDS = date(2027, 1, 31)  # for all versions before POLICY, and for requests without the header


@dataclasses.dataclass(frozen=True, kw_only=True)
class Version:
    """A version that is answered, and the warnings that its answers carry in `extensions.warnings`."""

    name: str
    warnings: tuple[dict[str, Any], ...] = ()


def served(asked: str | None, now: datetime) -> Version:
    """The version that a request with this header is answered on.

    Raises GraphQLError for a date that is not published or has ended, and for a missing header once one is required.
    """
    latest = published(now)[-1]
    if asked is None and now >= _start(TRANSITION_ENDS):
        message = "The header Healthie-GraphQL-API-Version is required."
        raise coded(message, "MISSING_API_VERSION_HEADER", latest_version=latest)
    name = asked or BASELINE
    if name not in published(now) or _has_ended(name, now):
        raise coded(
            f"API version {name[:20]!r} is not supported.",
            "UNSUPPORTED_API_VERSION",
            requested_version=name[:20],
            minimum_supported_version=next(each for each in published(now) if not _has_ended(each, now)),
            latest_version=latest,
        )
    return Version(name=name, warnings=tuple(_warnings(asked, name, latest, now)))


def published(now: datetime) -> tuple[str, ...]:
    """The versions that are published at a moment, oldest first."""
    return (
        tuple(each for each in PUBLISHED if each <= now.astimezone(UTC).date().isoformat()) or PUBLISHED[:1]
    )


def sunset(version: str, now: datetime) -> date | None:
    """The date from which a version is refused; None as long as none is announced."""
    if version < POLICY:
        return TRANSITION_ENDS if POLICY in published(now) else None
    newer = next((each for each in published(now) if each > version), None)
    return _six_months_after(date.fromisoformat(newer)) if newer else None


def _has_ended(version: str, now: datetime) -> bool:
    end = sunset(version, now)
    return end is not None and now >= _start(end)


def _six_months_after(day: date) -> date:
    years, month = divmod(day.month - 1 + 6, 12)
    return day.replace(year=day.year + years, month=month + 1)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _warnings(asked: str | None, name: str, latest: str, now: datetime) -> list[dict[str, Any]]:
    end = sunset(name, now)
    if end is None:
        return []
    warnings: list[dict[str, Any]] = []
    if asked is None:
        warnings.append(
            {
                "code": "MISSING_API_VERSION_HEADER",
                "message": f"Send Healthie-GraphQL-API-Version; {BASELINE} was used, until {end}.",
                "latest_version": latest,
            }
        )
    warnings.append(
        {
            "code": "API_VERSION_SUNSET_WARNING",
            "message": f"API version {name} stops answering on {end}.",
            "requested_version": name,
            "sunset_date": end.isoformat(),
            "latest_version": latest,
        }
    )
    return warnings


# The versions from which on the schema is another one; the first is the contract's.
SHAPES = ("2026-01-01", "2026-07-01", "2026-10-01")

# Seen to be missing from the example of a billing item, with what stands there instead.
GONE = {
    "offering": "offerings",
    "offering_id": "offerings",
    "recipient_id": "recipient_ids",
    "user_package_selection": "user_package_selections",
}


def gone_in(version: str) -> tuple[str, ...]:
    """The fields that a version lacks, as `Type.field`."""
    return tuple(f"BillingItem.{name}" for name in GONE) if version >= "2026-10-01" else ()


def adapt(schema: GraphQLSchema, version: str, *, gone_remain: bool) -> None:
    """Make the contract's schema that of a version, as far as it was seen. `gone_remain` keeps gone fields, as deprecated.

    Parts that the contract does not have are left out here as well.
    """
    if version >= "2026-07-01":
        _adapt_checkout(schema)
    if version >= "2026-10-01":
        _adapt_billing(schema, gone_remain=gone_remain)


def _adapt_checkout(schema: GraphQLSchema) -> None:
    given, payload = _type(schema, "completeCheckoutInput"), _type(schema, "completeCheckoutPayload")
    if given is not None:
        given.fields["payer_token"] = GraphQLInputField(GraphQLString)
        for old in given.fields.keys() & {"outside_party_payer_id", "invoice_id"}:
            given.fields[old].deprecation_reason = "Use payer_token"
    if payload is not None:
        payload.fields["appointmentIcsLink"] = GraphQLField(GraphQLString)


def _adapt_billing(schema: GraphQLSchema, *, gone_remain: bool) -> None:
    item, query = _type(schema, "BillingItem"), _type(schema, "Query")
    for old, new in GONE.items():
        if gone_remain and old in item.fields:
            item.fields[old].deprecation_reason = f"Use {new}"
        else:
            item.fields.pop(old, None)
    for name, of in _LISTS.items():
        kind = GraphQLID if of == "ID" else _type(schema, of)
        item.fields[name] = GraphQLField(GraphQLNonNull(GraphQLList(GraphQLNonNull(kind))))
    item.fields |= {
        "payment_for": GraphQLField(GraphQLString),
        "is_invoice_paid_early": GraphQLField(GraphQLBoolean),
        "metadata": GraphQLField(GraphQLString),
    }
    arguments = query.fields["requestedPayment"].args
    arguments.pop("uuid", None)
    arguments["token"] = GraphQLArgument(GraphQLString)


def _type(schema: GraphQLSchema, name: str) -> Any:
    return schema.type_map.get(name)


_LISTS = {
    "offerings": "Offering",
    "recipients": "User",
    "recipient_ids": "ID",
    "requested_payments": "RequestedPayment",
    "user_package_selections": "UserPackageSelection",
}


def resolvers(version: str) -> dict[str, Callable[..., Any]]:
    """The resolvers of the fields that a version adds."""
    return _OF_BILLING if version >= "2026-10-01" else {}


def _one_of(table: str, id_field: str) -> Callable[..., Any]:
    """Read the one record that a billing item refers to, as a list."""

    def read(item: BillingItem, request: Request, _: object) -> list[Any]:
        found = getattr(request.world, table).get(getattr(item, id_field))
        return [] if found is None else [found]

    return read


def _payment_for(item: BillingItem, request: Request, _: object) -> str | None:
    offering = request.world.offerings.get(item.offering_id)
    return offering.name if offering else None


def _paid_early(item: BillingItem, request: Request, _: object) -> bool:
    """Whether the invoice was paid before the visit that it is for."""
    invoice = request.world.requested_payments.get(item.requested_payment_id)
    visit = request.world.appointments.get(invoice.appointment_id) if invoice else None
    return visit is not None and item.created_at < visit.starts_at


def _requested_payment(request: Request, args: dict[str, Any]) -> RequestedPayment | None:
    if args.get("token") is None:
        found: RequestedPayment | None = invoice_reading.RESOLVERS["Query.requestedPayment"](request, args)
        return found
    invoice = next((each for each in request.world.requested_payments if each.token == args["token"]), None)
    return invoice if invoice and request.me.sees_patient(invoice.recipient_id) else None


_OF_BILLING: dict[str, Callable[..., Any]] = {
    "Query.requestedPayment": _requested_payment,
    "BillingItem.offerings": _one_of("offerings", "offering_id"),
    "BillingItem.recipients": _one_of("users", "recipient_id"),
    "BillingItem.recipient_ids": lambda item, _request, _: [item.recipient_id] if item.recipient_id else [],
    "BillingItem.requested_payments": _one_of("requested_payments", "requested_payment_id"),
    "BillingItem.user_package_selections": _one_of("package_selections", "user_package_selection_id"),
    "BillingItem.payment_for": _payment_for,
    "BillingItem.is_invoice_paid_early": _paid_early,
}

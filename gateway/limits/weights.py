"""The weights of fields in an operation's cost, and the assumed lengths of lists without a size argument.

A field in the answer costs 1. A request to the practice's system costs 500, whatever it returns: it uses up the practice's
own rate limit (some forty rapid requests have caused a lockout), and all callers queue for it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from graphql import GraphQLSchema

_UPSTREAM_REQUEST = 500

# The most requests that each can lead to, with empty caches.
_UPSTREAM_REQUESTS: Mapping[str, int] = MappingProxyType(
    {
        "Query.slots": 16,  # a month, two days a request
        "Query.availableDays": 2,
        "Query.groupVisits": 1,
        "Query.quote": 1,  # the promo code
        "Query.me": 1,
        "Me.appointments": 2,
        "Me.cards": 1,
        "Query.patient": 1,
        # Of a patient's purchases, a list each; payments are asked for by both filters. The ledger is read for each visit type.
        **{
            f"{kind}.{field}": requests
            for kind in ("Me", "Patient")
            for field, requests in (
                ("packages", 1),
                ("credits", 1),
                ("memberships", 1),
                ("payments", 2),
                ("invoices", 1),
            )
        },
        "Credit.entries": 1,
        # The visit with the practice's rules; what was paid and given back since.
        "Query.cancellationQuote": 3,
        "Query.rescheduleQuote": 2,
        "Query.cancellationReasons": 1,
        "AppointmentChange.appointment": 1,
        "Patient.appointments": 2,
        "Checkout.appointment": 1,
        # The first read. Later ones are shared by all subscribers of a topic, and at most one every 15 seconds.
        "Subscription.slotsChanged": 7,  # two weeks
        "Subscription.appointmentChanged": 2,
    }
)

# Served from the catalog cache, or without any read. A root field in neither table is assumed to make one upstream request.
_FREE = (
    "Query.newVisitorToken",
    "Query.plans",
    "Query.plan",
    "Query.clinicians",
    "Query.visitTypes",
    "Query.locations",
    "Query.bookingPolicy",
    "Query.operations",
)

# A read of the gateway's own database.
_DATABASE_READ = 100
_DATABASE_READS: Mapping[str, int] = MappingProxyType(
    {
        "Query.hold": 1,
        "Query.checkout": 2,
        "Query.appointmentChange": 1,
        "Query.membershipChange": 1,
        "Membership.canPause": 1,
        "Membership.canResume": 1,
        "Operations.checkouts": 1,
        "Subscription.checkoutChanged": 2,
        "Me.waitlist": 2,
        "WaitlistOffer.hold": 1,
        "Subscription.waitlistChanged": 2,
    }
)

# Of one visit. The three that say what may still be done are answered by one read, so half a request each: a page of twenty visits can have
# all of them, a page of a hundred none. The way in is read for visits of the next day only, of which a patient has few.
_READS_OF_VISITS: Mapping[str, int] = MappingProxyType(
    {
        "Appointment.canCancelUntil": 250,
        "Appointment.canRescheduleUntil": 250,
        "Appointment.feeNow": 250,
        "Appointment.join": 100,
    }
)

WEIGHTS: Mapping[str, int] = MappingProxyType(
    {field: times * _UPSTREAM_REQUEST for field, times in _UPSTREAM_REQUESTS.items()}
    | {field: times * _DATABASE_READ for field, times in _DATABASE_READS.items()}
    | dict(_READS_OF_VISITS)
    | dict.fromkeys(_FREE, 0)
)

# Lists without a size argument: the longest that is usual.
SIZES: Mapping[str, int] = MappingProxyType(
    {
        "Query.slots": 31,  # days
        "Subscription.slotsChanged": 14,
        "Day.slots": 16,  # of the clinicians who offer the visit
        "Query.clinicians": 50,
        "Query.visitTypes": 30,
        "Query.locations": 20,
        "Plan.visits": 5,
        "Me.cards": 5,
        "Me.credits": 5,  # visit types of the plans that a patient bought
        "Patient.credits": 5,
        "Me.memberships": 3,
        "Patient.memberships": 3,
        "Credit.entries": 20,
        "Payment.refunds": 2,
        "Invoice.paymentIds": 3,
        "Me.waitlist": 5,
        "Subscription.waitlistChanged": 5,
        "WaitlistEntry.days": 7,
        "WaitlistEntry.hours": 3,
    }
)

# Any other list.
USUAL_SIZE = 10

# The arguments that say how long a list may be.
SIZE_ARGUMENTS = ("first", "last")


def weights_of(schema: GraphQLSchema) -> dict[str, int]:
    """The weight of each field by its coordinate (`Type.field`), with one upstream request for root fields in no table."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    unknown = {f"{root.name}.{name}": _UPSTREAM_REQUEST for root in roots if root for name in root.fields}
    return unknown | dict(WEIGHTS)

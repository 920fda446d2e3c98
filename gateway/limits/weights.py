"""What fields cost besides themselves, and how long lists are that no argument bounds.

One field in the answer costs 1. A request to the practice's system costs as much as 500 of them, whatever it answers: it is
the practice's own limit that it eats up (some forty rapid ones have brought a lockout), and everybody waits behind it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from graphql import GraphQLSchema

_UPSTREAM_REQUEST = 500

# At the most, when nothing is remembered.
_UPSTREAM_REQUESTS: Mapping[str, int] = MappingProxyType(
    {
        "Query.slots": 16,  # a month, two days a request
        "Query.availableDays": 2,
        "Query.quote": 1,  # the promo code
        "Query.me": 1,
        "Me.appointments": 2,
        "Me.cards": 1,
        "Query.patient": 1,
        "Patient.appointments": 2,
        # To begin with. What is read again later is read once for all who watch it, and not oftener than every 15 seconds.
        "Subscription.slotsChanged": 7,  # two weeks
        "Subscription.appointmentChanged": 2,
    }
)

# These read the catalogue or nothing. Any other field at a root is taken to ask upstream once, until it stands here or above.
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

# A read of our own database.
_DATABASE_READ = 100
_DATABASE_READS: Mapping[str, int] = MappingProxyType(
    {"Query.hold": 1, "Query.checkout": 2, "Operations.checkouts": 1, "Subscription.checkoutChanged": 2}
)

WEIGHTS: Mapping[str, int] = MappingProxyType(
    {field: times * _UPSTREAM_REQUEST for field, times in _UPSTREAM_REQUESTS.items()}
    | {field: times * _DATABASE_READ for field, times in _DATABASE_READS.items()}
    | dict.fromkeys(_FREE, 0)
)

# Lists that no argument bounds, at their usual longest.
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
    }
)

# Any other list.
USUAL_SIZE = 10

# The arguments that say how long a list may be.
SIZE_ARGUMENTS = ("first", "last")


def weights_of(schema: GraphQLSchema) -> dict[str, int]:
    """What each field costs besides itself, those at the roots included that nobody has weighed."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    unknown = {f"{root.name}.{name}": _UPSTREAM_REQUEST for root in roots if root for name in root.fields}
    return unknown | dict(WEIGHTS)

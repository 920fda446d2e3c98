"""Permissions of the practice's members, each of which can be taken from each member.

Documented: their names (fields of `OrganizationMembership`), each with a sentence on its effect; that reading billing without
`can_see_billing` is an `Unauthorized` error (guide on insurance payments); the text of one refusal, which stands in `errors` and in
`messages` at once (guide on locked CMS 1500 claims). Not documented: the form for each operation, and whether a read without the
permission is refused or finds nothing. Those are switches.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import coded
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Request, World

SENTENCE = (
    "You don't have permission to perform this operation. Please reach out to support if the problem persists"
)

MINTING = "create_api_keys"  # no field of a membership: Healthie grants it on request

# Those that something here depends on. A membership shows every other one as granted.
ENFORCED = frozenset(
    {
        MINTING,
        "can_add_clients",
        "can_add_others_appointments",
        "can_add_own_appointments",
        "can_charge_clients",
        "can_edit_calendar",
        "can_merge_clients",
        "can_remove_client",
        "can_see_billing",
        "can_see_calendar",
        "can_see_clients",
        "is_developer",
        "sees_all_billing",
        "sees_all_clients",
    }
)

_OF_MUTATIONS = {
    "cancelRecurringPayment": "can_charge_clients",
    "createApiKey": MINTING,
    "createBillingItem": "can_charge_clients",
    "createClient": "can_add_clients",
    "createRequestedPayment": "can_charge_clients",
    "createStripeCustomerDetail": "can_charge_clients",
    "createWebhook": "is_developer",
    "deleteAppointment": "can_edit_calendar",
    "deleteWebhook": "is_developer",
    "expireWebhookSignature": "is_developer",
    "mergeClients": "can_merge_clients",
    "sendTestWebhook": "is_developer",
    "updateAppointment": "can_edit_calendar",
    "updateBillingItem": "can_charge_clients",
    "updateRequestedPayment": "can_charge_clients",
    "updateWebhook": "is_developer",
}

_OF_QUERIES = {
    "billingItem": "can_see_billing",
    "billingItems": "can_see_billing",
    "chargeBack": "can_see_billing",
    "chargeBacks": "can_see_billing",
    "requestedPayment": "can_see_billing",
    "requestedPayments": "can_see_billing",
    "sentWebhooks": "is_developer",
    "stripeCustomerDetails": "can_see_billing",
    "webhooks": "is_developer",
}


def may(request: Request, permission: str) -> bool:
    """Return whether the key's owner has a permission. Patients have none, and are bound by other rules."""
    me = request.me
    return me.is_patient or permission not in request.world.permissions.without.get(me.user.id, ())


def refused_mutation(request: Request, name: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the payload of a mutation that the key's owner may not make; None if they may. Raises GraphQLError as the form has it."""
    if request.actor is None:  # the mutation itself says whether it takes a key
        return None
    permission = _needed(request, name, given)
    if permission is None or may(request, permission):
        return None
    form = request.world.permissions.form
    payload = {"messages": [{"field": "base", "message": SENTENCE}]}
    if form == "messages":
        return payload
    if form == "both":
        request.errors.append(GraphQLError(SENTENCE))
        return payload
    raise _error(form)


def read(
    request: Request, name: str, field_type: str, args: Mapping[str, Any], given: Callable[..., Any]
) -> Any:
    """Answer a query, or refuse it, or find nothing, if the key's owner may not make it."""
    permission = _OF_QUERIES.get(name)
    if permission is None or request.actor is None or may(request, permission):
        return given(request, args)
    if not request.world.permissions.reads_find_nothing:
        raise _error(request.world.permissions.form)
    return page([], args) if field_type.endswith("Connection") else None


def sees_visit(request: Request, visit: Appointment) -> bool:
    """Return whether the visit is the key owner's own, or they see all calendars."""
    own = request.me.user.id in {visit.provider_id, *visit.provider_ids}
    return own or may(request, "can_see_calendar")


def sees_client(request: Request, user: User) -> bool:
    """Return whether a patient is the key owner's own, or they see all clients."""
    return user.dietitian_id == request.me.user.id or may(request, "can_see_clients")


def sees_payment_to(request: Request, recipient_id: str | None) -> bool:
    """Return whether a payment went to the key's owner, or they see all billing."""
    return recipient_id == request.me.user.id or may(request, "sees_all_billing")


def _needed(request: Request, name: str, given: Mapping[str, Any]) -> str | None:
    if name == "createAppointment":
        other = given.get("other_party_id") not in {None, request.me.user.id}
        return "can_add_others_appointments" if other else "can_add_own_appointments"
    if name == "updateClient":
        return "can_remove_client" if given.get("active") is False else None
    return _OF_MUTATIONS.get(name)


def _error(form: str) -> GraphQLError:
    if form == "code":
        return coded(SENTENCE, "UNAUTHORIZED")
    return GraphQLError("Unauthorized" if form == "unauthorized" else SENTENCE)


class Membership(dict[str, Any]):
    """A member's `OrganizationMembership`: every permission is granted that was not taken away."""

    def __missing__(self, name: str) -> Any:
        """Grant what nobody has taken."""
        return True

    def get(self, name: str, _default: Any = None) -> Any:
        """Read a field."""
        return self[name]


def membership_of(world: World, user: User | None) -> Membership | None:
    """Return a member's membership; patients have none."""
    if user is None or user.is_patient:
        return None
    taken = dict.fromkeys(world.permissions.without.get(user.id, ()), False)
    return Membership(taken, id=f"9{user.id}", user=user, is_admin=user.is_org_admin, **_TEXTS)


_TEXTS: dict[str, Any] = {
    "org_role": "Standard",
    "title": None,
    "erx_dosespot_role": None,
    "permission_template_applied_at": None,
    "is_provider": True,
    "hide_calendar_tab": False,
    "is_in_other_orgs": False,
    "selected_licensed_in_filter": None,
    "selected_locations_filter": None,
    "selected_statuses_filter": None,
    "selected_tags_filter": None,
}


def _one(request: Request, args: dict[str, Any]) -> Membership | None:
    """Return the current user's membership, or that of a member that is named by `user_id`."""
    named = args.get("user_id") or (str(args["id"])[1:] if args.get("id") else request.me.user.id)
    shown = named == request.me.user.id or request.world.permissions.members_are_seen
    return membership_of(request.world, request.world.users.get(named)) if shown else None


def _many(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List the memberships of the practice, or of `user_ids`; whether a key sees others' is a switch."""
    world, ids = request.world, [each for each in args.get("user_ids") or () if each]
    found = [
        one
        for user in world.users
        if (not ids or user.id in ids)
        and (
            user.id == request.me.user.id
            or (world.permissions.members_are_seen and not request.me.is_patient)
        )
        and (one := membership_of(world, user)) is not None
    ]
    return page(found, args)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """What the control API is asked to change; None leaves it as it is."""

    user_id: str | None = None
    without: list[str] | None = None
    form: str | None = None
    reads_find_nothing: bool | None = None
    members_are_seen: bool | None = None


def change(world: World, given: dict[str, Any]) -> None:
    """Take permissions from a member (`user_id`, `without`), or turn the switches. Raises ValueError for what is not one."""
    order, permissions = Order(**given), world.permissions
    if order.form is not None and order.form not in permissions.FORMS:
        raise ValueError(f"form is one of {', '.join(permissions.FORMS)}")
    if order.without is not None:
        user = world.users.get(order.user_id)
        if user is None or user.is_patient:
            raise ValueError("user_id is a member of the practice")
        if unknown := sorted(set(order.without) - ENFORCED):
            raise ValueError(
                f"nothing depends on {', '.join(unknown)}; there are {', '.join(sorted(ENFORCED))}"
            )
        permissions.without[user.id] = set(order.without)
    for name in ("form", "reads_find_nothing", "members_are_seen"):
        value = getattr(order, name)
        if value is not None and type(value) is not type(getattr(permissions, name)):
            raise ValueError(f"{name} is true or false")
        if value is not None:
            setattr(permissions, name, value)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.organizationMembership": _one,
    "Query.organizationMemberships": _many,
    "OrganizationMembership.organization": lambda _, request, __: request.world.organization,
    "User.organization_membership": lambda user, request, _: membership_of(request.world, user),
}

"""What every mutation that writes a user checks: one account for each email, first and last name, and values that make sense."""

from typing import Any

from graphql import GraphQLError

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.state import World

SEXES = frozenset({"Male", "Female"})
SHORTEST_PASSWORD = 8

Given = dict[str, Any]


def is_strong(password: str) -> bool:
    """Return whether a password is long enough and not of one kind of characters: a stand-in for Healthie's calculation."""
    kinds = (str.isdigit, str.islower, str.isupper, lambda character: not character.isalnum())
    return len(password) >= SHORTEST_PASSWORD and sum(any(map(kind, password)) for kind in kinds) > 1


def taken(world: World, values: Given, *, besides: str | None = None) -> Given | None:
    """Refuse what is another patient's account.

    Two people may share an email. Whether two without an email may have the same names is not documented: a switch.
    """
    email, first, last = (_alike(values.get(name)) for name in ("email", "first_name", "last_name"))
    if not email and not world.switches.names_without_email_unique:
        return None
    same = (
        each
        for each in world.users
        if each.is_patient
        and each.id != besides
        and _alike(each.email) == email
        and (_alike(each.first_name), _alike(each.last_name)) == (first, last)
    )
    return refused("Email has already been taken", field="email") if next(same, None) else None


def what_is_wrong(world: World, given: Given) -> Given | None:
    """Refuse values that no user may have: of an email, a password, a sex, a group, a flow, a time zone, a birth date."""
    email, password = given.get("email"), given.get("password")
    group_id, flow_id = given.get("user_group_id"), given.get("default_onboarding_flow_id")
    confirmed = given.get("password_confirmation") in (None, password)
    problems = (
        ("email", "Email is invalid", email and "@" not in email),
        ("password", "Password is too weak", password and not is_strong(password)),
        ("password_confirmation", "Password confirmation doesn't match Password", not confirmed),
        ("sex", "Sex is not included in the list", given.get("sex") and given["sex"] not in SEXES),
        ("user_group_id", "User group must exist", group_id and not world.items["UserGroup"].get(group_id)),
        (
            "default_onboarding_flow_id",
            "Onboarding flow must exist",
            flow_id and not world.items["OnboardingFlow"].get(flow_id),
        ),
    )
    found = next((refused(message, field=field) for field, message, wrong in problems if wrong), None)
    return found or _unreadable(given)


def _unreadable(given: Given) -> Given | None:
    try:
        if given.get("timezone"):
            dates.zone_named(given["timezone"])
        if given.get("dob"):
            dates.read_day(given["dob"], "UTC")
    except GraphQLError as error:
        return refused(error.message, field="dob" if "timezone" not in error.message else "timezone")
    return None


def _alike(text: str | None) -> str:
    return (text or "").strip().lower()

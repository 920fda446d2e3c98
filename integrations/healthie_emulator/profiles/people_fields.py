"""Fields of `User` that follow from the practice's records: names, age, whose patient, who may switch to whom."""

from collections.abc import Callable
from datetime import date
from typing import Any

from integrations.healthie_emulator import dates, keys
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.people import full_name, providers
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.state import Request
from integrations.healthie_emulator.tags_and_groups.groups import invite_code


def _age(user: User, request: Request, *_: Any) -> int | None:
    if user.dob is None:
        return None
    today: date = request.world.clock.now().astimezone(dates.zone_named(user.timezone)).date()
    return today.year - user.dob.year - ((today.month, today.day) < (user.dob.month, user.dob.day))


def _legal_name(user: User, *_: Any) -> str:
    return f"{user.legal_name or user.first_name} {user.last_name}".strip()


def _legal_name_with_preferred(user: User, *_: Any) -> str:
    if not user.legal_name or user.legal_name == user.first_name:
        return _legal_name(user)
    return f"{user.legal_name} ({user.first_name}) {user.last_name}"


def _other_providers(user: User, request: Request, *_: Any) -> list[User]:
    return [found for i in user.other_provider_ids if (found := request.world.users.get(i))]


def _providers(user: User, request: Request, *_: Any) -> list[User]:
    main = request.world.users.get(user.dietitian_id)
    return [*([main] if main else []), *_other_providers(user, request)]


def patients_of(user: User, request: Request) -> list[User]:
    """Return the patients of a clinician, main or of the care team, whom the actor may see."""
    if request.actor is None:
        return []
    return [
        each
        for each in request.world.users
        if each.is_patient
        and user.id in (each.dietitian_id, *each.other_provider_ids)
        and request.me.sees_patient(each.id)
    ]


def _patients(user: User, request: Request, args: dict[str, Any]) -> list[User]:
    ids = {str(i) for i in args.get("client_ids") or () if i}
    return [
        each
        for each in patients_of(user, request)
        if (not ids or each.id in ids) and (each.active or not args.get("only_active"))
    ]


def _active_patients(user: User, request: Request, args: dict[str, Any]) -> dict[str, Any]:
    words = (args.get("keywords") or "").casefold()
    found = [each for each in patients_of(user, request) if each.active]
    return page([each for each in found if words in full_name(each).casefold()], args)


def _switchable(user: User, request: Request, *_: Any) -> list[User]:
    """Return the other accounts of the same email; a patient's key learns only of its own."""
    if request.actor is None or not user.email or (user.id != request.me.user.id and request.me.is_patient):
        return []
    same = user.email.casefold()
    return [
        each
        for each in request.world.users
        if each.id != user.id and each.email and each.email.casefold() == same
    ]


def _set_password_link(user: User, request: Request, *_: Any) -> str | None:
    """Return the link with the `signup_token` of somebody who has no password yet; only an administrator gets it."""
    if request.actor is None or not request.me.is_admin or not user.is_patient or user.has_created_password:
        return None
    return (
        f"https://healthie.invalid/set_password?signup_token={invite_code(request.world, f'token-{user.id}')}"
    )


def _private(name: str) -> Callable[..., Any]:
    """Make a field that staff read of everybody, and everybody of themselves."""

    def read(user: User, request: Request, *_: Any) -> Any:
        if request.actor is None or (request.me.is_patient and user.id != request.me.user.id):
            return None
        return getattr(user, name)

    return read


def _staff(name: str) -> Callable[..., Any]:
    def read(user: User, request: Request, *_: Any) -> Any:
        return None if request.actor is None or request.me.is_patient else getattr(user, name)

    return read


RESOLVERS: dict[str, Callable[..., Any]] = {
    "User.name": lambda user, *_: full_name(user),
    "User.first_name_last_initial": lambda user, *_: f"{user.first_name} {user.last_name[:1]}".strip(),
    "User.full_legal_name": _legal_name,
    "User.full_legal_name_with_preferred": _legal_name_with_preferred,
    "User.age": _age,
    "User.active_patients": _active_patients,
    "User.api_keys": keys.keys_of,
    "User.appointment_setting": lambda _, request, __: request.world.settings,
    "User.calendar_timezone": lambda user, *_: user.timezone,
    "User.default_onboarding_flow": lambda user, request, _: request.world.items["OnboardingFlow"].get(
        user.default_onboarding_flow_id
    ),
    "User.doc_share_id": lambda user, *_: f"user-{user.id}",
    "User.has_api_access": lambda *_: True,
    "User.has_other_org_members": lambda user, request, _: (
        not user.is_patient
        and any(not each.is_patient and each.id != user.id for each in request.world.users)
    ),
    "User.has_user_switch_options": lambda user, request, _: bool(_switchable(user, request)),
    "User.in_multiple_providers_org": lambda _, request, __: len(providers(request.world)) > 1,
    "User.in_org": lambda user, *_: not user.is_patient,
    "User.invite_code": lambda user, request, _: (
        None if user.is_patient else invite_code(request.world, user.id)
    ),
    "User.is_org": lambda user, *_: user.is_owner,
    "User.is_super_admin": lambda user, *_: user.is_owner,
    "User.metadata": _staff("metadata"),
    "User.org_name_or_self_name": lambda _, request, __: request.world.organization.name,
    "User.other_org_members": lambda user, request, _: (
        [each for each in request.world.users if not each.is_patient and each.id != user.id]
        if request.actor and not request.me.is_patient
        else ()
    ),
    "User.other_providers": _other_providers,
    "User.patients": _patients,
    "User.patients_count": lambda user, request, args: sum(
        each.active and (not args.get("only_primary") or each.dietitian_id == user.id)
        for each in patients_of(user, request)
    ),
    "User.providers": _providers,
    "User.quick_notes": _staff("quick_notes"),
    "User.set_password_link": _set_password_link,
    "User.shard_aware_id": lambda user, *_: user.id,
    "User.show_appointments_tab": lambda *_: True,
    "User.skipped_email": lambda user, *_: user.email is None,
    "User.ssn": _private("ssn"),
    "User.switchable_users": _switchable,
    "User.switchable_users_count": lambda user, request, _: len(_switchable(user, request)),
}

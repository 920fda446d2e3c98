"""Credits: how many visits of each type a patient may book.

A package gives them, a booking takes one, and what takes or gives stands in their history. They outlive refunds.
"""

from collections.abc import Callable, Iterable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.money_records import AppointmentCredit, CreditChange
from integrations.healthie_emulator.people import patient
from integrations.healthie_emulator.records import Offering, OfferingInclude, User
from integrations.healthie_emulator.scheduling.records import Appointment, AppointmentType
from integrations.healthie_emulator.state import Request, World

NO_CREDIT = "You do not have enough credit to book this appointment"

BOUGHT, BOOKED, RESTORED, EDITED = (
    ("Package purchased", "package_purchase"),
    ("Appointment booked", "appointment_booking"),
    ("Appointment cancelled", "appointment_cancellation"),
    ("Credit edited", "manual_edit"),
)

MOST_VISITS = 100_000  # more than any patient has; a longer number is a slip

RESTORING_STATUSES = frozenset({"Cancelled", "No-Show"})


def quantity_of(world: World, user_id: str, appointment_type_id: str) -> int:
    """Return how many visits of a type a patient has left."""
    found = _credit(world, user_id, appointment_type_id)
    return found.quantity if found else 0


def covers(world: World, user_id: str, appointment_type_id: str) -> bool:
    """Return whether a patient has a credit for a visit of a type, in a practice that uses credits."""
    uses_credits = world.settings.use_client_credit_system
    return uses_credits and quantity_of(world, user_id, appointment_type_id) > 0


def give(world: World, user_id: str, offering: Offering, includes: Iterable[OfferingInclude]) -> None:
    """Give what a package includes, while the practice uses credits."""
    if world.settings.use_client_credit_system:
        for include in includes:
            _change(
                world, user_id, include.appointment_type_id, include.quantity, BOUGHT, offering_id=offering.id
            )


def may_book(request: Request, appointment_type_id: str) -> bool:
    """Return whether a patient who books for themselves has the credit that the practice asks for. Staff always may."""
    settings = request.world.settings
    if not (
        request.me.is_patient and settings.use_client_credit_system and settings.prevent_no_credit_booking
    ):
        return True
    return quantity_of(request.world, request.me.user.id, appointment_type_id) > 0


def use(request: Request, booked: Appointment, *, user_id: str | None = None) -> bool:
    """Take a credit of its patient, or of who has a seat in it, for a booking; False if none is taken.

    A patient who has none goes below zero. Whether they do when staff book for them, and whether a booking by staff takes a credit
    at all, is not documented: each is a switch.
    """
    world, user_id = request.world, user_id or booked.user_id
    if user_id is None or booked.appointment_type_id is None:
        return False
    if not world.settings.use_client_credit_system:
        return False
    if not (request.me.is_patient or world.switches.credit_taken_at_booking):
        return False
    has_one = covers(world, user_id, booked.appointment_type_id)
    if not has_one and not (request.me.is_patient or world.switches.staff_book_below_zero):
        return False
    _change(
        world,
        user_id,
        booked.appointment_type_id,
        -1,
        BOOKED,
        appointment_id=booked.id,
        initiator_id=request.me.user.id,
    )
    return True


def restore(request: Request, ended: Appointment, *, deleted: bool = False) -> None:
    """Give a visit's credit back once, if the practice does so for visits that end this way."""
    world = request.world
    gives = ended.pm_status in RESTORING_STATUSES
    if ended.pm_status == "Late Cancellation":
        gives = world.switches.late_cancel_restores_credit
    if deleted:
        gives = world.switches.deletion_restores_credit
    if gives and ended.user_id is not None:
        give_back(world, ended, ended.user_id, by=request.me.user)


def give_back(world: World, visit: Appointment, user_id: str, *, by: User | None) -> None:
    """Give the credit back that a patient used for a visit, or for a seat in it, if the practice gives any back."""
    kind = visit.appointment_type_id
    if kind is None or not world.settings.restore_credit_on_cancel or not _is_in_use(world, visit, user_id):
        return
    _change(
        world,
        user_id,
        kind,
        1,
        RESTORED,
        appointment_id=visit.id,
        initiator_id=by.id if by else None,
    )


def edit(request: Request, user_id: str, given: Iterable[dict[str, Any]]) -> None:
    """Set credits to absolute numbers, as staff do on a patient's page; what is no whole number changes nothing."""
    world = request.world
    for each in given:
        known = world.credits.get(each.get("id"))
        type_id = (
            known.appointment_type_id
            if known and known.user_id == user_id
            else each.get("appointment_type_id")
        )
        wanted = _whole(each.get("quantity"))
        if wanted is None or type_id is None or world.appointment_types.get(type_id) is None:
            continue
        more = wanted - quantity_of(world, user_id, type_id)
        _change(world, user_id, type_id, more, EDITED, initiator_id=request.me.user.id)


def _whole(text: str | None) -> int | None:
    try:
        number = int(text or "")
    except ValueError:
        return None
    return number if abs(number) <= MOST_VISITS else None


def _credit(world: World, user_id: str, appointment_type_id: str) -> AppointmentCredit | None:
    return next(
        (
            each
            for each in world.credits
            if each.user_id == user_id and each.appointment_type_id == appointment_type_id
        ),
        None,
    )


def _change(
    world: World, user_id: str, appointment_type_id: str, more: int, why: tuple[str, str], **about: Any
) -> None:
    found = _credit(world, user_id, appointment_type_id) or world.credits.add(
        user_id=user_id, appointment_type_id=appointment_type_id
    )
    changed = world.credits.change(found.id, quantity=found.quantity + more)
    world.credit_changes.add(
        user_id=user_id,
        appointment_type_id=appointment_type_id,
        quantity=changed.quantity,
        event=why[0],
        event_type=why[1],
        **about,
    )


def _is_in_use(world: World, visit: Appointment, user_id: str) -> bool:
    """Return whether a credit was taken for a visit and not given back since."""
    changes = [
        each.event_type
        for each in world.credit_changes
        if each.appointment_id == visit.id and each.user_id == user_id
    ]
    return changes.count(BOOKED[1]) > changes.count(RESTORED[1])


def _of_user(user: User, request: Request, args: dict[str, Any]) -> list[AppointmentCredit]:
    if not request.me.sees_patient(user.id):
        return []
    wanted = args.get("appointment_type_id")
    return [
        each
        for each in request.world.credits
        if each.user_id == user.id and wanted in (None, each.appointment_type_id)
    ]


def _changes(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List the history of a patient's credits, newest first."""
    user, kind = patient(request, args.get("user_id")), args.get("appointment_type_id")
    found = [
        each
        for each in request.world.credit_changes
        if user is not None and each.user_id == user.id and kind in (None, each.appointment_type_id)
    ]
    return page(found[::-1], args)


def _has_credit(kind: AppointmentType, request: Request, _: object) -> bool | None:
    """Return whether the key's owner has a credit of a type; a visitor has no answer."""
    if request.actor is None:
        return None
    return quantity_of(request.world, request.actor.user.id, kind.id) > 0


def _linked(table: str, name: str) -> Callable[..., Any]:
    def read(change: CreditChange, request: Request, _: object) -> Any:
        return getattr(request.world, table).get(getattr(change, name))

    return read


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.appointmentTypeCreditChanges": _changes,
    "User.appointment_type_credits": _of_user,
    "AppointmentType.clients_have_credit": _has_credit,
    "AppointmentTypeCredit.quantity": lambda each, *_: str(each.quantity),
    "AppointmentTypeCredit.form_id": lambda each, *_: each.id,
    "AppointmentTypeCredit.user_id": lambda each, *_: int(each.user_id),
    "AppointmentTypeCredit.appointment_type": lambda each, request, _: request.world.appointment_types.get(
        each.appointment_type_id
    ),
    "AppointmentCreditChange.credit_quantity": lambda each, *_: each.quantity,
    "AppointmentCreditChange.credit_change_event": lambda each, *_: each.event,
    "AppointmentCreditChange.credit_change_event_type": lambda each, *_: each.event_type,
    "AppointmentCreditChange.appointment": _linked("appointments", "appointment_id"),
    "AppointmentCreditChange.offering": _linked("offerings", "offering_id"),
    "AppointmentCreditChange.initiator": _linked("users", "initiator_id"),
}

"""Seats of group appointments: who has one, who waits for one, and how they are taken and given up.

Healthie calls a seat an inclusion. Its `external_uuid` lets whoever has it change that seat, without a key.
"""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from integrations.healthie_emulator.bookkeeping import visit_credits
from integrations.healthie_emulator.errors import not_allowed, not_signed_in, refused
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.scheduling.records import Appointment, Seat
from integrations.healthie_emulator.state import Actor, Request, World

NOT_FOUND = "Appointment inclusion not found"


def is_group(world: World, appointment: Appointment) -> bool:
    """Return whether an appointment is a group's: by its type."""
    kind = world.appointment_types.get(appointment.appointment_type_id)
    return bool(kind and kind.is_group)


def seats_of(
    world: World, appointment_id: str, *, waiting: bool = False, cancelled: bool = False
) -> list[Seat]:
    """List who has a place, or who waits for one, in the order in which they came; without those that gave it up."""
    return [
        seat
        for seat in world.seats
        if seat.appointment_id == appointment_id
        and seat.waiting == waiting
        and (cancelled or not seat.cancelled)
    ]


def listed_with(world: World, appointment_id: str) -> set[str]:
    """The patients in whose lists a group appointment is; whether those who gave their seat up, or wait, are among them is not documented."""
    switches = world.switches
    seats = seats_of(world, appointment_id, cancelled=switches.given_up_seats_listed)
    waiting = seats_of(world, appointment_id, waiting=True) if switches.attended_clients_list_waiting else []
    return {seat.user_id for seat in (*seats, *waiting)}


def seat_of(world: World, appointment_id: str, user_id: str) -> Seat | None:
    """Return a patient's standing seat or place on the waitlist."""
    return next(
        (
            seat
            for seat in world.seats
            if seat.appointment_id == appointment_id and seat.user_id == user_id and not seat.cancelled
        ),
        None,
    )


def is_full(world: World, group: Appointment) -> bool:
    """Return whether every place is taken; a group without `max_attendees` has no end of them."""
    most = group.max_attendees or ""
    return most.isdecimal() and len(seats_of(world, group.id)) >= int(most)


def take(world: World, group: Appointment, user_id: str, *, waiting: bool = False) -> Seat:
    """Give a patient a seat, or a place on the waitlist; whoever has one keeps it."""
    standing = seat_of(world, group.id, user_id)
    if standing is not None:
        return standing
    seat = world.seats.add(
        appointment_id=group.id,
        user_id=user_id,
        waiting=waiting,
        external_uuid=str(
            uuid.uuid5(uuid.NAMESPACE_OID, f"{world.seed}:{group.id}:{user_id}:{len(world.seats)}")
        ),
    )
    if not waiting:
        world.emit("appointment.patient_added", "Appointment", group.id)
    return seat


def book(request: Request, group: Appointment, user_id: str) -> None:
    """Give a patient a seat and use a credit for it; whoever has a seat keeps it, and who waits for one goes on waiting."""
    if seat_of(request.world, group.id, user_id) is None:
        take(request.world, group, user_id)
        visit_credits.use(request, group, user_id=user_id)


def give_up(world: World, seat: Seat, *, by: User | None, **reason: Any) -> Seat:
    """Cancel a seat; its credit comes back where the practice says so, and the first one on the waitlist gets the seat."""
    now = world.clock.now()
    seat = world.seats.change(
        seat.id,
        cancelled=True,
        cancelled_at=now,
        cancelled_by_id=by.id if by else None,
        **{name: value for name, value in reason.items() if value is not None},
    )
    group = world.appointments[seat.appointment_id]
    if not seat.waiting:
        world.emit("appointment.patient_removed", "Appointment", group.id)
        visit_credits.give_back(world, group, seat.user_id, by=by)
        _seat_the_next(world, group)
    return seat


def _seat_the_next(world: World, group: Appointment) -> None:
    following = next(iter(seats_of(world, group.id, waiting=True)), None)
    if following is not None and not is_full(world, group):
        world.seats.change(following.id, waiting=False)
        world.emit("appointment.patient_added", "Appointment", group.id)
        own = Request(world=world, actor=Actor(user=world.users[following.user_id]))
        visit_credits.use(own, group, user_id=following.user_id)


def attend(request: Request, group: Appointment, user_ids: Iterable[str], *, instead: bool = False) -> None:
    """Give seats to these patients; with `instead` the others lose theirs."""
    world, by = request.world, request.me.user
    wanted = list(dict.fromkeys(user_ids))
    if instead:
        for seat in seats_of(world, group.id):
            if seat.user_id not in wanted:
                give_up(world, seat, by=by)
    for user_id in wanted:
        book(request, group, user_id)


def by_uuid(world: World, external_uuid: object) -> Seat | None:
    """Return the seat that a uuid names."""
    return next((seat for seat in world.seats if external_uuid and seat.external_uuid == external_uuid), None)


def _one(request: Request, args: dict[str, Any]) -> Seat | None:
    """Read a seat: by its uuid without a key, by its id with one that may see the patient."""
    if args.get("uuid"):
        return by_uuid(request.world, args["uuid"])
    if request.actor is None:
        raise not_signed_in()
    return _visible(request, args.get("id"))


def _visible(request: Request, seat_id: object) -> Seat | None:
    seat = request.world.seats.get(seat_id)
    return seat if seat and request.me.sees_patient(seat.user_id) else None


def _update(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """Confirm or give up a seat; whether somebody was there only staff say."""
    seat = _visible(request, given.get("id"))
    if seat is None:
        return refused(NOT_FOUND, field="id", appointment_inclusion=None)
    if given.get("attended") is not None:
        if request.me.is_patient:
            raise not_allowed()
        seat = request.world.seats.change(seat.id, attended=given["attended"])
    if given.get("confirmed") is not None:
        seat = request.world.seats.change(seat.id, confirmed=given["confirmed"])
    if given.get("cancelled") and not seat.cancelled:
        seat = give_up(
            request.world, seat, by=request.me.user, cancellation_reason=given.get("cancellation_reason")
        )
    return {"appointment_inclusion": seat, "messages": None}


def _of_appointment(each: Appointment, request: Request, *, waiting: bool = False) -> list[Seat]:
    """List an appointment's seats for the actor: a patient sees the own one only; a single visit has one seat."""
    world = request.world
    if each.user_id is not None:
        return [] if waiting else [_single(world, each, each.user_id)]
    me = request.actor
    return [
        seat
        for seat in seats_of(world, each.id, waiting=waiting, cancelled=not waiting)
        if me is not None and me.sees_patient(seat.user_id)
    ]


def _attended(each: Appointment, request: Request, _args: dict[str, Any]) -> list[Seat]:
    """List an appointment's seats; whether the places on its waitlist are among them is not documented: a switch."""
    listed = _of_appointment(each, request)
    if not request.world.switches.attended_clients_list_waiting or each.user_id is not None:
        return listed
    return [*listed, *_of_appointment(each, request, waiting=True)]


def _single(world: World, each: Appointment, user_id: str) -> Seat:
    cancelled = each.pm_status == "Cancelled"
    return Seat(
        id=f"9{each.id}",
        created_at=each.created_at,
        updated_at=each.updated_at,
        appointment_id=each.id,
        user_id=user_id,
        external_uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{world.seed}:{each.id}")),
        attended=each.pm_status == "Occurred",
        confirmed=each.client_confirmed,
        cancelled=cancelled,
        cancelled_at=each.pm_status_changed_at if cancelled else None,
        other_cancellation_reason=each.other_cancellation_reason,
    )


def _people(seats: list[Seat], request: Request) -> list[User]:
    return [request.world.users[seat.user_id] for seat in seats if not seat.cancelled]


def _user(seat: Seat, request: Request, _args: dict[str, Any]) -> User | None:
    return request.world.users.get(seat.user_id)


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.appointmentInclusion": _one,
    "Mutation.updateAppointmentInclusion": _update,
    "AppointmentInclusionType.appointment": lambda seat, request, _: request.world.appointments.get(
        seat.appointment_id
    ),
    "AppointmentInclusionType.cancelled_by": lambda seat, request, _: request.world.users.get(
        seat.cancelled_by_id
    ),
    "AppointmentInclusionType.user": _user,
    "Appointment.attended_clients": _attended,
    "Appointment.attendees": lambda each, request, _: (
        [request.world.users[each.user_id]]
        if each.user_id
        else _people(_of_appointment(each, request), request)
    ),
    "Appointment.attendees_on_waitlist": lambda each, request, _: _people(
        _of_appointment(each, request, waiting=True), request
    ),
    "Appointment.is_group": lambda each, request, _: is_group(request.world, each),
    "Appointment.appointment_category": lambda each, request, _: (
        "Group" if is_group(request.world, each) else "Individual"
    ),
    "Appointment.appointment_inclusions_count": lambda each, request, _: (
        1 + len(each.provider_ids) + (1 if each.user_id else len(seats_of(request.world, each.id)))
    ),
}

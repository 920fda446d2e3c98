"""Appointment queries: one, and lists with Healthie's filters. Fields are in scheduling/fields.py."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from integrations.healthie_emulator import dates
from integrations.healthie_emulator.booking import visible
from integrations.healthie_emulator.connections import in_order, page
from integrations.healthie_emulator.people import licensed_in
from integrations.healthie_emulator.scheduling import policy, seats
from integrations.healthie_emulator.scheduling.fields import title_of
from integrations.healthie_emulator.scheduling.records import Appointment
from integrations.healthie_emulator.state import Request

ORDERS: dict[str, Callable[[Appointment], Any]] = {
    "DATE": lambda each: each.starts_at,
    "CREATED_AT": lambda each: each.created_at,
    "UPDATED_AT": lambda each: each.updated_at,
}

DIDNT_OCCUR = "didnt-occur"

Test = Callable[[Appointment], bool]


def _one(request: Request, args: dict[str, Any]) -> Appointment | None:
    return visible(request, args.get("id"), deleted=bool(args.get("include_deleted")))


def _many(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List appointments that are not deleted.

    A member's key lists its owner's own unless `is_org`, a patient or a clinician is asked for. Without a `filter` only
    future ones are listed; inactive ones (cancelled, moved, missed) only `with_all_statuses`, by their status or with
    the filter `didnt-occur`.
    """
    tests = [
        _by_people(request, args),
        _by_range(request, args),
        _by_filter(request, args),
        _by_status(args),
        _by_kind(request, args),
        _by_flags(args),
    ]
    found = (
        each
        for each in request.world.appointments
        if visible(request, each.id) and all(passes(each) for passes in tests)
    )
    order = str(args.get("order_by") or (args.get("sort_by") or "").upper() or "DATE_ASC")
    return page(in_order(found, {"order_by": order}, ORDERS), args)


def _by_people(request: Request, args: dict[str, Any]) -> Test:
    world, me = request.world, request.me
    clinicians = _ids(args, "provider_id", "provider_ids")
    patients = _ids(args, "user_id", "attendee_ids")
    state = args.get("state_license") if args.get("is_org") else None
    if not (clinicians or patients or args.get("is_org") or me.is_patient):
        clinicians = {me.user.id}

    def passes(each: Appointment) -> bool:
        seated = {each.user_id, *seats.listed_with(world, each.id)}
        return (
            (not clinicians or bool(clinicians & {each.provider_id, *each.provider_ids}))
            and (not patients or bool(patients & seated))
            and (not state or licensed_in(world, each.provider_id, state))
        )

    return passes


def _ids(args: dict[str, Any], one: str, several: str) -> set[str]:
    """Read an id and a list of ids: the list overrides the single one."""
    listed = {each for each in args.get(several) or () if each}
    return listed or {each for each in [args.get(one)] if each}


def _by_range(request: Request, args: dict[str, Any]) -> Test:
    """Read the range: `startDate` and `endDate` count together only."""
    zone, now = request.zone, request.world.clock.now()
    first = last = None
    if args.get("startDate") and args.get("endDate"):
        first, last = dates.read(args["startDate"], zone), _end(args["endDate"], zone)
    only = dates.read_day(args["specificDay"], zone) if args.get("specificDay") else None
    local = dates.zone_named(zone)
    this_week = now.astimezone(local).isocalendar()[:2] if args.get("currentWeek") else None

    def passes(each: Appointment) -> bool:
        day = each.starts_at.astimezone(local)
        return (
            only in {None, day.date()}
            and (this_week is None or day.isocalendar()[:2] == this_week)
            and (first is None or each.starts_at >= first)
            and (last is None or each.starts_at <= last)
        )

    return passes


def _end(text: str, zone: str) -> datetime:
    moment = dates.read(text, zone)
    return moment + timedelta(days=1) if dates.names_only_a_day(text) else moment


def _by_filter(request: Request, args: dict[str, Any]) -> Test:
    """Read `filter`: past and future by the start, ended and upcoming by the end.

    Whether a range or a day without a filter lists what is past is not documented: a switch.
    """
    now = request.world.clock.now()
    ranged = (
        args.get("specificDay") or args.get("currentWeek") or (args.get("startDate") and args.get("endDate"))
    )
    if request.world.switches.ranges_list_future_only:
        ranged = False
    chosen = (args.get("filter") or ("all" if ranged else "future")).lower()
    if args.get("is_upcoming"):
        chosen = "upcoming"
    tests: dict[str, Test] = {
        "future": lambda each: each.starts_at >= now,
        "past": lambda each: each.starts_at < now,
        "upcoming": lambda each: policy.end_of(each) > now,
        "ended": lambda each: policy.end_of(each) <= now,
    }
    return tests.get(chosen, lambda _: True)


def _by_status(args: dict[str, Any]) -> Test:
    """Read which statuses are listed: `with_all_statuses` comes before `didnt-occur` and `is_active`."""
    listed = {each for each in args.get("filter_by_appointment_statuses") or () if each}
    wanted = listed or {each for each in [args.get("filter_by_appointment_status")] if each}
    missed = (args.get("filter") or "").lower() == DIDNT_OCCUR

    def passes(each: Appointment) -> bool:
        if wanted:
            return each.pm_status in wanted
        if args.get("without_status"):
            return each.pm_status is None
        if args.get("with_all_statuses"):
            return True
        return policy.is_active(each) is not missed

    return passes


def _by_kind(request: Request, args: dict[str, Any]) -> Test:
    kinds = _ids(args, "filter_by_appointment_type_id", "filter_by_appointment_type_ids")
    places = _ids(args, "filter_by_location_id", "filter_by_appointment_location_ids")
    contacts = {
        each.strip() for each in (args.get("filter_by_contact_types") or "").split(",") if each.strip()
    }
    words = (args.get("keywords") or "").lower()

    def passes(each: Appointment) -> bool:
        return (
            (not kinds or each.appointment_type_id in kinds)
            and (not places or each.appointment_location_id in places)
            and (not contacts or each.contact_type in contacts)
            and words in title_of(each, request).lower()
        )

    return passes


def _by_flags(args: dict[str, Any]) -> Test:
    by_provider = args.get("filter_by_provider_confirmed")
    if args.get("is_confirmed") is not None:
        by_provider = args["is_confirmed"]
    if args.get("unconfirmed"):
        by_provider = False

    def passes(each: Appointment) -> bool:
        return (
            by_provider in {None, each.confirmed}
            and args.get("filter_by_client_confirmed") in {None, each.client_confirmed}
            and (not args.get("exclude_appointments_with_invoice") or each.requested_payment_id is None)
            and (not args.get("is_with_clients") or not each.is_blocker)
            and (not args.get("with_others") or not each.is_blocker)
            and args.get("show_appointments") is not False
        )

    return passes


RESOLVERS: dict[str, Callable[..., Any]] = {"Query.appointment": _one, "Query.appointments": _many}

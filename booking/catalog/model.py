"""The catalog's model: plans, visit types, clinicians, locations and the booking policy."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Self

from booking.money import Money


class ContactType(StrEnum):
    """How patient and clinician meet."""

    VIDEO = "video"
    PHONE = "phone"
    IN_PERSON = "in_person"


class BillingFrequency(StrEnum):
    """How often a plan bills."""

    ONE_TIME = "one_time"
    WEEKLY = "weekly"
    BIWEEKLY = "biweekly"
    EVERY_4_WEEKS = "every_4_weeks"
    EVERY_8_WEEKS = "every_8_weeks"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"

    @property
    def recurs(self) -> bool:
        """Whether the patient is billed again without asking."""
        return self is not BillingFrequency.ONE_TIME


@dataclass(frozen=True, kw_only=True)
class VisitType:
    """A type of visit that patients may book themselves."""

    id: str
    name: str
    description: str | None
    minutes: int
    contact_types: tuple[ContactType, ...]
    price: Money | None  # of a single visit without a plan; None: the practice names no price
    clinician_ids: frozenset[str] | None  # None: every clinician of the practice offers it
    # How far ahead it must be booked; None: as the practice's policy says.
    schedule_notice: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class GroupType(VisitType):
    """A type of group visit: the practice plans the visits, and patients take seats in them. The price is of one seat."""

    has_waitlist: bool = False


@dataclass(frozen=True, kw_only=True)
class PlanVisits:
    """Visits that a plan includes."""

    visit_type_id: str
    quantity: int | None  # None: without limit


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Something a patient can buy: a bundle of visits, once or recurring."""

    id: str
    name: str
    description: str | None
    price: Money  # of each period
    due_today: Money  # what buying it charges now, before any promo code, taxes included
    frequency: BillingFrequency
    payments: int | None  # the number of payments of a limited recurring plan; None: until cancelled
    visits: tuple[PlanVisits, ...]
    sold_out: bool

    def includes(self, visit_type_id: str) -> bool:
        """Whether a visit of this type is part of the plan."""
        return any(visit.visit_type_id == visit_type_id for visit in self.visits)


@dataclass(frozen=True, kw_only=True)
class Clinician:
    """A clinician; bookable only once an API key was proved to be theirs (see `key_proofs`)."""

    id: str
    name: str
    qualifications: str | None
    time_zone: str  # IANA
    licensed_in: frozenset[str]  # two-letter US states

    def may_treat_in(self, state: str) -> bool:
        """Whether they are licensed for patients in this state (two letters, any case)."""
        return state.upper() in self.licensed_in


@dataclass(frozen=True, kw_only=True)
class Location:
    """A place for in-person visits."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class BookingPolicy:
    """The practice's booking rules; None where it states none."""

    schedule_notice: timedelta | None
    cancel_notice: timedelta | None
    late_cancellation_fee: Money | None
    no_show_fee: Money | None

    def bookable_until(self, start: datetime) -> datetime:
        """The latest moment at which a visit with this start may be booked."""
        return start - (self.schedule_notice or timedelta())

    def is_too_late(self, start: datetime, now: datetime) -> bool:
        """Whether it can no longer be booked: it has begun, or the schedule notice has passed."""
        return now >= start or now > self.bookable_until(start)


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """One reading of everything public that changes rarely; may be cached for a minute (see `cached`)."""

    plans: tuple[Plan, ...]
    visit_types: tuple[VisitType, ...]
    clinicians: tuple[Clinician, ...]  # bookable ones only
    locations: tuple[Location, ...]
    policy: BookingPolicy
    group_types: tuple[
        GroupType, ...
    ] = ()  # none of them is among the visit types: no free time is searched for them

    def plan(self, plan_id: str) -> Plan | None:
        """The plan with this id, if it is offered."""
        return next((plan for plan in self.plans if plan.id == plan_id), None)

    def visit_type(self, visit_type_id: str) -> VisitType | None:
        """The visit type with this id, if patients may book it."""
        return next((kind for kind in self.visit_types if kind.id == visit_type_id), None)

    def group_type(self, visit_type_id: str) -> GroupType | None:
        """The type of group visits with this id, if patients may join them."""
        return next((kind for kind in self.group_types if kind.id == visit_type_id), None)

    def clinician(self, clinician_id: str) -> Clinician | None:
        """The clinician with this id, if bookable."""
        return next((person for person in self.clinicians if person.id == clinician_id), None)

    def location(self, location_id: str) -> Location | None:
        """The location with this id, if patients may meet there."""
        return next((place for place in self.locations if place.id == location_id), None)

    def clinicians_for(
        self, *, visit_type_id: str | None = None, state: str | None = None
    ) -> tuple[Clinician, ...]:
        """Bookable clinicians who offer the visit type and are licensed in the state, where given."""
        kind = self.visit_type(visit_type_id) if visit_type_id else None
        if visit_type_id and kind is None:
            return ()
        return tuple(
            person
            for person in self.clinicians
            if (state is None or person.may_treat_in(state))
            and (kind is None or kind.clinician_ids is None or person.id in kind.clinician_ids)
        )

    def plans_for(self, *, state: str | None = None, keyword: str | None = None) -> tuple[Plan, ...]:
        """Plans with at least one visit that is bookable in the state; `keyword` is searched in name and description, any case."""
        word = (keyword or "").strip().casefold()
        return tuple(
            plan
            for plan in self.plans
            if (not word or word in f"{plan.name} {plan.description or ''}".casefold())
            and (
                state is None
                or any(
                    self.clinicians_for(visit_type_id=visit.visit_type_id, state=state)
                    for visit in plan.visits
                )
            )
        )

    def without(self, clinician_ids: frozenset[str]) -> Self:
        """A copy without these clinicians: the same one as last time, for the same clinicians."""
        return self._copy("without", clinician_ids, lambda person: person.id not in clinician_ids)

    def only(self, clinician_ids: frozenset[str]) -> Self:
        """A copy with no other clinicians than these: the same one as last time, for the same clinicians."""
        return self._copy("only", clinician_ids, lambda person: person.id in clinician_ids)

    def _copy(self, rule: str, ids: frozenset[str], has: Callable[[Clinician], bool]) -> Self:
        last = self._copies.get(rule)
        if last is None or last[0] != ids:
            people = tuple(filter(has, self.clinicians))
            copy = replace(self, clinicians=people) if len(people) < len(self.clinicians) else None
            last = self._copies[rule] = ids, copy
        return self if last[1] is None else last[1]

    @cached_property
    def _copies(self) -> dict[str, tuple[frozenset[str], Self | None]]:
        """The latest copy by each rule (None: the catalog itself), so that what is made of a copy can be remembered by it."""
        return {}

    def policy_for(self, visit_type: VisitType) -> BookingPolicy:
        """The policy for visits of this type: its own rules, and the practice's where it has none."""
        if visit_type.schedule_notice is None:
            return self.policy
        return replace(self.policy, schedule_notice=visit_type.schedule_notice)

    def needs_plan(self, visit_type: VisitType) -> bool:
        """Whether the visit is sold only through a plan: it has no price of its own, and some plan includes it."""
        return visit_type.price is None and any(plan.includes(visit_type.id) for plan in self.plans)

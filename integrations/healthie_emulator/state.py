"""The whole state of one emulated practice: its tables, clock, switches and outbox, in one object.

Nothing is kept at module level: a reset is a new `World`.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from graphql import GraphQLError

from integrations.healthie_emulator import money_records as money
from integrations.healthie_emulator import records as practice
from integrations.healthie_emulator import webhook_events
from integrations.healthie_emulator import webhook_records as webhooks
from integrations.healthie_emulator.clock import Clock
from integrations.healthie_emulator.errors import not_signed_in
from integrations.healthie_emulator.faults import Faults
from integrations.healthie_emulator.records import Record
from integrations.healthie_emulator.resources.kinds import FIRST_TABLE, KINDS, Item
from integrations.healthie_emulator.scheduling import records as scheduling
from integrations.healthie_emulator.stripe import FakeStripe
from integrations.healthie_emulator.switches import Switches
from integrations.healthie_emulator.throttle import Throttle

R = TypeVar("R", bound=Record)

ID_SPACING = 100_000  # ids of different kinds never coincide, so a mixed-up id cannot pass a test by luck


class Table(Generic[R]):
    """The records of one kind, in the order in which they were made."""

    def __init__(self, kind: type[R], *, clock: Clock, first_id: int) -> None:
        self._kind = kind
        self._clock = clock
        self._next_id = first_id
        self._rows: dict[str, R] = {}

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, record_id: str) -> R:
        return self._rows[record_id]

    def get(self, record_id: object) -> R | None:
        """Return the record of that id, which may be a number or a string; None if there is none."""
        return None if record_id is None else self._rows.get(str(record_id))

    def new_id(self) -> str:
        """Return the next id: a number as text, never given before."""
        self._next_id += 1
        return str(self._next_id - 1)

    def add(self, **values: Any) -> R:
        """Make a record; its id and its two dates are given unless they stand in `values`."""
        now = self._clock.now()
        given = {"created_at": now, "updated_at": now, **values}
        record = self._kind(**given if "id" in given else {"id": self.new_id(), **given})
        self._rows[record.id] = record
        return record

    def change(self, record_id: str, **changes: Any) -> R:
        """Put a changed record in the place of the old one and answer it."""
        changes = {"updated_at": self._clock.now(), **changes}
        self._rows[record_id] = dataclasses.replace(self._rows[record_id], **changes)
        return self._rows[record_id]

    def remove(self, record_id: str) -> R | None:
        """Forget a record."""
        return self._rows.pop(record_id, None)


@dataclasses.dataclass(kw_only=True)
class Permissions:
    """What was taken from members of the practice, and how Healthie says so. All is granted at first."""

    FORMS: ClassVar[tuple[str, ...]] = ("both", "messages", "sentence", "unauthorized", "code")

    without: dict[str, set[str]] = dataclasses.field(default_factory=dict)  # by user id
    form: str = "both"  # of a refusal; reads have no `messages`
    reads_find_nothing: bool = False  # a read without the permission is empty, instead of refused
    members_are_seen: bool = True  # a key reads other members' permissions, not only its owner's


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """Work that is done in the background."""

    due_at: datetime
    work: Callable[[], None]


class World:
    """One practice. A single event loop owns it; what does not await is atomic."""

    def __init__(self, *, seed: int, clock: Clock) -> None:
        self.seed = seed
        self.clock = clock
        self.switches = Switches()
        self.permissions = Permissions()
        self.faults = Faults(seed=seed)
        self.throttle = Throttle()
        self.stripe = FakeStripe(seed=seed, now=clock.now)
        self.outbox: list[webhooks.Event] = []
        self.outbox_filled = asyncio.Event()
        self.deliveries: list[webhooks.Delivery] = []  # first come, first served, once due
        self.mails: list[webhooks.Mail] = []
        self.delivering = asyncio.Lock()
        self._kinds = 0
        self.organizations = self._table(practice.Organization)
        self.users = self._table(practice.User)
        self.locations = self._table(practice.Location)
        self.api_keys = self._table(practice.ApiKey)
        self.state_licenses = self._table(practice.StateLicense)
        self.appointment_types = self._table(scheduling.AppointmentType)
        self.appointment_locations = self._table(scheduling.AppointmentLocation)
        self.appointment_settings = self._table(scheduling.AppointmentSetting)
        self.offerings = self._table(practice.Offering)
        self.weekly_hours = self._table(scheduling.WeeklyHours)
        self.openings = self._table(scheduling.Opening)
        self.appointments = self._table(scheduling.Appointment)
        self.cards = self._table(money.Card)
        self.billing_items = self._table(money.BillingItem)
        self.refund_items = self._table(money.RefundItem)
        self.recurring_payments = self._table(money.RecurringPayment)
        self.requested_payments = self._table(money.RequestedPayment)
        self.package_selections = self._table(money.PackageSelection)
        self.coupons = self._table(money.Coupon)
        self.webhooks = self._table(webhooks.Webhook)
        self.sent_webhooks = self._table(webhooks.SentWebhook)
        self.charge_backs = self._table(money.ChargeBack)
        self.forms = self._table(practice.FormAnswerGroup)
        self.seats = self._table(scheduling.Seat)
        self.series = self._table(scheduling.Series)
        self.appointment_requests = self._table(scheduling.AppointmentRequest)
        self.cancellation_reasons = self._table(scheduling.CancellationReason)
        self.write_offs = self._table(money.WriteOff)
        self.credits = self._table(money.AppointmentCredit)
        self.credit_changes = self._table(money.CreditChange)
        self.super_bills = self._table(money.SuperBill)
        self.items = {
            kind: self._table(Item, number=number) for number, kind in enumerate(KINDS, FIRST_TABLE)
        }
        self.jobs: list[Job] = []  # what Healthie does in the background, once it is due

    @property
    def organization(self) -> practice.Organization:
        """The one practice that there is."""
        return next(iter(self.organizations))

    @property
    def settings(self) -> scheduling.AppointmentSetting:
        """The practice's policy."""
        return next(iter(self.appointment_settings))

    def emit(
        self,
        event_type: str,
        resource_id_type: str,
        resource_id: str,
        changed_fields: tuple[str, ...] | None = None,
        **more_ids: Any,
    ) -> None:
        """Add an event to the outbox of the webhooks, such as `appointment.updated` of an `Appointment`.

        Raises LookupError for an event that `webhook_events` does not list as sent.
        """
        if event_type not in webhook_events.SENT:
            raise LookupError(f"{event_type} is not listed as sent")
        self.outbox.append(
            webhooks.Event(
                event_type=event_type,
                resource_id=resource_id,
                resource_id_type=resource_id_type,
                changed_fields=webhook_events.changed_fields(event_type, changed_fields),
                at=self.clock.now(),
                more_ids=webhook_events.more_ids(self, event_type, resource_id) | more_ids,
            )
        )
        self.outbox_filled.set()

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Do something in the background, as soon as the clock has moved on by so many seconds."""
        self.jobs.append(Job(due_at=self.clock.now() + timedelta(seconds=seconds), work=work))

    def run_due_jobs(self) -> None:
        """Do what has come due since, oldest first."""
        now = self.clock.now()
        due = [job for job in self.jobs if job.due_at <= now]
        self.jobs = [job for job in self.jobs if job.due_at > now]
        for job in due:
            job.work()

    def _table(self, kind: type[R], *, number: int | None = None) -> Table[R]:
        if number is None:
            self._kinds += 1
            number = self._kinds
        return Table(kind, clock=self.clock, first_id=number * ID_SPACING + self.seed % 1000 + 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Actor:
    """The user whose key a request has."""

    user: practice.User

    @property
    def is_patient(self) -> bool:
        """Return whether the key is a patient's: it sees that patient and nobody else."""
        return self.user.is_patient

    @property
    def is_admin(self) -> bool:
        """Return whether the key acts for the whole practice."""
        return self.user.is_owner or self.user.is_org_admin

    def sees_patient(self, user_id: str | None) -> bool:
        """Return whether records of this patient exist for the actor; staff share the practice's patients."""
        return not self.is_patient or user_id == self.user.id


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """One GraphQL request while it is executed: what every resolver is given."""

    world: World
    actor: Actor | None  # None: no key, as a visitor of the public plans
    errors: list[GraphQLError] = dataclasses.field(default_factory=list)  # beside the data
    base_url: str = ""  # of this emulator, as the caller reached it; ends with a slash

    @property
    def me(self) -> Actor:
        """The actor; what is not public refuses a request without a key."""
        if self.actor is None:
            raise not_signed_in()
        return self.actor

    @property
    def zone(self) -> str:
        """The IANA name of the zone in which times are written and, without a `timezone`, read."""
        return self.actor.user.timezone if self.actor else "UTC"

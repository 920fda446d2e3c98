"""Ground: what a rehearsal stands on: the accounts that act, the names that everything carries, the times, and how a thing is made once."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from integrations.healthie.generated.client import Client
from integrations.healthie.permission_check import PermissionCheck
from integrations.healthie.rehearsal.asking import Account, Reply, Unknown
from integrations.healthie.rehearsal.listening import Ear
from integrations.healthie.rehearsal.notebook import Notebook
from integrations.healthie.version_choice import VersionChoice

# Far enough away that no real patient is offered the time, near enough for calendars that end after a year.
DAYS_AHEAD = 200
FIRST_HOUR, LAST_HOUR = 14, 23  # UTC, in working hours of American time zones
MINUTES = 30  # of one visit
PLACES = (LAST_HOUR - FIRST_HOUR) * 60 // MINUTES  # visits in a day
ZONE = "UTC"
CONTACT = "Healthie Video Call"
CARD = "tok_visa"  # Stripe's test card; a live account refuses it
PRICE = "1.00"

# In English whatever the locale, as Healthie's guide on availability wants a day.
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

Find = Callable[[], Awaitable[str | None]]
Listed = Callable[[], Awaitable[list[str]]]
Make = Callable[[], Awaitable[Reply]]


class Ground:
    """The accounts, names and times of one rehearsal. Every method raises Unknown when Healthie refuses."""

    def __init__(
        self,
        *,
        notebook: Notebook,
        organization: Account,
        clinician: Account,
        client: Callable[[str], Client],
        versions: VersionChoice,
        permissions: PermissionCheck,
        ear: Ear | None = None,
    ) -> None:
        """`client` makes a client of a key. `ear`: where Healthie can deliver webhooks; without it none is asked for."""
        self.notebook = notebook
        self.organization = organization
        self.clinician = clinician
        self.client = client
        self.versions = versions
        self.permissions = permissions
        self.ear = ear

    @property
    def name(self) -> str:
        """The name that everything carries."""
        return f"Frontdoor rehearsal {self.notebook.pages.run}"

    @property
    def email(self) -> str:
        """The synthetic patient's email; nobody can receive it (RFC 2606)."""
        return f"rehearsal-{self.notebook.pages.run}@example.com"

    @property
    def people_names(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """First and last name of the synthetic patient, and of those without an email."""
        run = self.notebook.pages.run
        return ("Rehearsal", f"Frontdoor {run}"), ("Rehearsal", f"Namesake {run}")

    @property
    def days_ahead(self) -> int:
        """How many days from now the visits are."""
        return DAYS_AHEAD

    @property
    def day(self) -> datetime:
        """The day of the working hours, at midnight UTC; visits are on it and on the days after."""
        far = self.notebook.pages.started_at + timedelta(days=DAYS_AHEAD)
        return far.replace(hour=0, minute=0, second=0, microsecond=0)

    async def once(self, kind: str, *, find: Find, make: Make) -> str:
        """The id of the thing of that kind, which is made if it was not yet. What was interrupted while it was made is looked for first."""
        made, intended = self.notebook.pages.made, self.notebook.pages.intended
        if kind in made:
            return made[kind]
        found = await find() if kind in intended else None
        if found is None:
            self.notebook.intend(kind)
            found = self.created(await make())
        self.notebook.note_made(kind, found)
        return found

    async def once_nameless(self, kind: str, *, listed: Listed, make: Make) -> str:
        """As `once`, for a thing that carries no name; `listed` are the ids of those like it, other people's too."""
        pages = self.notebook.pages
        if kind not in pages.made and kind not in pages.intended:
            pages.others[kind] = await listed()
        return await self.once(kind, find=lambda: self.own(kind, listed), make=make)

    async def own(self, kind: str, listed: Listed) -> str | None:
        """The nameless thing of that kind that was made, noted or not; what was there before is never taken for it.

        Raises Unknown when others like it have come meanwhile: which one is the rehearsal's is for a person to say.
        """
        pages = self.notebook.pages
        if kind in pages.made:
            return pages.made[kind]
        if kind not in pages.intended or kind not in pages.others:
            return None
        found = [each for each in await listed() if each not in pages.others[kind]]
        if len(found) > 1:
            raise Unknown(f"{kind}: one of {', '.join(found)} is the rehearsal's")
        return next(iter(found), None)

    def created(self, reply: Reply) -> str:
        """The id of what a mutation made. Raises Unknown if it was refused, or done silently not at all."""
        value = reply.require() or {}
        records = (each for key, each in value.items() if key not in {"messages", "stripeError"})
        record = next((each for each in records if isinstance(each, dict) and each.get("id")), None)
        if record is None:
            raise self.nothing_done(reply)
        return str(record["id"])

    def nothing_done(self, reply: Reply) -> Unknown:
        """Note that a mutation answered as done and did nothing; the reason why a question has no answer then."""
        self.notebook.note_silent(reply.root)
        return Unknown(f"{reply.root} answered as done and did nothing")

    def next_time(self) -> datetime:
        """A time of the clinician's after the day of the working hours, never the same twice."""
        pages = self.notebook.pages
        days, place = divmod(pages.times_used, PLACES)
        pages.times_used += 1
        self.notebook.save()
        return self.day + timedelta(days=1 + days, hours=FIRST_HOUR, minutes=place * MINUTES)

    def key(self, name: str) -> str:
        """An idempotency key of this run."""
        return f"rehearsal-{self.notebook.pages.run}-{name}"


def wall_clock(at: datetime) -> str:
    """A time without offset, as `timezone` says how to read it."""
    return at.strftime("%Y-%m-%d %H:%M:%S")

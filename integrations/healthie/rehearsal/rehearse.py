"""Rehearsal: asks every question, then gives everything back."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from integrations.healthie.generated.client import Client
from integrations.healthie.permission_check import PermissionCheck
from integrations.healthie.rehearsal import rates
from integrations.healthie.rehearsal.asking import Account, LockedOut, Unknown, ask
from integrations.healthie.rehearsal.ground import DAYS_AHEAD
from integrations.healthie.rehearsal.listening import Ear
from integrations.healthie.rehearsal.notebook import Notebook
from integrations.healthie.rehearsal.profile import Profile
from integrations.healthie.rehearsal.questions import (
    Question,
    changes,
    forms,
    money,
    people,
    plan_credits,
    visit_changes,
    visits,
    wire,
)
from integrations.healthie.rehearsal.scene import Scene
from integrations.healthie.rehearsal.tidying import tidy
from integrations.healthie.version_choice import VersionChoice
from integrations.upstream.errors import CallError

QUESTIONS: Sequence[Question] = (
    *people.QUESTIONS,
    *visits.QUESTIONS,
    *visit_changes.QUESTIONS,
    *changes.QUESTIONS,
    *money.QUESTIONS,
    *plan_credits.QUESTIONS,
    *forms.QUESTIONS,
    *wire.QUESTIONS,
)

# Healthie's own sandbox (Healthie's guide on environments). Anything else must be a machine of one's own: an emulator.
SANDBOX = "staging-api.gethealthie.com"
LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "emulator"})

WILL_MAKE = (
    "one patient, synthetic, at example.com; two more without an email",
    "a few visit types that patients cannot book, one plan that is hidden, one form",
    f"working hours of one clinician on one day, {DAYS_AHEAD} days from now, visits then, and one as long ago",
    "two test cards, and charges of one dollar each, which a sandbox does not collect",
    "API keys of the patient, if the practice may make keys",
    "one webhook subscription, if an address for it is given",
)


class NotRehearsable(Exception):
    """The account is not one to rehearse on; the text says why."""


def require_sandbox(url: str) -> None:
    """Raise NotRehearsable unless the address is Healthie's sandbox or an emulator on this machine."""
    host = urlsplit(url).hostname or ""
    if host != SANDBOX and host not in LOCAL:
        raise NotRehearsable(
            f"{host} is no sandbox. A rehearsal books, charges and refunds: it runs on {SANDBOX} and on the emulator only."
        )


@dataclass(frozen=True, kw_only=True)
class Step:
    """One question that was answered, or not."""

    number: int
    of: int
    asks: str
    answer: Any = None
    unknown: str | None = None


class Rehearsal:
    """The rehearsal of one account."""

    def __init__(
        self,
        *,
        organization: Client,
        clinician: Client,
        clinician_id: str,
        client: Callable[[str], Client],
        unpaced: Client,
        versions: VersionChoice,
        permissions: PermissionCheck,
        now: Callable[[], datetime],
    ) -> None:
        self._organization = organization
        self._clinician = clinician
        self._clinician_id = clinician_id
        self._client = client
        self._unpaced = unpaced
        self._versions = versions
        self._permissions = permissions
        self._now = now

    async def scene(self, notebook: Notebook, ear: Ear | None = None) -> Scene:
        """The scene, once both keys are proved. Raises NotRehearsable, LockedOut."""
        try:
            await self._versions.choose()
        except CallError as error:
            raise NotRehearsable(f"Healthie could not be asked: {error}") from None
        owner = await _owner(self._organization, "the organization key")
        clinician = await _owner(self._clinician, f"the key of clinician {self._clinician_id}")
        if clinician != self._clinician_id:
            raise NotRehearsable(
                f"The key of clinician {self._clinician_id} is not theirs: it is that of user {clinician}."
            )
        if not notebook.belongs_to(f"{owner} {clinician}"):
            raise NotRehearsable(
                "The notebook is of a rehearsal with other keys, which alone can give back what it made: go on with those."
            )
        return Scene(
            notebook=notebook,
            organization=Account(id=owner, client=self._organization),
            clinician=Account(id=clinician, client=self._clinician),
            client=self._client,
            versions=self._versions,
            permissions=self._permissions,
            ear=ear,
        )

    async def ask_all(self, scene: Scene, questions: Sequence[Question] = QUESTIONS) -> AsyncIterator[Step]:
        """Ask what has no answer yet. Raises LockedOut; what was learned until then is in the notebook."""
        pages = scene.notebook.pages
        for number, question in enumerate(questions, start=1):
            if question.name in pages.answers or pages.tidied:
                continue
            step = Step(number=number, of=len(questions), asks=question.asks)
            try:
                answer = await question.ask(scene)
            except Unknown as why:
                scene.notebook.leave_open(question.name, str(why))
                yield replace(step, unknown=str(why))
            else:
                scene.notebook.answer(question.name, answer)
                yield replace(step, answer=answer)

    async def tidy(self, scene: Scene) -> list[str]:
        """Give everything back. Returns what is left. Raises LockedOut."""
        left = await tidy(scene)
        if not left:
            scene.notebook.pages.tidied = True
            scene.notebook.save()
        return left

    async def measure_rate(self, scene: Scene, up_to: float) -> Any:
        """Find out how many requests a second the clinician's key may send, and return it. Only once everything was given back."""

        async def look() -> None:
            (await ask(self._unpaced, "Me")).require()

        answer = await rates.measure(look, up_to)
        scene.notebook.answer("requests_per_second", answer)
        return answer

    def profile(self, scene: Scene) -> Profile:
        """What was learned."""
        return Profile.of(scene.notebook.pages, api_version=self._versions.used, now=self._now())


async def _owner(client: Client, name: str) -> str:
    """The id of a key's owner. Raises NotRehearsable, LockedOut."""
    try:
        return str((await ask(client, "Me")).require()["id"])
    except Unknown as why:
        raise NotRehearsable(f"Healthie does not say whose {name} is: {why}") from None


__all__ = ["WILL_MAKE", "LockedOut", "NotRehearsable", "Rehearsal", "Step", "require_sandbox"]

"""Patient search: finds records by keywords, active and archived ones alike, in few requests in a practice of any size.

Healthie finds patients only by keywords, each of which may stand anywhere in a name, an email, a date of birth or an identifier. So
an answer holds near matches too, and the caller compares.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from integrations.healthie.answers import Page, rest
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import PatientSearched

ACTIVE, ARCHIVED = "active", "archived"


@dataclass(frozen=True, kw_only=True)
class Found:
    """The records that an answer holds, near matches included."""

    active: Sequence[PatientSearched]
    archived: Sequence[PatientSearched]


class PatientSearch:
    """Searches with one client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def by_email(self, email: str, *, names: Sequence[str]) -> Found:
        """Records whose email may be this one: one request, or two where more emails contain it than fit on a page.

        The second request adds the names, which leaves hardly anybody else. Only names in ASCII: a search may take another
        composition of a letter for another letter. Pages are read on only where that is too many as well. Raises CallError.
        """
        keywords = email
        answer = await self._client.patients_by_email(keywords=keywords)
        narrower = " ".join([email, *(word for name in names for word in name.split() if word.isascii())])
        if narrower != email and (
            answer.active.page_info.has_next_page or answer.archived.page_info.has_next_page
        ):
            keywords = narrower
            answer = await self._client.patients_by_email(keywords=keywords)
        return Found(
            active=await self._all(answer.active, keywords, ACTIVE),
            archived=await self._all(answer.archived, keywords, ARCHIVED),
        )

    async def by_name(self, name: str, *, since: datetime) -> Found:
        """Records with these names that may have been created since: one request, as they are listed newest first.

        Pages are read on only while all that a page holds is as new. Raises CallError.
        """

        def is_older(person: PatientSearched) -> bool:
            return person.created_at is not None and person.created_at < since

        answer = await self._client.patients_by_name(keywords=name)
        return Found(
            active=await self._all(answer.active, name, ACTIVE, until=is_older),
            archived=await self._all(answer.archived, name, ARCHIVED, until=is_older),
        )

    async def _all(
        self,
        first: Page[PatientSearched],
        keywords: str,
        status: str,
        *,
        until: Callable[[PatientSearched], bool] | None = None,
    ) -> Sequence[PatientSearched]:
        return await rest(
            first,
            lambda after: self._client.more_patients(keywords=keywords, active_status=status, after=after),
            lambda answer: answer.users,
            until=until,
        )

"""Lists that are read from the latest change back: where the reading ends."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from integrations.healthie.answers import changed_since
from integrations.upstream.errors import ContractBroken

NOON = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)
BEFORE, LATER = NOON - timedelta(seconds=1), NOON + timedelta(hours=1)


class Listing:
    """Pages of nodes, each a date; the last page says that another follows when it `goes_on`, under no cursor."""

    def __init__(self, *pages: list[datetime | None], goes_on: bool = False) -> None:
        self._pages = pages
        self._goes_on = goes_on
        self.asked: list[str | None] = []

    async def fetch(self, after: str | None) -> Any:
        self.asked.append(after)
        number = int(after or 0)
        last = number + 1 == len(self._pages)
        return SimpleNamespace(
            nodes=[SimpleNamespace(updated_at=at) for at in self._pages[number]],
            page_info=SimpleNamespace(
                has_next_page=not last or self._goes_on, end_cursor=None if last else str(number + 1)
            ),
        )

    async def found(self) -> list[datetime]:
        answer = await changed_since(NOON, self.fetch, lambda page: page)
        return [at for _, at in answer]


@pytest.mark.parametrize("undated", [[None], [None, LATER], [LATER, None]])
async def test_a_record_without_a_date_ends_nothing(undated: list[datetime | None]) -> None:
    listing = Listing(undated, [NOON, BEFORE], [BEFORE])
    assert await listing.found() == [*[at for at in undated if at], NOON]
    assert listing.asked == [None, "1"]  # and a record from before does


async def test_a_further_page_that_cannot_be_asked_for_is_not_missing_silently() -> None:
    listing = Listing([LATER], [NOON], goes_on=True)
    with pytest.raises(ContractBroken):
        await listing.found()
    assert listing.asked == [None, "1"]


async def test_a_cursor_is_not_needed_once_the_moment_is_reached() -> None:
    assert await Listing([LATER, BEFORE], goes_on=True).found() == [LATER]

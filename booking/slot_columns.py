"""SlotColumns: the offered slots of one kind of visit in columns, from the system of record's answer to ours.

A search moves thousands of slots that differ in three values only. Columns of plain numbers and texts are cut, merged, compared and
encoded without an object for each slot; who reads one slot gets a `Slot`.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, compress, islice
from operator import eq
from typing import Self, TypeAlias, overload

from booking.catalog.model import ContactType
from booking.slots import Slot

# Start in seconds since 1970 (UTC), clinician, minutes.
Row: TypeAlias = tuple[int, str, int]


@dataclass(frozen=True, kw_only=True, slots=True, weakref_slot=True)
class SlotColumns(Sequence[Slot]):
    """Slots of one visit type, contact type and location, ordered by start, then clinician; no two have both in common.

    The three columns have the same length. Use `of_rows` for rows in any order.
    """

    visit_type_id: str
    contact_type: ContactType
    location_id: str | None  # set for in-person visits, and only for them
    starts: tuple[int, ...] = ()  # seconds since 1970, UTC
    clinician_ids: tuple[str, ...] = ()
    minutes: tuple[int, ...] = ()

    @classmethod
    def one(cls, slot: Slot) -> Self:
        """The slot alone."""
        return cls(
            visit_type_id=slot.visit_type_id,
            contact_type=slot.contact_type,
            location_id=slot.location_id,
            starts=(int(slot.start.timestamp()),),
            clinician_ids=(slot.clinician_id,),
            minutes=(slot.minutes,),
        )

    @property
    def rows(self) -> Iterator[Row]:
        """The slots as rows, in order."""
        return zip(self.starts, self.clinician_ids, self.minutes, strict=True)

    def of_rows(self, rows: Iterable[Row]) -> Self:
        """Slots of the same kind with these rows, which may come in any order; of rows with the same start and clinician one counts."""
        ordered = sorted(rows)
        if not ordered:
            return self._with((), (), ())
        starts, clinician_ids, minutes = zip(*ordered, strict=True)
        if _has_repeats(starts, clinician_ids):
            return self.of_rows(
                {(start, one): (start, one, length) for start, one, length in ordered}.values()
            )
        return self._with(starts, clinician_ids, minutes)

    def merged(self, others: Iterable[Self]) -> Self:
        """These slots and those of others of the same kind, such as the offers of other days."""
        return self.of_rows(chain(self.rows, *(other.rows for other in others)))

    def between(self, start: int, end: int | None = None) -> Self:
        """The slots that start within [start, end), in seconds since 1970; None: or later."""
        return self[bisect_left(self.starts, start) : None if end is None else bisect_left(self.starts, end)]

    def of_clinicians(self, clinician_ids: Collection[str]) -> Self:
        """The slots of these clinicians."""
        return self.selected([one in clinician_ids for one in self.clinician_ids])

    def selected(self, selectors: Sequence[object]) -> Self:
        """The slots whose selector is true; one for each slot."""
        return self._with(
            tuple(compress(self.starts, selectors)),
            tuple(compress(self.clinician_ids, selectors)),
            tuple(compress(self.minutes, selectors)),
        )

    def _with(
        self, starts: tuple[int, ...], clinician_ids: tuple[str, ...], minutes: tuple[int, ...]
    ) -> Self:
        return type(self)(
            visit_type_id=self.visit_type_id,
            contact_type=self.contact_type,
            location_id=self.location_id,
            starts=starts,
            clinician_ids=clinician_ids,
            minutes=minutes,
        )

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> Slot: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Slot | Self:
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise ValueError("slots are ordered: a slice takes every one")
            return self._with(self.starts[index], self.clinician_ids[index], self.minutes[index])
        return self._slot((self.starts[index], self.clinician_ids[index], self.minutes[index]))

    def __iter__(self) -> Iterator[Slot]:
        return map(self._slot, self.rows)

    def __contains__(self, slot: object) -> bool:
        if not isinstance(slot, Slot) or slot.start.microsecond:
            return False
        start = int(slot.start.timestamp())
        return slot in iter(self.between(start, start + 1))

    def _slot(self, row: Row) -> Slot:
        start, clinician_id, minutes = row
        return Slot(
            clinician_id=clinician_id,
            visit_type_id=self.visit_type_id,
            contact_type=self.contact_type,
            location_id=self.location_id,
            start=datetime.fromtimestamp(start, UTC),
            minutes=minutes,
        )


def _has_repeats(starts: Sequence[int], clinician_ids: Sequence[str]) -> bool:
    """Whether two that follow one another have both in common."""
    following = zip(islice(starts, 1, None), islice(clinician_ids, 1, None), strict=True)
    return any(map(eq, zip(starts, clinician_ids, strict=True), following))

"""An alert when strangers hold nearly all that they may of a clinician's day, once for each."""

from datetime import date

from booking.alerts import Watch
from booking.oversight import Attention


class DayHeldAlarm:
    """Raises `day_held`; its subject is the clinician's id and the day, in UTC."""

    def __init__(self, *, watch: Watch) -> None:
        self._watch = watch
        self._raised: set[tuple[str, date]] = set()

    async def __call__(self, clinician_id: str, day: date) -> None:
        """Raise it; the database is asked once for each day in this process, however long somebody goes on."""
        if (clinician_id, day) in self._raised:
            return
        if await self._watch.raise_or_log(Attention.DAY_HELD, f"{clinician_id} {day.isoformat()}"):
            self._raised.add((clinician_id, day))

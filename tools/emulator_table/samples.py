"""Records of an emulator to try operations on."""

import dataclasses
from datetime import timedelta

from integrations.healthie_emulator.state import Table, World
from tools.emulator_table.names import TYPES


@dataclasses.dataclass(frozen=True)
class Samples:
    """Records of an emulator by type, and a time at which its first clinician is free."""

    world: World

    def of(self, type_name: str) -> str | None:
        """The id of the first record of a type."""
        if type_name in {"User", "Patient", "Provider"}:
            wanted = "is_active_provider" if type_name == "Provider" else "is_patient"
            return next((each.id for each in self.world.users if getattr(each, wanted) and each.active), None)
        if type_name in self.world.items:
            return next((each.id for each in self.world.items[type_name]), None)
        for table in vars(self.world).values():
            for record in table if isinstance(table, Table) else ():
                if TYPES.get(type(record).__name__, type(record).__name__) == type_name:
                    return str(record.id)
        return None

    def email_of(self, type_name: str) -> str | None:
        """The address of the first patient or provider."""
        person = self.world.users.get(self.of(type_name))
        return person.email if person else None

    @property
    def day(self) -> str:
        """A working day to come."""
        day = self.world.clock.now().date() + timedelta(days=7)
        return (day - timedelta(days=max(day.weekday() - 4, 0))).isoformat()

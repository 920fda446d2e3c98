"""A key's pacing state as fields of a Redis hash: nested ones by a dotted name, numbers with every digit."""

from collections.abc import Mapping
from dataclasses import asdict, fields

from booking.pace_law import Counts, KeyState

_WHOLE = {each.name for each in fields(KeyState) if each.type in (int, "int")}
_COUNTS = {each.name for each in fields(KeyState) if each.type in (Counts, "Counts")}


def to_fields(state: KeyState) -> dict[str, str]:
    """The fields of the hash."""
    found: dict[str, str] = {}
    for name, value in asdict(state).items():
        if name in _COUNTS:
            found |= {f"{name}.{part}": repr(number) for part, number in value.items()}
        else:
            found[name] = repr(value)
    return found


def from_fields(kept: Mapping[str, str]) -> KeyState:
    """The state; what the hash lacks is as in a new one."""
    given: dict[str, float | int | Counts] = {
        name: Counts(second=float(kept.get(f"{name}.second", 0)), ten=float(kept.get(f"{name}.ten", 0)))
        for name in _COUNTS
    }
    for each in fields(KeyState):
        if each.name in kept and each.name not in _COUNTS:
            number = float(kept[each.name])
            given[each.name] = int(number) if each.name in _WHOLE else number
    return KeyState(**given)  # type: ignore[arg-type]

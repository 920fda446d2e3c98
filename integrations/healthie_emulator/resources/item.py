"""The functions that keep items in a world's tables: add, change, find."""

from typing import Any

from integrations.healthie_emulator.resources.kinds import Item
from integrations.healthie_emulator.state import World

__all__ = ["Item", "add", "change", "every", "first"]


def add(world: World, kind: str, /, **values: Any) -> Item:
    """Make an item; its id and dates are given, unless `created_at` is among the values."""
    dated = {name: values.pop(name) for name in ("created_at",) if name in values}
    return world.items[kind].add(values=values, **dated)


def change(world: World, kind: str, item_id: str, /, **changes: Any) -> Item:
    """Put changed values over those of an item."""
    table = world.items[kind]
    return table.change(item_id, values={**table[item_id].values, **changes})


def every(world: World, kind: str, /, **wanted: Any) -> list[Item]:
    """Return the items of a kind that have all these values, in the order in which they were made."""
    return [
        item
        for item in world.items[kind]
        if all(getattr(item, name) == value for name, value in wanted.items())
    ]


def first(world: World, kind: str, /, **wanted: Any) -> Item | None:
    """Return the first item of a kind with these values."""
    return next(iter(every(world, kind, **wanted)), None)

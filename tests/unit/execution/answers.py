"""Random answers of resolvers for the whole schema: mostly right, now and then null, raised, awaited, or of a wrong type.

The same seed makes equal answers, so that two executions can be given the same.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from random import Random
from types import SimpleNamespace
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from graphql import (
    GraphQLSchema,
    Undefined,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from booking import refusals
from booking.errors import InvalidInput
from schema.catalog import ContactType
from schema.shared import is_shared

T = TypeVar("T")

# Values that a type has behind its resolvers: the field whose value the loader loads.
LOADERS = {
    ("Checkout", "load_hold_expiry"): "holdExpiresAt",
    ("Checkout", "load_appointment"): "appointment",
    ("Appointment", "load_join"): "join",
    ("AppointmentChange", "load_appointment"): "appointment",
    ("Patient", "load_appointments"): "appointments",
    ("Me", "load_appointments"): "appointments",
    ("Me", "load_cards"): "cards",
    ("Me", "load_waitlist"): "waitlist",
    ("WaitlistOffer", "load_hold"): "hold",
    ("QuoteSuccess", "load_credits_left"): "creditsLeft",
    **{
        (kind, f"load_{field}"): field
        for kind in ("Me", "Patient")
        for field in ("packages", "credits", "memberships", "payments", "invoices")
    },
    ("Credit", "load_entries"): "entries",
    ("Membership", "load_can_pause"): "canPause",
    ("Membership", "load_can_resume"): "canResume",
    ("Operations", "load_checkouts"): "checkouts",
    ("Operations", "load_changes"): "changes",
}

# Fields of visits that are computed from values behind it: the moments from one, the options from what one loader loads.
MOMENTS = {(kind, field) for kind in ("Appointment", "GroupVisit") for field in ("start", "end")}
OPTIONS = {
    ("Appointment", "canCancelUntil"): "can_cancel_until",
    ("Appointment", "canRescheduleUntil"): "can_reschedule_until",
    ("Appointment", "feeNow"): "fee_now",
}

_TEXTS = (
    "",
    "plain",
    'quotes " and \\ and /',
    "line\nbreak\ttab\x00nul\x1f",
    "é ü ß",
    "漢字 \u2028 \u2029",
    "🏥",
    "\ud800",
    "\udc00 x \ud83d\ude00",
    "</script>",
    "x" * 300,
)


class Fault(Exception):
    """Raised, or answered, in place of a value."""


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Later:
    """An awaitable that nobody has to await."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        if isinstance(self._value, Fault):
            raise self._value
        return self._value


class Window(Sequence[T], Generic[T]):
    """A sequence of another kind than Python's own, made anew at each reading."""

    def __init__(self, items: list[T]) -> None:
        self._items = items

    def __getitem__(self, at: Any) -> Any:
        return self._items[at]

    def __len__(self) -> int:
        return len(self._items)


class Row:
    """An object that is no instance of the Strawberry type: its attributes are computed, or raise."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values


def row_class(names: Sequence[str]) -> type[Row]:
    """A class of rows with a property for each name."""

    def reader(name: str) -> property:
        def read(row: Row) -> Any:
            value = row.values[name]
            if isinstance(value, Fault) and value.args:
                raise value
            return value

        return property(read)

    return type("SomeRow", (Row,), {"__slots__": (), **{name: reader(name) for name in names}})


class Answers:
    """Makes the answer of one request, by a seed."""

    def __init__(
        self, schema: GraphQLSchema, seed: int, *, faults: float, shared: dict[str, list[Any]]
    ) -> None:
        """`faults` is their share among values. `shared` keeps instances of shared classes for later requests, by type."""
        self._schema = schema
        self._seed = seed
        self._faults = faults
        self._shared = shared
        self._random = Random(0)
        self._made: dict[str, list[Any]] = {}

    def of(self, kind: Any, place: str) -> Any:
        """The answer of the resolver at this place. May raise."""
        self._random = Random(f"{self._seed} {place}")
        self._made = {}
        if self._random.random() < self._faults:
            raise self._random.choice(
                [
                    Fault("raised"),
                    InvalidInput(field="first", reason="no"),
                    refusals.SlotTaken(),
                    refusals.PromoInvalid("\ud800 no"),
                ]
            )
        return self._value(kind, depth=0)

    def _value(self, kind: Any, depth: int) -> Any:
        if is_non_null_type(kind):
            return None if self._fault(0.3) else self._value_of(kind.of_type, depth)
        return None if self._random.random() < 0.2 else self._value_of(kind, depth)

    def _value_of(self, kind: Any, depth: int) -> Any:
        if self._fault(0.5):
            return self._wrong(kind, depth)
        if is_list_type(kind):
            return self._list(kind.of_type, depth)
        if is_leaf_type(kind):
            return self._leaf(kind)
        return self._object(kind, depth)

    def _fault(self, share: float) -> bool:
        return self._random.random() < self._faults * share

    def _wrong(self, kind: Any, depth: int) -> Any:
        random = self._random
        right = None if depth > 6 else self._right(kind, depth)
        makers: list[Callable[[], Any]] = [
            lambda: Fault("as a value"),
            lambda: Later(right),
            lambda: Later(Fault("awaited")),
            lambda: Undefined,
            object,
            lambda: SimpleNamespace(id="s", name=3, amount="1", currency="USD"),
            lambda: {"id": "1"},
            lambda: "text",
            lambda: 7,
            lambda: -(2**31) - 1,
            lambda: 1.5,
            lambda: float("nan"),
            lambda: True,
            lambda: Text("sub"),
            lambda: Number(5),
            lambda: Decimal("1.10"),
            lambda: Fraction(4, 2),
            lambda: b"bytes",
            lambda: ContactType.VIDEO,
            lambda: "video",
            lambda: datetime(2026, 1, 1),  # noqa: DTZ001  # a moment that names none
            lambda: [right],
            lambda: iter([right]),
            lambda: {right} if isinstance(right, str) else frozenset(),
            lambda: deque([right]),
            lambda: _items([right]),
            lambda: Window([right, right]),
        ]
        return random.choice(makers)()

    def _right(self, kind: Any, depth: int) -> Any:
        if is_list_type(kind):
            return []
        return self._leaf(kind) if is_leaf_type(kind) else self._object(kind, depth + 1)

    def _list(self, item: Any, depth: int) -> Any:
        longest = 4 if depth < 3 else 2
        items = [self._value(item, depth + 1) for _ in range(self._random.randint(0, longest))]
        kinds = [list, list, list, tuple, Window, deque]
        return self._random.choice(kinds)(items)

    def _object(self, kind: Any, depth: int) -> Any:
        random = self._random
        if kind.name in self._made and random.random() < 0.3:
            return random.choice(self._made[kind.name])  # the same instance again
        if self._shared.get(kind.name) and random.random() < 0.5:
            return random.choice(self._shared[kind.name])
        chosen = (
            random.choice(list(self._schema.get_possible_types(kind))) if is_abstract_type(kind) else kind
        )
        made = self._instance(chosen, depth)
        self._made.setdefault(chosen.name, []).append(made)
        return made

    def _instance(self, kind: Any, depth: int) -> Any:
        cls = kind.extensions["strawberry-definition"].origin
        plain = {
            name: declared.extensions["strawberry-definition"].python_name
            for name, declared in kind.fields.items()
            if declared.extensions["strawberry-definition"].is_basic_field
        }
        values = {python: self._value(kind.fields[name].type, depth + 1) for name, python in plain.items()}
        if values and self._fault(0.3):
            del values[self._random.choice(list(values))]
        loaders = {
            name: self._loader(kind.fields[field].type)
            for (owner, name), field in LOADERS.items()
            if owner == kind.name
        }
        if not loaders and kind.is_type_of is None and self._random.random() < 0.15:
            rows = row_class(list(plain.values()))
            return rows({name: values.get(name, Fault("no value")) for name in plain.values()})
        made = cls.__new__(cls)
        behind = self._behind_a_visit(kind, depth) if kind.name == "Appointment" else {}
        for name, value in (values | loaders | behind).items():
            setattr(made, name, value)
        return made

    def _behind_a_visit(self, kind: Any, depth: int) -> dict[str, Any]:
        options = {
            python: self._value(kind.fields[name].type, depth + 1) for (_, name), python in OPTIONS.items()
        }

        async def load() -> Any:
            await asyncio.sleep(0)
            return SimpleNamespace(**options)

        begins = datetime(2026, 11, 1, self._random.randint(0, 23), 30, tzinfo=UTC)
        return {"begins": begins, "load_options": load}

    def _loader(self, kind: Any) -> Any:
        seed = self._random.random()

        async def load(*_: object) -> Any:
            await asyncio.sleep(0)
            again = Answers(self._schema, 0, faults=self._faults, shared=self._shared)
            return again.of(kind, f"{self._seed} {seed}")

        return load

    def _leaf(self, kind: Any) -> Any:
        random = self._random
        declared = kind.extensions.get("strawberry-definition")
        if hasattr(declared, "wrapped_cls"):
            member: Enum = random.choice(list(declared.wrapped_cls))
            return member
        zone = random.choice([UTC, ZoneInfo("America/New_York"), timezone(timedelta(hours=5.5))])
        choices: dict[str, list[Any]] = {
            "Int": [0, 1, -5, 2**31 - 1, -(2**31), random.randint(0, 999)],
            "Boolean": [True, False],
            "DateTime": [datetime(2026, 11, 1, random.randint(0, 23), 30, tzinfo=zone)],
            "Date": [date(2026, random.randint(1, 12), 3)],
            "Decimal": [Decimal("49.00"), Decimal(0), Decimal("-1.5"), Decimal("1E+3")],
        }
        return random.choice(choices.get(kind.name, list(_TEXTS)))


async def _items(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def shared_instances(schema: GraphQLSchema) -> dict[str, list[Any]]:
    """Some faultless and some faulty instances of every shared type, to be answered again and again."""
    found: dict[str, list[Any]] = {}
    for kind in list(schema.type_map.values()):
        declared = getattr(kind, "extensions", {}).get("strawberry-definition")
        if is_object_type(kind) and is_shared(getattr(declared, "origin", object)):
            found[kind.name] = []
    for number, name in enumerate(sorted(found)):
        makers = [Answers(schema, number * 10 + n, faults=0.02 * n, shared={}) for n in range(4)]
        for maker in makers:
            found[name].append(maker._instance(schema.type_map[name], 2))
    return found
